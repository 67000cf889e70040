import type { FieldSchema } from '../../admin-ui/src/forms/schema.ts'
import { fieldOf } from '../../admin-ui/src/forms/schema.ts'
import type { Random } from '../../codecs/mutated.ts'
import { kindSchema } from './kind-schemas.ts'

/** A document as data, before it is text. */
export interface PlainDocument {
  readonly kind: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly [field: string]: unknown
}

type Path = readonly (string | number)[]
type Holder = Record<string | number, unknown>

interface Place {
  readonly path: Path
  readonly value: unknown
  readonly schema: FieldSchema | undefined
}

const NAMESPACES = ['shop', 'play', 'default', 'istio-system', undefined]
const LABELS = ['app', 'istio', 'version', 'zone-of']
const ANNOTATIONS = ['meshgate.io/lazy', 'meshgate.io/lazy-virtual-hosts', 'meshgate.io/proxy-protocol', 'interface']

/** Draws changes of documents: by the schema of their kind, and with what other documents say in a field of the same name. */
export class DocumentChanges {
  readonly #any: Random
  /** What documents say, by the name of the field. */
  readonly #said = new Map<string, unknown[]>()

  constructor(any: Random, documents: readonly PlainDocument[]) {
    this.#any = any
    for (const document of documents)
      for (const { path, value } of placesOf(document)) {
        const said = this.#said.get(fieldName(path)) ?? []
        this.#said.set(fieldName(path), said)
        said.push(value)
      }
  }

