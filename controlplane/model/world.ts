import { createHash } from 'node:crypto'
import { batch, type Signal, signal } from '@preact/signals-core'
import type { ConfigObject, Origin } from '../config/object.ts'
import { cells, sameItems } from './cells.ts'

/**
 * The present configuration, readable by cells. A commit replaces the whole world at once; an object whose content did not
 * change keeps its identity (a comment or a moved line is no change), so that nothing that depends on it is computed again.
 */
export class World {
  readonly #byKind = new Map<string, Signal<readonly ConfigObject[]>>()
  readonly #inNamespace = cells<readonly ConfigObject[]>((key) => {
    const slash = key.indexOf('/')
    const namespace = key.slice(slash + 1)
    return this.all(key.slice(0, slash)).filter((object) => object.namespace === namespace)
  }, sameItems)
  /** The objects as last read, for places in files; cells hold older twins of equal content. */
  #newest: ReadonlyMap<string, ConfigObject> = new Map()
  #kept = new Map<string, { readonly object: ConfigObject; readonly content: string }>()

  /**
   * Makes `objects` (in order of precedence) the world. Returns the keys of objects that came, went or changed content;
   * an empty list means that no reader can tell a difference.
   */
  commit(objects: ReadonlyMap<string, ConfigObject>): readonly string[] {
    const kept = new Map<string, { readonly object: ConfigObject; readonly content: string }>()
    const changed: string[] = []
    const kinds = new Map<string, ConfigObject[]>([...this.#byKind.keys()].map((kind) => [kind, []]))
    for (const [key, object] of objects) {
      const before = this.#kept.get(key)
      const content = this.#newest.get(key) === object && before ? before.content : contentHash(object)
      const entry = before?.content === content ? before : { object, content }
      if (entry !== before) changed.push(key)
      kept.set(key, entry)
      const list = kinds.get(object.kind)
      if (list) list.push(entry.object)
      else kinds.set(object.kind, [entry.object])
    }
    for (const key of this.#kept.keys()) if (!kept.has(key)) changed.push(key)
    this.#kept = kept
    this.#newest = objects
    batch(() => {
      for (const [kind, list] of kinds) {
        const present = this.#signal(kind)
        if (!sameItems(present.peek(), list)) present.value = list
      }
    })
    return changed
  }

  /** All objects of a kind in order of precedence (tracked). */
  all<Spec>(kind: string): readonly ConfigObject<Spec>[] {
    return this.#signal(kind).value as readonly ConfigObject<Spec>[]
  }

  /** Those of one namespace (tracked: changes elsewhere do not count). */
  inNamespace<Spec>(kind: string, namespace: string): readonly ConfigObject<Spec>[] {
    return this.#inNamespace(`${kind}/${namespace}`) as readonly ConfigObject<Spec>[]
  }

  /** A place in an object that can still be found after lines have moved in its file. */
  origin(object: ConfigObject, path: Origin['path']): Origin {
    return new LiveOrigin(this, object, path)
  }

  /** The newest reading of an object (not tracked): content equal, places in its file up to date. */
  newest(object: ConfigObject): ConfigObject {
    return this.#newest.get(object.key) ?? object
  }

  #signal(kind: string): Signal<readonly ConfigObject[]> {
    let present = this.#byKind.get(kind)
    if (!present) {
      present = signal<readonly ConfigObject[]>([])
      this.#byKind.set(kind, present)
    }
    return present
  }
}

class LiveOrigin implements Origin {
  readonly #world: World
  readonly #object: ConfigObject
  readonly path: Origin['path']

  constructor(world: World, object: ConfigObject, path: Origin['path']) {
    this.#world = world
    this.#object = object
    this.path = path
  }

  get object(): ConfigObject {
    return this.#world.newest(this.#object)
  }
}

function contentHash(object: ConfigObject): string {
  const { kind, apiVersion, name, namespace, labels, annotations, spec } = object
  return createHash('sha1')
    .update(JSON.stringify([kind, apiVersion, name, namespace, labels, annotations, spec], bigintAsText))
    .digest('base64')
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}
