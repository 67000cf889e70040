import { type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf'

type JsonObject = Record<string, unknown>

/**
 * Sorts the maps of a message, and the JSON objects it has for `google.protobuf.Struct`, in all of its sub-messages: they keep the order of insertion in
 * JavaScript, and so would their bytes. In place, but for JSON that was not sorted: it may be somebody else's.
 */
export function sortMaps(schema: DescMessage, message: Message): void {
  const fields = message as unknown as JsonObject
  for (const field of fieldsWithMaps(schema)) {
    const { localName, oneof } = field
    const holder = oneof ? (fields[oneof.localName] as { readonly case?: string; value?: unknown }) : undefined
    if (holder) {
      if (holder.case === localName) holder.value = sorted(field, holder.value)
    } else if (fields[localName] !== undefined) fields[localName] = sorted(field, fields[localName])
  }
}

function sorted(field: DescField, value: unknown): unknown {
  if (field.fieldKind === 'map') return sortedMap(field, value as JsonObject)
  if (field.fieldKind !== 'list') return sortedMessage(field.message!, value)
  const items = value as unknown[]
  for (let index = 0; index < items.length; index++) items[index] = sortedMessage(field.message!, items[index])
  return items
}

function sortedMap(field: DescField & { readonly fieldKind: 'map' }, map: JsonObject): JsonObject {
  const keys = Object.keys(map)
  if (field.mapKind === 'message') for (const key of keys) map[key] = sortedMessage(field.message, map[key])
  if (keys.length < 2) return map
  keys.sort(field.mapKey === ScalarType.STRING ? undefined : (a, b) => Number(a) - Number(b))
  return Object.fromEntries(keys.map((key) => [key, map[key]]))
}

function sortedMessage(schema: DescMessage, value: unknown): unknown {
  if (schema.typeName === STRUCT) return sortedJson(value)
  if (typeof value === 'object' && value !== null && '$typeName' in value) sortMaps(schema, value as Message)
  return value
}

/** The same object when it is sorted all the way down, as those are that were made to be sent. */
function sortedJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const items = value.map(sortedJson)
    return items.every((item, index) => item === value[index]) ? value : items
  }
  const object = value as JsonObject
  const items: unknown[] = []
  let same = true
  let before: string | undefined
  for (const key in object) {
    const item = sortedJson(object[key])
    items.push(item)
    same &&= item === object[key] && (before === undefined || before < key)
    before = key
  }
  if (same) return value
  const entries = Object.keys(object).map((key, index) => [key, items[index]] as const)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}

const STRUCT = 'google.protobuf.Struct'

const known = new Map<DescMessage, readonly DescField[]>()

/** The fields that have a map or a Struct, or lead to one: few types have any, and of those most fields need no look. */
function fieldsWithMaps(schema: DescMessage): readonly DescField[] {
  let fields = known.get(schema)
  if (!fields) {
    fields = schema.fields.filter(
      (field) => field.fieldKind === 'map' || (field.message && reachesMaps(field.message, new Set())),
    )
    known.set(schema, fields)
  }
  return fields
}

function reachesMaps(schema: DescMessage, seen: Set<DescMessage>): boolean {
  if (schema.typeName === STRUCT) return true
  const decided = known.get(schema)
  if (decided) return decided.length > 0
  if (seen.has(schema)) return false
  seen.add(schema)
  return schema.fields.some(
    (field) => field.fieldKind === 'map' || (field.message !== undefined && reachesMaps(field.message, seen)),
  )
}
