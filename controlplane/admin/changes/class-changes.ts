import { RESOURCE_TYPES, type ResourceType } from '../../../proto/types.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { CompiledMesh } from '../../mesh.ts'
import { type Supposition, supposing } from '../../model/supposition.ts'
import type { ClientStatus } from '../../status/book.ts'
import type { ClassView } from '../../xds/class-view.ts'
import { compileCluster, type Problem, serviceTargetNames } from '../../xds/clusters/index.ts'
import type { Resource, Suspects } from '../../xds/resource.ts'

/** How the resources of one type differ, by name. */
export interface TypeChanges {
  readonly type: ResourceType
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

/** What a change does to the proxies of one class. */
export interface ClassChanges {
  /** Key of the class they are served from now. */
  readonly class: string
  readonly clients: readonly ClientStatus[]
  /** Types with a difference, in order. */
  readonly types: readonly TypeChanges[]
  /** Versions that added and changed resources will have: `<type> <name>` to version. */
  readonly versions: ReadonlyMap<string, string>
}

export interface Comparison {
  readonly classes: readonly ClassChanges[]
  /** What clusters will have that is not as their documents ask, of the classes looked at. */
  readonly problems: readonly Problem[]
}

/** A host as a document names it, and the namespace that name is relative to. */
export interface NamedHost {
  readonly host: string
  readonly namespace: string
}

type Objects = LoadedConfig['objects']

/** More clusters of named hosts than these are not looked at for complaints, per class. */
const MOST_NAMED_CLUSTERS = 300

/**
 * What a planned configuration changes for these clients, classes without any difference left out. The configuration is supposed, not
 * written: what does not follow from the change is what the mesh has compiled for its proxies, and only the rest is computed.
 * Yields between pieces of work; the configuration in force must be the same until it returns.
 * @param named hosts whose clusters are looked at for complaints even where no proxy has asked for them yet
 */
export function* compareClasses(
  mesh: CompiledMesh,
  planned: Objects,
  clients: readonly ClientStatus[],
  named: readonly NamedHost[],
): Generator<void, Comparison> {
  const then = mesh.model.world.suppose(planned)
  const groups = new Map<string, { readonly live: ClassView; readonly next: Next; members: ClientStatus[] }>()
  for (const client of clients) {
    const live = mesh.view(client.node)
    // A new selector may split a class: its proxies are then compared with where each of them goes.
    const view = supposing(then, () => mesh.view(client.node))
    const key = `${live.key}\n${view.key}`
    const known = groups.get(key)
    if (known) known.members.push(client)
    else groups.set(key, { live, next: new Next(view, then), members: [client] })
  }
  const classes: ClassChanges[] = []
  const problems = new Set<Problem>()
  for (const { live, next, members } of groups.values()) {
    yield
    const suspects = live.key === next.key ? live.readersOf(then.writes) : EVERYTHING
    const { types, versions, looked } = yield* differences(live, next, suspects)
    if (types.length > 0) classes.push({ class: members[0]!.class, clients: members, types, versions })
    for (const problem of next.problems(live, looked, types, named)) problems.add(problem)
  }
  return { classes, problems: [...problems] }
}

/** A class as it would be. */
class Next {
  readonly key: string
  readonly #view: ClassView
  readonly #then: Supposition

  constructor(view: ClassView, then: Supposition) {
    this.key = view.key
    this.#view = view
    this.#then = then
  }

