import { createHash } from 'node:crypto'
import type { Mesh, NodeInfo, Resource, View } from '../../controlplane/xds/resource.ts'
import type { ResourceType } from '../../proto/types.ts'

/** A resource for tests: its bytes are the text, its version their hash. */
export function fakeResource(
  type: ResourceType,
  name: string,
  content: string | Uint8Array = name,
  more: Partial<Pick<Resource, 'children' | 'origins'>> = {},
): Resource {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const version = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  return { type, name, version, bytes, origins: more.origins ?? [], children: more.children ?? [] }
}

/**
 * A mesh that is a table. Every node is of one class unless `classOf` says otherwise; all classes see the same table
 * unless a resource was put for one class.
 */
export class FakeMesh implements Mesh {
  classOf: (node: NodeInfo) => string = () => 'all'
  /** Names that a wildcard does not include although they can be asked for. */
  readonly lazy = new Set<string>()
  /** Nodes whose view was asked for. */
  readonly seen: NodeInfo[] = []
  private readonly table = new Map<ResourceType, Map<string, Resource>>()
  private readonly ofClass = new Map<string, Resource>()
  private readonly views = new Map<string, View>()
  private readonly listeners = new Set<() => void>()

  /** Adds or replaces, without telling anybody yet. */
  put(...resources: readonly Resource[]): this {
    for (const resource of resources) this.of(resource.type).set(resource.name, resource)
    return this
  }

  /** For one class only, in place of what all get. */
  putFor(classKey: string, resource: Resource): this {
    this.ofClass.set(`${classKey} ${resource.type} ${resource.name}`, resource)
    this.of(resource.type)
    return this
  }

  delete(type: ResourceType, ...names: readonly string[]): this {
    for (const name of names) this.of(type).delete(name)
    return this
  }

  /** Tells that a batch of changes is complete. */
  publish(): void {
    for (const listener of this.listeners) listener()
  }

  all(type: ResourceType): readonly Resource[] {
    return [...this.of(type).values()]
  }

  view(node: NodeInfo): View {
    this.seen.push(node)
    const key = this.classOf(node)
    const known = this.views.get(key)
    if (known) return known
    const view: View = {
      key,
      names: (type) => [...this.of(type).keys()].filter((name) => !this.lazy.has(name)),
      get: (type, name) => this.ofClass.get(`${key} ${type} ${name}`) ?? this.of(type).get(name),
    }
    this.views.set(key, view)
    return view
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  private of(type: ResourceType): Map<string, Resource> {
    const known = this.table.get(type)
    if (known) return known
    const made = new Map<string, Resource>()
    this.table.set(type, made)
    return made
  }
}
