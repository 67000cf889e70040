import { type FieldSchema, isMap } from './schema.ts'

/** One of the ways in which a field can be written: a plain value or a list of such, an object, a list of objects, a map. */
export interface Alternative {
  readonly schema: FieldSchema
  /** What it is called, in the schema's words; what a plain value is needs none. */
  readonly title: string | undefined
}

/**
 * The ways in which a field can be written, those that one control shows taken as one; none where there is only one way. Values that are always
 * the same (`true`, `close`) are a way of their own where they have a name.
 */
export function alternativesOf(declared: FieldSchema | undefined): readonly Alternative[] {
  if (!declared?.anyOf) return []
  const all = unfolded(declared)
  const plain = all.filter((one) => isPlainOrList(one) && !isNamedConst(one))
  const { anyOf: _, title: __, ...words } = declared
  const ways = [
    ...(plain.length === 0 ? [] : [{ schema: { ...words, ...(plain.length === 1 ? plain[0] : { anyOf: plain }) } }]),
    ...all.filter((one) => !plain.includes(one)).map((schema) => ({ schema })),
  ]
  return ways.length < 2
    ? []
    : ways.map(({ schema }) => ({
        title: schema.title,
        schema: declared.description === undefined ? schema : { ...schema, description: declared.description },
      }))
}

/** Which of the ways a value is written in: its place in the list; that of the first where nothing is written yet. */
export function wayOf(ways: readonly Alternative[], value: unknown): number {
  if (value === undefined || value === null) return 0
  const fitting = ways.map(({ schema }) => closeness(schema, value))
  const best = Math.max(...fitting)
  return best < 0 ? 0 : fitting.indexOf(best)
}

/**
 * What stands there when another way is chosen: one of several stays itself, and several stay the first of them where only one may be. Undefined
 * where nothing of the value can stay.
 */
export function inOtherWay(to: FieldSchema, value: unknown): unknown {
  if (to.type === 'array' && to.items?.properties) return isMap(value) ? [value] : undefined
  if (to.properties && Array.isArray(value) && value.length === 1 && isMap(value[0])) return value[0]
  return undefined
}

/** How near a value is to a way of writing it; below 0 where it is another one. */
function closeness(schema: FieldSchema, value: unknown): number {
  if (schema.anyOf) return Math.max(...unfolded(schema).map((one) => closeness(one, value)))
  if (schema.const !== undefined) return schema.const === value ? 3 : -1
  if (Array.isArray(value)) {
    if (schema.type !== 'array') return -1
    return value.some((item) => isMap(item) !== holdsMaps(schema.items)) ? 0 : 2
  }
  if (!isMap(value)) return schema.type === 'object' || schema.type === 'array' ? -1 : 1
  if (schema.type !== 'object') return -1
  const { properties, required = [] } = schema
  const keys = Object.keys(value)
  if (!properties) return 1
  const known = keys.filter((key) => Object.hasOwn(properties, key)).length
  if (known < keys.length) return known / (keys.length + 1)
  return required.every((key) => Object.hasOwn(value, key)) ? 3 : 2
}

function holdsMaps(schema: FieldSchema | undefined): boolean {
  return schema !== undefined && unfolded(schema).some(({ type }) => type === 'object')
}

/** The alternatives of a schema, nested ones among them; itself when it has none. */
export function unfolded(schema: FieldSchema): readonly FieldSchema[] {
  return schema.anyOf ? schema.anyOf.flatMap(unfolded) : [schema]
}

/** Whether a schema is of a text, number or truth value. */
export function isPlain({ type }: FieldSchema): boolean {
  return type === 'string' || type === 'number' || type === 'integer' || type === 'boolean'
}

function isPlainOrList(schema: FieldSchema): boolean {
  return isPlain(schema) || (schema.type === 'array' && unfolded(schema.items ?? {}).every(isPlain))
}

function isNamedConst({ const: always, title }: FieldSchema): boolean {
  return always !== undefined && title !== undefined
}
