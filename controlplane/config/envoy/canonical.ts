import type { DescEnum, DescField, DescMessage, ScalarType } from '@bufbuild/protobuf'
import { fullRegistry } from '../../../proto/registry.ts'
import { isObject } from '../plain-object.ts'
import { canonicalScalar, durationText, timestampText, unsetScalar } from './lenient.ts'

type JsonObject = Readonly<Record<string, unknown>>

/**
 * A message as Envoy reads it, in canonical protobuf JSON. Envoy takes more than the format allows
 * (https://protobuf.dev/programming-guides/json/), and configurations in use rely on it: one item without its list, lists in lists, null
 * for an item, names of enums in any case and their numbers as text, `"true"`, `"1e3"`, `{value: 5}` for wrapped numbers,
 * `{seconds: 5}` for durations, and a field twice, of which the last counts. What is canonical, or wrong in another way, stays the same
 * object.
 */
export function canonicalJson(desc: DescMessage, json: unknown): unknown {
  if (!isObject(json)) {
    const scalar = wrappedScalar(desc)
    return scalar ? canonicalOne(scalar, json) : json
  }
  const known = made.get(json)
  if (known?.desc === desc) return known.json
  const canonical = canonicalMessage(desc, json)
  made.set(json, { desc, json: canonical })
  return canonical
}

/** Each level of a message is asked for by itself. */
const made = new WeakMap<object, { readonly desc: DescMessage; readonly json: unknown }>()

function canonicalMessage(desc: DescMessage, json: JsonObject): unknown {
  if (desc.typeName === 'google.protobuf.Any') return canonicalAny(json)
  const scalar = wrappedScalar(desc)
  if (scalar) return Object.keys(json).every((key) => key === 'value') ? wrapped(scalar, json['value']) : json
  if (desc.typeName === 'google.protobuf.Duration') return durationText(json) ?? json
  if (desc.typeName === 'google.protobuf.Timestamp') return timestampText(json) ?? json
  if (desc.typeName.startsWith('google.protobuf.')) return json
  const fields = new Map<DescField, [key: string, value: unknown]>()
  const others: [string, unknown][] = []
  let same = true
  for (const [key, value] of Object.entries(json)) {
    const field = fieldNamed(desc, key)
    if (!field) {
      others.push([key, value])
      continue
    }
    if (value === null && field.message?.typeName !== 'google.protobuf.Value') {
      same = false
      continue
    }
    const next = canonicalField(field, value)
    if (next !== value || fields.has(field)) same = false
    fields.set(field, [key, next])
  }
  return same ? json : Object.fromEntries([...others, ...fields.values()])
}

function canonicalAny(json: JsonObject): unknown {
  const url = json['@type']
  const desc = typeof url === 'string' ? fullRegistry().getMessage(url.slice(url.lastIndexOf('/') + 1)) : undefined
  if (!desc) return json
  if (standsInValue(desc)) {
    const value = canonicalJson(desc, json['value'])
    return value === json['value'] ? json : { ...json, value }
  }
  const { '@type': _, ...body } = json
  const canonical = canonicalMessage(desc, body)
  return canonical === body ? json : { '@type': url, ...(canonical as JsonObject) }
}

function canonicalField(field: DescField, json: unknown): unknown {
  if (field.fieldKind === 'list') {
    const items = flat(json)
    const canonical = mapped(items, (item) => canonicalItem(field, item))
    return canonical === items && items === json ? json : canonical
  }
  if (field.fieldKind === 'map') {
    if (!isObject(json)) return json
    const values = Object.values(json)
    const canonical = mapped(values, (value) => canonicalItem(field, value))
    return canonical === values
      ? json
      : Object.fromEntries(Object.keys(json).map((key, index) => [key, canonical[index]]))
  }
  return canonicalOne(field, json)
}

/** The items of a list, which may be one item by itself, or have lists as items. */
function flat(json: unknown): readonly unknown[] {
  if (!Array.isArray(json)) return [json]
  return json.some(Array.isArray) ? json.flatMap(flat) : json
}

/** An item of a list or a value of a map: null is one that says nothing. */
function canonicalItem(field: DescField, json: unknown): unknown {
  return json === null ? unsetItem(field) : canonicalOne(field, json)
}

/** What Envoy makes of null in a list or in a map: a message that says nothing, or the default of a number, a text or an enum. */
export function unsetItem(field: DescField): unknown {
  const name = field.message?.typeName
  if (name === 'google.protobuf.Value') return null
  if (name === 'google.protobuf.ListValue') return []
  if (field.message) return canonicalJson(field.message, {})
  return field.enum ? 0 : unsetScalar(field.scalar as ScalarType)
}

function canonicalOne(field: DescField, json: unknown): unknown {
  if (field.message) return canonicalJson(field.message, json)
  return field.enum ? enumName(field.enum, json) : canonicalScalar(field.scalar as ScalarType, json)
}

/** The name of a value that is written in another case, or as a number in quotes. */
export function enumName(desc: DescEnum, json: unknown): unknown {
  if (typeof json !== 'string' || desc.values.some(({ name }) => name === json)) return json
  if (/^-?\d{1,10}$/.test(json)) return Number(json)
  const wanted = json.toUpperCase()
  return desc.values.find(({ name }) => name.toUpperCase() === wanted)?.name ?? json
}

const WRAPPER = /^google\.protobuf\.(Bool|String|Bytes|U?Int(32|64)|Float|Double)Value$/

function wrappedScalar(desc: DescMessage): DescField | undefined {
  return WRAPPER.test(desc.typeName) ? desc.fields[0] : undefined
}

function wrapped(scalar: DescField, json: unknown): unknown {
  return json === undefined || json === null ? unsetItem(scalar) : canonicalOne(scalar, json)
}

const IN_VALUE = new Set(['Duration', 'Timestamp', 'FieldMask', 'Struct', 'Value', 'ListValue'])

/** Whether an `Any` holds the JSON form of this type in `value`, as it does for types with a form of their own. */
export function standsInValue({ typeName }: DescMessage): boolean {
  return WRAPPER.test(typeName) || (typeName.startsWith('google.protobuf.') && IN_VALUE.has(typeName.slice(16)))
}

const byName = new WeakMap<DescMessage, ReadonlyMap<string, DescField>>()

/** A field by its name in either spelling. */
export function fieldNamed(desc: DescMessage, key: string): DescField | undefined {
  let names = byName.get(desc)
  if (!names) {
    names = new Map(desc.fields.flatMap((field) => [[field.name, field] as const, [field.jsonName, field] as const]))
    byName.set(desc, names)
  }
  return names.get(key)
}

function mapped(items: readonly unknown[], of: (item: unknown) => unknown): readonly unknown[] {
  const next = items.map(of)
  return next.every((item, index) => item === items[index]) ? items : next
}