  one<T>(list: readonly T[]): T {
    return list[this.#any(list.length)]!
  }

  /** A copy of a document in which one thing is different. It need not be valid. */
  changed(document: PlainDocument): PlainDocument {
    const copy = structuredClone(document) as PlainDocument & Holder
    if (this.#any(6) === 0) this.#changeMetadata(copy)
    else this.#changeField(copy)
    return copy
  }

  /** A copy with another value in one field, or without it. It need not be valid. @param field names from the document down */
  withField(document: PlainDocument, field: readonly string[]): PlainDocument {
    const copy = structuredClone(document) as PlainDocument & Holder
    let holder: Holder = copy
    let schema = kindSchema(document.kind)
    for (const name of field.slice(0, -1)) {
      schema = fieldOf(schema, name)
      if (!isMap(holder[name])) holder[name] = this.#made(schema, name, 0) ?? {}
      holder = holder[name] as Holder
    }
    const name = field.at(-1)!
    if (name in holder && this.#any(3) === 0) {
      delete holder[name]
      return copy
    }
    const said = this.#any(3) === 0 ? this.#said_(field) : undefined
    holder[name] = said ?? this.#made(fieldOf(schema, name), name, 0)
    return copy
  }

  #changeMetadata(document: PlainDocument): void {
    const metadata = document.metadata as Holder
    const set = (field: string, value: unknown) => {
      if (value === undefined) delete metadata[field]
      else metadata[field] = value
    }
    const entries = (field: string, name: string, value: string) => {
      const map = { ...(metadata[field] as Record<string, string> | undefined) }
      if (name in map && this.#any(2) === 0) delete map[name]
      else map[name] = value
      set(field, map)
    }
    const draw = this.#any(6)
    if (draw === 0) set('name', this.one(this.#said.get('name') ?? ['other']))
    else if (draw < 3) set('namespace', this.one(NAMESPACES))
    else if (draw === 3) entries('labels', this.one(LABELS), String(this.one(this.#said.get('app') ?? ['web'])))
    else if (draw === 4) entries('annotations', this.one(ANNOTATIONS), this.one(['true', 'false']))
    else set('creationTimestamp', this.one([undefined, '2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z']))
  }

  #changeField(document: PlainDocument & Holder): void {
    const places = placesOf(document)
    const place = this.one(places)
    const holder = place.path.slice(0, -1).reduce<Holder>((value, key) => value[key] as Holder, document)
    const key = place.path.at(-1)!
    const draw = this.#any(10)
    if (draw === 0 && place.path.length > 1) remove(holder, key)
    else if (draw < 3) holder[key] = this.#said_(place.path) ?? place.value
    else if (Array.isArray(place.value)) this.#changeList(place.value, place)
    else if (isMap(place.value)) this.#addField(place.value, place)
    else holder[key] = this.#other(place)
  }

  #changeList(list: unknown[], { path, schema }: Place): void {
    const at = this.#any(Math.max(1, list.length))
    switch (this.#any(4)) {
      case 0:
        list.splice(at, 1)
        return
      case 1:
        if (list.length > 0) list.splice(this.#any(list.length + 1), 0, structuredClone(list[at]))
        return
      case 2: {
        const [moved] = list.splice(at, 1)
        if (moved !== undefined) list.splice(this.#any(list.length + 1), 0, moved)
        return
      }
      default: {
        const item = this.#said_([...path, 0]) ?? this.#made(schema?.items, fieldName(path), 0)
        if (item !== undefined) list.splice(this.#any(list.length + 1), 0, item)
      }
    }
  }

  #addField(map: Holder, { path, schema }: Place): void {
    const names = Object.keys(schema?.properties ?? {})
    const name = names.length > 0 ? this.one(names) : this.one([...Object.keys(map), ...LABELS])
    const value =
      this.#any(3) > 0
        ? (this.#said_([...path, name]) ?? this.#made(fieldOf(schema, name), name, 0))
        : this.#made(fieldOf(schema, name), name, 0)
    if (value !== undefined) map[name] = value
  }

  /** Something that some document says in a field of this name. */
  #said_(path: Path): unknown {
    const said = this.#said.get(fieldName(path))
    return said && structuredClone(this.one(said))
  }

  #other({ path, value, schema }: Place): unknown {
    const choice = choicesOf(schema)
    if (choice.length > 0 && this.#any(2) === 0) return this.one(choice)
    if (typeof value === 'boolean') return !value
    if (this.#any(3) > 0) {
      const said = this.#said_(path)
      if (said !== undefined && said !== value) return said
    }
    if (typeof value === 'number') return Math.max(0, value + this.one([-1, 1, 2]))
    return typeof value === 'string' ? this.one([`${value}x`, `x${value}`, value.slice(0, -1), '*']) : value
  }

  /** A value of a schema; undefined where one would only be wrong. */
  #made(schema: FieldSchema | undefined, name: string, depth: number): unknown {
    if (!schema || depth > 4) return undefined
    const choices = choicesOf(schema)
    if (choices.length > 0) return this.one(choices)
    if (schema.anyOf) return this.#made(this.one(schema.anyOf), name, depth + 1)
    const said = this.#said.get(name)
    if (said && depth > 0) return structuredClone(this.one(said))
    switch (schema.type) {
      case 'boolean':
        return this.#any(2) === 0
      case 'number':
      case 'integer':
        return this.one([0, 1, 2, 7, 80, 100, 8080])
      case 'string':
        return this.one(['1s', '250ms', 'web', 'v1', 'reviews.shop.svc.cluster.local', '/etc/file.pem', '10.0.0.7'])
      case 'array': {
        const item = this.#made(schema.items, name, depth + 1)
        return item === undefined ? [] : [item]
      }
      case 'object': {
        const made: Holder = {}
        for (const [field, inner] of Object.entries(schema.properties ?? {})) {
          if (!schema.required?.includes(field) && this.#any(3) > 0) continue
          const value = this.#made(inner, field, depth + 1)
          if (value !== undefined) made[field] = value
        }
        return made
      }
      default:
        return undefined
    }
  }
}

/** Every field of a kind that is no list or map of others, by the names that lead to it. */
export function fieldsOf(kind: string): readonly (readonly string[])[] {
  const found: (readonly string[])[] = []
  const walk = (schema: FieldSchema | undefined, path: readonly string[]) => {
    const inner = Object.entries(schema?.properties ?? {})
    if (inner.length === 0) found.push(path)
    for (const [name, field] of inner) walk(field, [...path, name])
  }
  walk(fieldOf(kindSchema(kind), 'spec'), ['spec'])
  return found
}

function choicesOf(schema: FieldSchema | undefined): readonly unknown[] {
  if (schema?.enum) return schema.enum
  return schema?.type === 'boolean' ? [true, false] : []
}

/** Every value in a document but those that say what it is. */
function placesOf(document: PlainDocument): readonly Place[] {
  const found: Place[] = []
  const walk = (value: unknown, path: Path, schema: FieldSchema | undefined) => {
    found.push({ path, value, schema })
    if (Array.isArray(value)) for (const [index, item] of value.entries()) walk(item, [...path, index], schema?.items)
    else if (isMap(value))
      for (const [key, item] of Object.entries(value)) walk(item, [...path, key], fieldOf(schema, key))
  }
  const schema = kindSchema(document.kind)
  for (const [field, value] of Object.entries(document))
    if (!['kind', 'apiVersion', 'metadata'].includes(field)) walk(value, [field], fieldOf(schema, field))
  if (typeof document.metadata['name'] === 'string')
    found.push({ path: ['metadata', 'name'], value: document.metadata['name'], schema: undefined })
  return found
}

/** Items of a list are called as the list. */
function fieldName(path: Path): string {
  const names = path.filter((part) => typeof part === 'string')
  return typeof path.at(-1) === 'number' ? `${names.at(-1)}[]` : names.at(-1)!
}

function remove(holder: Holder, key: string | number): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1)
  else delete holder[key]
}

function isMap(value: unknown): value is Holder {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
