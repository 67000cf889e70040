import { hash } from 'node:crypto'
import type { ConfigObject, Named, Origin } from '../config/object.ts'
import { batch, cells, type Source, sameItems, source } from './cells.ts'
import { whilePresent } from './lasting.ts'
import { isSupposing, type Supposition, suppose } from './supposition.ts'

/**
 * The present configuration, readable by cells. A commit replaces the whole world at once; an object whose content did not
 * change keeps its identity (a comment or a moved line is no change), so that nothing that depends on it is computed again.
 */
export class World {
  readonly #byKind = new Map<string, Source<readonly ConfigObject[]>>()
  readonly #inNamespace = cells<readonly ConfigObject[]>(
    (key) => {
      const slash = key.indexOf('/')
      const namespace = key.slice(slash + 1)
      return this.all(key.slice(0, slash)).filter((object) => object.namespace === namespace)
    },
    sameItems,
    { lasting: whilePresent({ present: () => this.#present(), has: (present, key) => present.has(key) }) },
  )
  /** The objects as last read, for places in files; cells hold older twins of equal content. */
  #newest: ReadonlyMap<string, ConfigObject> = new Map()
  #kept = new Map<string, Kept>()
  /** `<kind>/<namespace>` of all objects, and of which commit. */
  #places: { readonly of: ReadonlyMap<string, Kept>; readonly all: ReadonlySet<string> } | undefined
  /** The content of those objects whose volatile part somebody reads. */
  readonly #current = new Map<string, Source<ConfigObject>>()
  /** The objects of a world that is only supposed. */
  readonly #supposed = source<ReadonlyMap<string, Kept> | undefined>(undefined, 'supposed')

  /**
   * Makes `objects` (in order of precedence) the world. Returns the keys of objects that came, went or changed content;
   * an empty list means that no reader can tell a difference.
   */
  commit(objects: ReadonlyMap<string, ConfigObject>): readonly string[] {
    const { changed, kept, lists } = this.#differences(objects)
    this.#kept = kept
    this.#newest = objects
    batch(() => {
      for (const [kind, list] of lists) {
        const present = this.#source(kind)
        if (!sameItems(present.peek(), list)) present.value = list
      }
      for (const key of changed) {
        const object = kept.get(key)?.object
        const present = this.#current.get(key)
        if (object) {
          if (present) present.value = object
        } else if (present) {
          // Who read it must look again, and finds another source should the object come back.
          present.value = { ...present.peek() }
          this.#current.delete(key)
        }
      }
    })
    return changed
  }

  /** The world with these objects instead, to be looked at by `supposing`. Writes nothing. */
  suppose(objects: ReadonlyMap<string, ConfigObject>): Supposition {
    const { changed, kept, lists } = this.#differences(objects)
    const values = new Map<Source<unknown>, unknown>([[this.#supposed, kept]])
    for (const [kind, list] of lists) {
      const present = this.#source(kind)
      if (!sameItems(present.peek(), list)) values.set(present, list)
    }
    for (const key of changed) {
      // Who asks about the present for the first time while this is supposed must read what is supposed to be another.
      const present = this.#currentOf(key)
      if (present) values.set(present, kept.get(key)?.object)
    }
    return suppose(values)
  }

  #differences(objects: ReadonlyMap<string, ConfigObject>): {
    /** Keys of objects that came, went or changed content. */
    readonly changed: readonly string[]
    readonly kept: Map<string, Kept>
    /** Objects of every kind whose list may differ. */
    readonly lists: ReadonlyMap<string, readonly ConfigObject[]>
  } {
    const changed: string[] = []
    /** Kinds whose list may differ. */
    const kinds = new Set<string>()
    const kept = new Map<string, Kept>()
    const before = this.#kept.keys()
    let sameOrder = objects.size === this.#kept.size
    for (const [key, object] of objects) {
      if (sameOrder && before.next().value !== key) sameOrder = false
      const known = this.#kept.get(key)
      const entry = known && this.#newest.get(key) === object ? known : keep(object, known)
      if (entry !== known) changed.push(key)
      if (entry.listed !== known?.listed) kinds.add(object.kind)
      kept.set(key, entry)
    }
    for (const key of this.#kept.keys()) if (!kept.has(key)) changed.push(key)
    return { changed, kept, lists: this.#lists(kept, sameOrder ? kinds : undefined) }
  }

  /** Objects by kind, of some kinds or of all there are and were. */
  #lists(
    kept: ReadonlyMap<string, Kept>,
    wanted: ReadonlySet<string> | undefined,
  ): ReadonlyMap<string, ConfigObject[]> {
    const lists = new Map<string, ConfigObject[]>([...(wanted ?? this.#byKind.keys())].map((kind) => [kind, []]))
    if (wanted?.size === 0) return lists
    for (const { listed } of kept.values()) {
      const list = lists.get(listed.kind)
      if (list) list.push(listed)
      else if (!wanted) lists.set(listed.kind, [listed])
    }
    return lists
  }

  /**
   * All objects of a kind in order of precedence (tracked). ServiceEntries have no `spec.endpoints` in them: who wants those reads
   * `current`, and who does not is not disturbed by their changes.
   */
  all<Spec>(kind: string): readonly ConfigObject<Spec>[] {
    return this.#source(kind).value as readonly ConfigObject<Spec>[]
  }

  /** Those of one namespace (tracked: changes elsewhere do not count). */
  inNamespace<Spec>(kind: string, namespace: string): readonly ConfigObject<Spec>[] {
    return this.#inNamespace(`${kind}/${namespace}`) as readonly ConfigObject<Spec>[]
  }

  /** An object of `all` with all of its present content (tracked, by itself). */
  current<Spec>(object: ConfigObject<Spec>): ConfigObject<Spec> {
    const supposed = isSupposing() ? this.#supposed.value : undefined
    if (supposed) return (supposed.get(object.key)?.object ?? object) as ConfigObject<Spec>
    return (this.#currentOf(object.key)?.value ?? object) as ConfigObject<Spec>
  }

  #currentOf(key: string): Source<ConfigObject> | undefined {
    let present = this.#current.get(key)
    const kept = this.#kept.get(key)
    if (!present && kept) {
      present = source<ConfigObject>(kept.object)
      this.#current.set(key, present)
    }
    return present
  }

  /** A place in an object that can still be found after lines have moved in its file. */
  origin(object: Named, path: Origin['path']): Origin {
    return new LiveOrigin(this, object, () => path)
  }

  /**
   * The place of something that may move within its object and stays what it is, as an item of a list does.
   * @param find where it is in a reading of the object
   */
  movingOrigin<Spec>(object: ConfigObject<Spec>, find: (reading: ConfigObject<Spec>) => Origin['path']): Origin {
    return new LiveOrigin(this, object, (reading) => find((reading ?? object) as ConfigObject<Spec>))
  }

  /** An origin as one that is looked up when somebody asks. */
  live(origin: Origin): Origin {
    return origin instanceof LiveOrigin ? origin : this.origin(origin.object, origin.path)
  }

  /** All objects in order of precedence, as last read (not tracked). */
  get objects(): ReadonlyMap<string, ConfigObject> {
    return this.#newest
  }

  /** The newest reading of an object (not tracked): content equal, places in its file up to date. */
  newest(object: Named): ConfigObject | undefined {
    return this.#newest.get(object.key)
  }

  /** `<kind>/<namespace>` of all objects (not tracked). */
  #present(): ReadonlySet<string> {
    if (this.#places?.of !== this.#kept) {
      const all = new Set<string>()
      for (const { listed } of this.#kept.values()) all.add(`${listed.kind}/${listed.namespace}`)
      this.#places = { of: this.#kept, all }
    }
    return this.#places.all
  }

  #source(kind: string): Source<readonly ConfigObject[]> {
    let present = this.#byKind.get(kind)
    if (!present) {
      present = source<readonly ConfigObject[]>([], kind)
      this.#byKind.set(kind, present)
    }
    return present
  }
}

/** What is kept of an object between commits. */
interface Kept {
  /** The first reading with the present content. */
  readonly object: ConfigObject
  readonly content: string
  /** The object in the lists of its kind: without what changes often. */
  readonly listed: ConfigObject
}

function keep(object: ConfigObject, before: Kept | undefined): Kept {
  const content = contentHash(object)
  if (before?.content === content) return before
  const listed = lasting(object)
  return { object, content, listed: before && hashOf(before.listed) === hashOf(listed) ? before.listed : listed }
}

/** An object without what changes far more often than the rest and concerns few: the endpoints of a ServiceEntry. */
function lasting(object: ConfigObject): ConfigObject {
  if (object.kind !== 'ServiceEntry') return object
  return { ...object, spec: { ...(object.spec as object), endpoints: undefined } }
}

/** What is asked of it is asked of the newest reading of its object (not tracked). */
class LiveOrigin implements Origin {
  readonly #world: World
  readonly #object: Named
  readonly #find: (reading: ConfigObject | undefined) => Origin['path']

  constructor(world: World, object: Named, find: (reading: ConfigObject | undefined) => Origin['path']) {
    this.#world = world
    this.#object = object
    this.#find = find
  }

  get object(): Named {
    return this.#world.newest(this.#object) ?? this.#object
  }

  get path(): Origin['path'] {
    return this.#find(this.#world.newest(this.#object))
  }

  /** The place in other readings of the objects. */
  in(objects: ReadonlyMap<string, ConfigObject>): Origin {
    const reading = objects.get(this.#object.key)
    return { object: reading ?? this.object, path: this.#find(reading) }
  }
}

/** Where an origin is in a configuration that need not be the present one. */
export function originIn(origin: Origin, objects: ReadonlyMap<string, ConfigObject>): Origin {
  if (origin instanceof LiveOrigin) return origin.in(objects)
  return { object: objects.get(origin.object.key) ?? origin.object, path: origin.path }
}

const hashes = new WeakMap<ConfigObject, string>()

/** Objects are immutable, and more than one world reads them. */
function contentHash(object: ConfigObject): string {
  let known = hashes.get(object)
  if (known === undefined) {
    known = hashOf(object)
    hashes.set(object, known)
  }
  return known
}

function hashOf(object: ConfigObject): string {
  const { kind, apiVersion, name, namespace, labels, annotations, spec, source: from } = object
  const content = [kind, apiVersion, name, namespace, labels, annotations, spec, from.companions]
  return hash('sha1', JSON.stringify(content, bigintAsText), 'base64')
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value
}
