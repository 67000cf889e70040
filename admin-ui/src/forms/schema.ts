import type { Path } from '../yaml/index.ts'

/** The part of JSON Schema that `GET /api/v1/kinds/{kind}/schema` answers, with the words it adds. */
export interface FieldSchema {
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean'
  readonly title?: string
  readonly description?: string
  readonly enum?: readonly (string | number)[]
  readonly const?: string | boolean
  readonly format?: string
  readonly properties?: Readonly<Record<string, FieldSchema>>
  readonly required?: readonly string[]
  readonly items?: FieldSchema
  readonly additionalProperties?: FieldSchema | boolean
  readonly anyOf?: readonly FieldSchema[]
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  /** What holds when the field is absent, in words. */
  readonly 'x-default'?: string
  readonly 'x-unsupported'?: string
  readonly 'x-deprecated'?: string
  readonly 'x-nullable'?: boolean
  /** Groups of fields of which one at most may be set. */
  readonly 'x-oneofs'?: readonly (readonly string[])[]
}

export type Json = Readonly<Record<string, unknown>>

/** Whether a plain value is an object, no list and not null. */
export function isMap(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `maxConnections` as protobuf's JSON also takes it: `max_connections`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** `max_connections` as the schema has it: `maxConnections`. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** The key under which a map has a field: people may write it in snake_case. The schema's own name when the field is absent. */
export function writtenKey(map: unknown, name: string): string {
  if (!isMap(map) || Object.hasOwn(map, name)) return name
  const other = snakeCase(name)
  return Object.hasOwn(map, other) ? other : name
}

/** Schema of a field by the key it is written with. */
export function fieldOf(schema: FieldSchema | undefined, key: string): FieldSchema | undefined {
  if (!schema) return undefined
  const { properties } = schema
  if (properties && Object.hasOwn(properties, key)) return properties[key]
  const camel = camelCase(key)
  if (properties && Object.hasOwn(properties, camel)) return properties[camel]
  if (typeof schema.additionalProperties === 'object') return schema.additionalProperties
  for (const one of schema.anyOf ?? []) {
    const found = fieldOf(one, key)
    if (found) return found
  }
  return undefined
}

/** Schema of the value at a path; undefined where the schema knows none. */
export function schemaAt(schema: FieldSchema | undefined, path: Path): FieldSchema | undefined {
  return path.reduce<FieldSchema | undefined>(
    (at, step) => (typeof step === 'number' ? at?.items : fieldOf(at, step)),
    schema,
  )
}

/** The value at a path; undefined when it is not there. */
export function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, step) => {
    if (typeof step === 'number') return Array.isArray(at) ? at[step] : undefined
    return isMap(at) && Object.hasOwn(at, step) ? at[step] : undefined
  }, value)
}

/** A path in the schema's names as the document writes it. */
export function writtenPath(value: unknown, path: Path): Path {
  const written: (string | number)[] = []
  let at = value
  for (const step of path) {
    const key = typeof step === 'number' ? step : writtenKey(at, step)
    written.push(key)
    at = valueAt(at, [key])
  }
  return written
}

/** The value at a path in the schema's names, whatever way they are written. */
export function read(value: unknown, ...path: Path): unknown {
  return valueAt(value, writtenPath(value, path))
}

/** The object at a path, an empty one where something else or nothing is. */
export const readMap = (value: unknown, ...path: Path): Json => {
  const found = read(value, ...path)
  return isMap(found) ? found : {}
}

/** The list at a path, an empty one where something else or nothing is. */
export const readList = (value: unknown, ...path: Path): readonly unknown[] => {
  const found = read(value, ...path)
  return Array.isArray(found) ? found : []
}

/** The text at a path, of a number its digits; undefined where something else or nothing is. */
export const readText = (value: unknown, ...path: Path): string | undefined => {
  const found = read(value, ...path)
  return typeof found === 'string' ? found : typeof found === 'number' ? String(found) : undefined
}

/** The number at a path; undefined where something else or nothing is. */
export const readNumber = (value: unknown, ...path: Path): number | undefined => {
  const found = read(value, ...path)
  return typeof found === 'number' ? found : undefined
}