  names(type: ResourceType): readonly string[] {
    return supposing(this.#then, () => this.#view.names(type))
  }

  get(type: ResourceType, name: string): Resource | undefined {
    return supposing(this.#then, () => this.#view.get(type, name))
  }

  /** Names that a proxy of the class is sent without asking for each. */
  sent(type: ResourceType): ReadonlySet<string> {
    return supposing(this.#then, () => sentNames(this.#view, type))
  }

  /** Complaints about clusters: those compared as they would be, the others as they are. */
  problems(
    live: ClassView,
    looked: ReadonlySet<string> | undefined,
    types: readonly TypeChanges[],
    named: readonly NamedHost[],
  ): readonly Problem[] {
    const gone = new Set(types.find(({ type }) => type === 'cds')?.removed)
    const found: Problem[] = []
    if (looked) for (const [name, list] of live.clusterProblems()) if (!looked.has(name)) found.push(...list)
    supposing(this.#then, () => {
      const { scope, onDemand } = this.#view
      for (const [name, list] of this.#view.clusterProblems())
        if (!gone.has(name) && (!looked || looked.has(name))) found.push(...list)
      if (!onDemand && scope.proxy.type !== 'message') return
      const names = new Set<string>()
      for (const { host, namespace } of named) {
        const service = scope.resolve(host, namespace)
        for (const name of service ? serviceTargetNames(scope, service) : []) names.add(name)
        if (names.size > MOST_NAMED_CLUSTERS) break
      }
      for (const name of names) found.push(...(compileCluster(scope, name)?.problems ?? []))
    })
    return found
  }
}

const EVERYTHING = 'everything'

interface Differences extends Pick<ClassChanges, 'types' | 'versions'> {
  /** Clusters that were compared; undefined: all. */
  readonly looked: ReadonlySet<string> | undefined
}

function* differences(
  live: ClassView,
  next: Next,
  suspects: Suspects | typeof EVERYTHING,
): Generator<void, Differences> {
  const versions = new Map<string, string>()
  const types: TypeChanges[] = []
  const looked = new Set<string>()
  /** Load assignments of clusters that come, go or change. */
  const assignments = new Set<string>()
  for (const type of RESOURCE_TYPES) {
    const names = yield* namesToCompare(type, live, next, suspects, assignments)
    const added: string[] = []
    const changed: string[] = []
    const removed: string[] = []
    let done = 0
    for (const { name, before, after } of names) {
      if (++done % 20 === 0) yield
      const old = before ? live.get(type, name) : undefined
      const now = after ? next.get(type, name) : undefined
      if (type === 'cds') {
        looked.add(name)
        if (old?.version !== now?.version)
          for (const child of [...(old?.children ?? []), ...(now?.children ?? [])]) assignments.add(child.name)
      }
      if (old?.version === now?.version) continue
      const list = old === undefined ? added : now === undefined ? removed : changed
      list.push(name)
      if (now) versions.set(`${type} ${name}`, now.version)
    }
    if (added.length + changed.length + removed.length > 0) types.push({ type, added, changed, removed })
  }
  return { types, versions, looked: suspects === EVERYTHING ? undefined : looked }
}

interface Compared {
  readonly name: string
  /** Whether the class may have it now. */
  readonly before: boolean
  /** Whether it may have it then. */
  readonly after: boolean
}

function* namesToCompare(
  type: ResourceType,
  live: ClassView,
  next: Next,
  suspects: Suspects | typeof EVERYTHING,
  assignments: ReadonlySet<string>,
): Generator<void, readonly Compared[]> {
  if (suspects === EVERYTHING) {
    // Names of load assignments are those of clusters, which have been compared by now.
    const [before, after] = [new Set(live.names(type)), new Set(next.names(type))]
    yield
    return [...new Set([...before, ...after])].map((name) => ({
      name,
      before: before.has(name),
      after: after.has(name),
    }))
  }
  const both = { before: true, after: true }
  const found = new Map<string, Compared>()
  for (const name of suspects.resources(type)) found.set(name, { name, ...both })
  if (type === 'eds') for (const name of assignments) found.set(name, { name, ...both })
  else if (suspects.names(type)) {
    const [before, after] = [sentNames(live, type), next.sent(type)]
    yield
    for (const name of before) if (!after.has(name)) found.set(name, { name, before: true, after: false })
    for (const name of after) if (!before.has(name)) found.set(name, { name, before: false, after: true })
  }
  return [...found.values()]
}

function sentNames(view: ClassView, type: ResourceType): ReadonlySet<string> {
  return new Set(type === 'cds' && view.onDemand ? view.onDemand.eager() : view.names(type))
}
