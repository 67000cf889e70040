import { RESOURCE_TYPES, type ResourceType } from '../../../proto/types.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { type CompiledMesh, createMesh, type MeshOptions } from '../../mesh.ts'
import type { Discovery } from '../../model/index.ts'
import type { ClientStatus } from '../../status/book.ts'
import type { ClassView } from '../../xds/class-view.ts'
import { compileCluster, type Problem, serviceTargetNames } from '../../xds/clusters/index.ts'
import type { Suspects } from '../../xds/resource.ts'

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

export interface ShadowMeshOptions {
  /** The mesh that proxies are served from. */
  readonly live: CompiledMesh
  readonly discovery?: Discovery | undefined
  readonly generations?: MeshOptions['generations'] | undefined
}

type Objects = LoadedConfig['objects']

/** More clusters of named hosts than these are not looked at for complaints, per class. */
const MOST_NAMED_CLUSTERS = 300

/**
 * A second mesh that nobody is served from. A planned configuration is put into it, and of what the live mesh has compiled for the
 * proxies that are connected only that is compiled anew which read something the plan changes: the cells of the live mesh know. So a
 * plan costs what the change touches, the first one too. It stays between plans.
 */
export class ShadowMesh {
  readonly #live: CompiledMesh
  readonly #mesh: CompiledMesh
  /** Those of the last comparison: the mesh itself does not hold its views. */
  readonly #views = new Set<ClassView>()

  constructor({ live, discovery, generations }: ShadowMeshOptions) {
    this.#live = live
    this.#mesh = createMesh({
      withoutDraining: true,
      ...(discovery ? { discovery: discovery.quiet() } : {}),
      ...(generations ? { generations } : {}),
    })
  }

  /**
   * What a planned configuration changes for these clients, classes without any difference left out. `named`: hosts whose clusters are
   * looked at for complaints even where no proxy has asked for them yet. Yields between pieces of work; the configuration in force must
   * be the same until it returns.
   */
  *compare(
    planned: Objects,
    clients: readonly ClientStatus[],
    named: readonly NamedHost[],
  ): Generator<void, Comparison> {
    const writes = this.#live.model.world.foresee(planned)
    // Nobody is served from here: what leaves need not be kept for anybody.
    this.#mesh.model.world.commit(planned)
    const groups = new Map<string, { readonly live: ClassView; readonly next: ClassView; members: ClientStatus[] }>()
    for (const client of clients) {
      const live = this.#live.view(client.node)
      // A new selector may split a class: its proxies are then compared with where each of them goes.
      const next = this.#mesh.view(client.node)
      const key = `${live.key}\n${next.key}`
      const known = groups.get(key)
      if (known) known.members.push(client)
      else groups.set(key, { live, next, members: [client] })
    }
    this.#views.clear()
    for (const { next } of groups.values()) this.#views.add(next)
    const classes: ClassChanges[] = []
    const problems = new Set<Problem>()
    for (const { live, next, members } of groups.values()) {
      yield
      const suspects = live.key === next.key ? live.readersOf(writes) : EVERYTHING
      const { types, versions, looked } = yield* differences(live, next, suspects)
      if (types.length > 0) classes.push({ class: members[0]!.class, clients: members, types, versions })
      for (const problem of problemsOf(live, next, looked, named)) problems.add(problem)
    }
    return { classes, problems: [...problems] }
  }
}

const EVERYTHING = 'everything'

interface Differences extends Pick<ClassChanges, 'types' | 'versions'> {
  /** Clusters that were compared; undefined: all. */
  readonly looked: ReadonlySet<string> | undefined
}

function* differences(
  live: ClassView,
  next: ClassView,
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
  next: ClassView,
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
    const [before, after] = [namesOf(live, type), namesOf(next, type)]
    yield
    for (const name of before) if (!after.has(name)) found.set(name, { name, before: true, after: false })
    for (const name of after) if (!before.has(name)) found.set(name, { name, before: false, after: true })
  }
  return [...found.values()]
}

/** Names that a proxy of the class is sent without asking for each. */
function namesOf(view: ClassView, type: ResourceType): ReadonlySet<string> {
  return new Set(type === 'cds' && view.onDemand ? view.onDemand.eager() : view.names(type))
}

function problemsOf(
  live: ClassView,
  next: ClassView,
  looked: ReadonlySet<string> | undefined,
  named: readonly NamedHost[],
): readonly Problem[] {
  const found: Problem[] = []
  for (const [name, list] of next.clusterProblems()) if (!looked || looked.has(name)) found.push(...list)
  if (looked) for (const [name, list] of live.clusterProblems()) if (!looked.has(name)) found.push(...list)
  if (!live.onDemand && live.scope.proxy.type !== 'message') return found
  const names = new Set<string>()
  for (const { host, namespace } of named) {
    const service = next.scope.resolve(host, namespace)
    for (const name of service ? serviceTargetNames(next.scope, service) : []) names.add(name)
    if (names.size > MOST_NAMED_CLUSTERS) break
  }
  for (const name of names) found.push(...(compileCluster(next.scope, name)?.problems ?? []))
  return found
}
