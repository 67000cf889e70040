import { RESOURCE_TYPES, type ResourceType } from '../../../proto/types.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { type CompiledMesh, createMesh } from '../../mesh.ts'
import { type Discovery, watch } from '../../model/index.ts'
import type { ClientStatus } from '../../status/book.ts'
import type { ClassView } from '../../xds/class-view.ts'

/** Versions of resources by type and name. */
type Versions = ReadonlyMap<ResourceType, ReadonlyMap<string, string>>

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

interface Watched {
  readonly view: ClassView
  readonly versions: () => Versions
  readonly stop: () => void
}

type Objects = LoadedConfig['objects']

/**
 * A second mesh that nobody is served from: the configuration in force and a planned one are put into it in turn, and what differs
 * is what the change does. It stays between plans, subscribed to every resource of the classes now connected, so that a plan
 * costs what the change touches and not what the mesh holds. It costs the memory of those classes once more.
 */
export class ShadowMesh {
  readonly #mesh: CompiledMesh
  readonly #watched = new Map<string, Watched>()

  constructor(discovery?: Discovery) {
    this.#mesh = createMesh({ withoutDraining: true, ...(discovery ? { discovery: discovery.quiet() } : {}) })
  }

  /** The differences between two configurations for connected clients, classes without any left out. */
  compare(base: Objects, planned: Objects, clients: readonly ClientStatus[]): readonly ClassChanges[] {
    this.#mesh.commit(base)
    const before = this.#classes(clients)
    this.#mesh.commit(planned)
    const used = new Set<string>()
    const found = [...before].flatMap(([key, group]) => {
      used.add(key)
      // A new selector may split a class: its proxies are then compared with where each of them goes.
      const parts = new Map<string, ClientStatus[]>()
      for (const client of group.clients) {
        const view = this.#mesh.view(client.node)
        used.add(view.key)
        parts.set(view.key, [...(parts.get(view.key) ?? []), client])
      }
      return [...parts.values()].flatMap((members) => {
        const after = this.#watch(this.#mesh.view(members[0]!.node)).versions()
        const { types, versions } = compareVersions(group.versions, after)
        return types.length === 0 ? [] : [{ class: members[0]!.class, clients: members, types, versions }]
      })
    })
    for (const [key, { stop }] of this.#watched) {
      if (used.has(key)) continue
      stop()
      this.#watched.delete(key)
    }
    return found
  }

  /** The views of the classes last compared, in the planned configuration. */
  views(): readonly ClassView[] {
    return [...this.#watched.values()].map(({ view }) => view)
  }

  /** Lets everything go. */
  stop(): void {
    for (const { stop } of this.#watched.values()) stop()
    this.#watched.clear()
  }

  #classes(clients: readonly ClientStatus[]): Map<string, { versions: Versions; clients: ClientStatus[] }> {
    const classes = new Map<string, { versions: Versions; clients: ClientStatus[] }>()
    for (const client of clients) {
      const view = this.#mesh.view(client.node)
      const known = classes.get(view.key)
      if (known) known.clients.push(client)
      else classes.set(view.key, { versions: this.#watch(view).versions(), clients: [client] })
    }
    return classes
  }

  #watch(view: ClassView): Watched {
    const known = this.#watched.get(view.key)
    if (known) return known
    let versions: Versions = new Map()
    // Runs again at the end of each commit that changes something it read, and only then.
    const stop = watch(() => {
      versions = new Map(
        RESOURCE_TYPES.map((type) => [
          type,
          new Map(view.names(type).flatMap((name) => [[name, view.get(type, name)?.version ?? ''] as const])),
        ]),
      )
    })
    const watched = { view, versions: () => versions, stop }
    this.#watched.set(view.key, watched)
    return watched
  }
}

function compareVersions(before: Versions, after: Versions): Pick<ClassChanges, 'types' | 'versions'> {
  const versions = new Map<string, string>()
  const types = RESOURCE_TYPES.flatMap((type) => {
    const old = before.get(type)!
    const now = after.get(type)!
    if (old === now) return []
    const added = [...now.keys()].filter((name) => !old.has(name))
    const changed = [...now.keys()].filter((name) => old.has(name) && old.get(name) !== now.get(name))
    const removed = [...old.keys()].filter((name) => !now.has(name))
    for (const name of [...added, ...changed]) versions.set(`${type} ${name}`, now.get(name)!)
    return added.length + changed.length + removed.length === 0 ? [] : [{ type, added, changed, removed }]
  })
  return { types, versions }
}
