import type { ResourceType } from '../../proto/types.ts'
import type { Origin } from '../config/object.ts'
import type { Resource } from './resource.ts'

/** What a resource is made of. */
interface Parts extends Pick<Resource, 'type' | 'name' | 'version' | 'bytes' | 'children'> {
  readonly pending: boolean
  /** Called when somebody asks for the first time. */
  readonly origins: () => readonly Origin[]
}

/** A resource as it was compiled. Where it comes from is no part of what it is: that may change while its bytes stay. */
export class CompiledResource implements Resource {
  readonly type: ResourceType
  readonly name: string
  readonly version: string
  readonly bytes: Uint8Array
  readonly children: Resource['children']
  declare readonly pending?: boolean
  #origins: readonly Origin[] | (() => readonly Origin[])

  constructor({ type, name, version, bytes, children, pending, origins }: Parts) {
    this.type = type
    this.name = name
    this.version = version
    this.bytes = bytes
    this.children = children
    if (pending) this.pending = true
    this.#origins = origins
  }

  get origins(): readonly Origin[] {
    if (typeof this.#origins === 'function') this.#origins = this.#origins()
    return this.#origins
  }

  /** The same was compiled again: it comes from where the other comes from. */
  comesFrom(other: CompiledResource): void {
    this.#origins = other.#origins
  }
}
