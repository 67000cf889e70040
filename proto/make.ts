import {
  create,
  type DescMessage,
  type Message,
  type MessageInitShape,
  type MessageShape,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf'
import { type Any, AnySchema, type Duration, DurationSchema } from '@bufbuild/protobuf/wkt'

/** Keys of any member of a union, and what any of them has there. */
type KeyOf<Wanted> = Wanted extends unknown ? keyof Wanted : never
type At<Wanted, Key> = Wanted extends unknown ? (Key extends keyof Wanted ? Wanted[Key] : never) : never
type ItemOf<Wanted> = Wanted extends readonly (infer Item)[] ? Item : never

/** Unknown keys become `never`, so that a misspelt field is a compile error in variables too, not only in literals. */
type Exact<Wanted, Given> = Given extends Message | Uint8Array | bigint
  ? Given
  : Given extends readonly (infer Item)[]
    ? readonly Exact<ItemOf<Wanted>, Item>[]
    : Given extends object
      ? { [Key in keyof Given]: Key extends KeyOf<Wanted> ? Exact<At<Wanted, Key>, Given[Key]> : never }
      : Given

/** Creates a message from an init object, every name of which has to be a field. */
export function make<Desc extends DescMessage, Init extends MessageInitShape<Desc>>(
  schema: Desc,
  init: Init & Exact<MessageInitShape<Desc>, Init>,
): MessageShape<Desc> {
  return create(schema, init as MessageInitShape<Desc>)
}

/** The message as `google.protobuf.Any`, bytes final: maps are sorted, so equal content gives equal bytes. */
export function pack<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  const message = create(schema, init)
  return create(AnySchema, { typeUrl: typeUrl(schema), value: encode(schema, message) })
}

/** `type.googleapis.com/<full name>`. */
export function typeUrl(schema: DescMessage): string {
  return `type.googleapis.com/${schema.typeName}`
}

/** Deterministic binary form: map entries in key order. Field order is the schema's already. */
export function encode<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Uint8Array {
  sortMaps(schema, message)
  return toBinary(schema, message)
}

/** A `google.protobuf.Duration` from milliseconds (fractions become nanoseconds). */
export function duration(milliseconds: number): Duration {
  const seconds = Math.floor(milliseconds / 1000)
  return create(DurationSchema, {
    seconds: BigInt(seconds),
    nanos: Math.round((milliseconds - seconds * 1000) * 1e6),
  })
}

const withMaps = new Map<string, boolean>()

/** Protobuf maps keep insertion order in JavaScript, and so would the bytes. Sorts them in place, in all sub-messages. */
function sortMaps(schema: DescMessage, message: Message): void {
  if (!holdsMaps(schema)) return
  const fields = message as unknown as Record<string, unknown>
  for (const field of schema.fields) {
    if (field.fieldKind === 'map') {
      const map = fields[field.localName] as Record<string, unknown>
      const keys = Object.keys(map)
      if (field.mapKind === 'message') for (const key of keys) map[key] = sortValue(field.message, map[key])
      if (keys.length > 1) {
        const numeric = field.mapKey !== ScalarType.STRING
        keys.sort(numeric ? (a, b) => Number(a) - Number(b) : undefined)
        fields[field.localName] = Object.fromEntries(keys.map((key) => [key, map[key]]))
      }
    } else if (field.fieldKind === 'list') {
      if (field.listKind === 'message') {
        const items = fields[field.localName] as unknown[]
        for (const [index, item] of items.entries()) items[index] = sortValue(field.message, item)
      }
    } else if (field.fieldKind === 'message') {
      const holder = field.oneof ? (fields[field.oneof.localName] as { case?: string; value?: unknown }) : undefined
      if (!holder) {
        const value = fields[field.localName]
        if (value !== undefined) fields[field.localName] = sortValue(field.message, value)
      } else if (holder.case === field.localName) holder.value = sortValue(field.message, holder.value)
    }
  }
}

/** The value with its maps sorted: in place for messages, a copy for a Struct. */
function sortValue(schema: DescMessage, value: unknown): unknown {
  if (schema.typeName === 'google.protobuf.Struct') return sortJson(value)
  if (typeof value === 'object' && value !== null && '$typeName' in value) sortMaps(schema, value as Message)
  return value
}

/** google.protobuf.Struct is a plain JSON object in protobuf-es. */
function sortJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortJson)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sortJson(item)]),
  )
}

/** Whether the type has a map or Struct anywhere below it; most types have none and are skipped. */
function holdsMaps(schema: DescMessage): boolean {
  const known = withMaps.get(schema.typeName)
  if (known !== undefined) return known
  const found = reachesMaps(schema, new Set())
  withMaps.set(schema.typeName, found)
  return found
}

function reachesMaps(schema: DescMessage, seen: Set<string>): boolean {
  const known = withMaps.get(schema.typeName)
  if (known !== undefined) return known
  if (seen.has(schema.typeName)) return false
  seen.add(schema.typeName)
  return schema.fields.some(
    (field) =>
      field.fieldKind === 'map' ||
      (field.message !== undefined &&
        (field.message.typeName === 'google.protobuf.Struct' || reachesMaps(field.message, seen))),
  )
}
