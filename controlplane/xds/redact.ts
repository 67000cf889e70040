import { type DescField, type DescMessage, getOption, type JsonValue, type Registry } from '@bufbuild/protobuf'
import type { GenExtension } from '@bufbuild/protobuf/codegenv2'
import type { FieldOptions } from '@bufbuild/protobuf/wkt'
import { registry } from '../../proto/registry.ts'

const REDACTED = '[redacted]'

// The API says itself which fields are secret; Envoy's own dumps follow the same mark.
// https://github.com/cncf/xds/blob/main/udpa/annotations/sensitive.proto
const SENSITIVE = registry.getExtension('udpa.annotations.sensitive') as GenExtension<FieldOptions, boolean> | undefined
if (!SENSITIVE) throw new Error('the descriptors lack udpa.annotations.sensitive: run "npm run proto"')

/**
 * A message in JSON without what Envoy's API marks as sensitive: private keys, passwords, tokens, at any depth and inside
 * `Any`. File names stay: they help, and are no secret. `types` must know the types inside `Any`.
 */
export function redact(json: JsonValue, schema: DescMessage, types: Registry): JsonValue {
  if (!isObject(json)) return json
  if (schema.typeName === 'google.protobuf.Any') return redactAny(json, types)
  if (schema.typeName.startsWith('google.protobuf.')) return json
  if (schema.typeName === 'xds.type.v3.TypedStruct' || schema.typeName === 'udpa.type.v1.TypedStruct')
    return redactTypedStruct(json, types)
  const fields = new Map<string, DescField>()
  for (const field of schema.fields) fields.set(field.jsonName, field).set(field.name, field)
  return mapValues(json, (value, key) => {
    const field = fields.get(key)
    if (!field) return value
    if (getOption(field, SENSITIVE!)) return hide(value)
    const { message } = field
    if (!message) return value
    if (field.fieldKind === 'map')
      return isObject(value) ? mapValues(value, (item) => redact(item, message, types)) : value
    return Array.isArray(value) ? value.map((item) => redact(item, message, types)) : redact(value, message, types)
  })
}

function redactAny(json: JsonObject, types: Registry): JsonValue {
  const inner = messageOf(json['@type'], types)
  // What cannot be looked into is not shown.
  return inner ? redact(json, inner, types) : { '@type': json['@type'] ?? '', value: REDACTED }
}

/** A message as free JSON, named by `typeUrl`. */
function redactTypedStruct(json: JsonObject, types: Registry): JsonValue {
  const inner = messageOf(json['typeUrl'], types)
  if (!inner || json['value'] === undefined) return json
  return { ...json, value: redact(json['value'], inner, types) }
}

function messageOf(typeUrl: JsonValue | undefined, types: Registry): DescMessage | undefined {
  return typeof typeUrl === 'string' ? types.getMessage(typeUrl.slice(typeUrl.lastIndexOf('/') + 1)) : undefined
}

function hide(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(hide)
  if (isObject(value)) return mapValues(value, (item, key) => (key === 'filename' ? item : hide(item)))
  return REDACTED
}

type JsonObject = { readonly [key: string]: JsonValue }

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function mapValues(
  json: JsonObject,
  change: (value: JsonValue, key: string) => JsonValue,
): { [key: string]: JsonValue } {
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, change(value, key)]))
}
