import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { fullRegistry } from '../../../proto/registry.ts'
import type { Code } from '../../diagnostics/codes.ts'
import type { IssuePath } from '../schema.ts'
import { similar } from '../similar.ts'
import { canonicalJson, enumName, fieldNamed, standsInValue, unsetItem } from './canonical.ts'
import { canonicalScalar } from './lenient.ts'
import {
  countProblem,
  type FieldRules,
  fieldRules,
  fromRuleMessage,
  oneofRequired,
  type RuleValue,
  rulesDisabled,
  valueProblem,
} from './rules.ts'
import { readDuration, readScalar, readTimestamp } from './scalar.ts'
import { checkSemantics } from './semantics.ts'

/** A complaint about one node of a message in JSON form. */
export interface EnvoyIssue {
  readonly code: Code
  readonly path: IssuePath
  readonly message: string
  readonly hint?: string
}

const MAX_DEPTH = 100
const MAX_ISSUES = 200

type Json = unknown
type JsonObject = Readonly<Record<string, Json>>

const WRAPPERS: Readonly<Record<string, ScalarType>> = {
  'google.protobuf.BoolValue': ScalarType.BOOL,
  'google.protobuf.StringValue': ScalarType.STRING,
  'google.protobuf.BytesValue': ScalarType.BYTES,
  'google.protobuf.Int32Value': ScalarType.INT32,
  'google.protobuf.UInt32Value': ScalarType.UINT32,
  'google.protobuf.Int64Value': ScalarType.INT64,
  'google.protobuf.UInt64Value': ScalarType.UINT64,
  'google.protobuf.FloatValue': ScalarType.FLOAT,
  'google.protobuf.DoubleValue': ScalarType.DOUBLE,
}
const FREE_JSON = new Set(['google.protobuf.Struct', 'google.protobuf.Value', 'google.protobuf.ListValue'])

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Walks a message in protobuf's JSON form (https://protobuf.dev/programming-guides/json/) beside its descriptor and collects all that
 * is wrong with it, each with the path of the node: unknown keys, values that do not fit, unknown types in `Any`, and the rules Envoy's API
 * states. Both `snake_case` and `camelCase` names are accepted, null counts as unset, and so is what Envoy reads beyond the format
 * ({@link canonicalJson}).
 */
export function checkEnvoyJson(desc: DescMessage, json: Json): readonly EnvoyIssue[] {
  const walker = new Walker()
  walker.message(desc, json, [], 0)
  return walker.issues
}

class Walker {
  readonly issues: EnvoyIssue[] = []

  private add(code: Code, path: IssuePath, message: string, hint?: string): void {
    if (this.issues.length < MAX_ISSUES)
      this.issues.push(hint === undefined ? { code, path, message } : { code, path, message, hint })
  }

  message(desc: DescMessage, json: Json, path: IssuePath, depth: number): RuleValue | undefined {
    if (depth > MAX_DEPTH) {
      this.add('ENVOY_VALUE', path, `messages are nested more than ${MAX_DEPTH} deep`)
      return undefined
    }
    const name = desc.typeName
    if (FREE_JSON.has(name)) {
      if (name === 'google.protobuf.Struct' && !isObject(json)) this.add('ENVOY_VALUE', path, 'an object is expected')
      if (name === 'google.protobuf.ListValue' && !Array.isArray(json))
        this.add('ENVOY_VALUE', path, 'a list is expected')
      return undefined
    }
    if (name === 'google.protobuf.Any') return this.any(json, path, depth)
    if (name === 'google.protobuf.Duration') return this.single(readDuration(canonicalJson(desc, json)), path)
    if (name === 'google.protobuf.Timestamp') return this.single(readTimestamp(canonicalJson(desc, json)), path)
    if (name === 'google.protobuf.FieldMask') return this.scalar(ScalarType.STRING, json, path)
    const wrapped = WRAPPERS[name]
    if (wrapped !== undefined) return this.scalar(wrapped, canonicalJson(desc, json), path)
    if (!isObject(json)) {
      this.add('ENVOY_VALUE', path, `an object (${name}) is expected, not ${kindOf(json)}`)
      return undefined
    }
    this.fields(desc, json, path, depth)
    checkSemantics(name, canonicalJson(desc, json) as JsonObject, (at, message, code = 'ENVOY_RULE') =>
      this.add(code, [...path, ...at], message),
    )
    return undefined
  }

  private fields(desc: DescMessage, json: JsonObject, path: IssuePath, depth: number): void {
    const seen = new Map<DescField, string>()
    for (const [key, value] of Object.entries(json)) {
      if (key === '@type') continue
      const field = fieldNamed(desc, key)
      if (!field) {
        const names = desc.fields.flatMap(({ name, jsonName }) => (name === jsonName ? [name] : [name, jsonName]))
        this.add(
          'ENVOY_FIELD_UNKNOWN',
          [...path, key],
          `${desc.typeName} has no field "${key.slice(0, 80)}"`,
          similar(key, names),
        )
        continue
      }
      if (value === null && !(field.fieldKind === 'message' && field.message.typeName === 'google.protobuf.Value'))
        continue
      seen.set(field, key)
    }
    const rules = !rulesDisabled(desc)
    for (const oneof of desc.oneofs) {
      const set = oneof.fields.filter((field) => seen.has(field))
      if (set.length > 1)
        this.add(
          'ENVOY_VALUE',
          [...path, seen.get(set[1]!)!],
          `only one of ${oneof.fields.map(({ name }) => name).join(', ')} may be set`,
        )
      else if (set.length === 0 && rules && oneofRequired(oneof))
        this.add('ENVOY_RULE', path, `one of ${oneof.fields.map(({ name }) => name).join(', ')} must be set`)
    }
    for (const field of desc.fields) {
      const key = seen.get(field)
      const fieldRule = rules ? fieldRules(field) : undefined
      if (key === undefined) this.absent(field, fieldRule, path, Object.keys(json))
      else this.field(field, json[key], fieldRule, [...path, key], depth)
    }
  }

  /** Rules about a field that is not there: it is required, or its default value is not allowed. */
  private absent(field: DescField, rule: FieldRules | undefined, path: IssuePath, keys: readonly string[]): void {
    // Rules of the members of a oneof are about the one that is set.
    if (!rule || field.oneof) return
    const at = [...path, keys.includes(field.jsonName) ? field.jsonName : field.name]
    if (rule.required) {
      this.add('ENVOY_RULE', at, `${field.name} is required`)
    } else if (field.fieldKind === 'list' || field.fieldKind === 'map') {
      const problem = countProblem(0, rule)
      if (problem) this.add('ENVOY_RULE', at, `${field.name} ${problem}`)
    } else if (field.presence === 2 && (field.fieldKind === 'scalar' || field.fieldKind === 'enum')) {
      // 2 is IMPLICIT: a proto3 field without presence has its default value, and rules hold for that too.
      const problem = valueProblem(defaultOf(field), rule)
      if (problem) this.add('ENVOY_RULE', at, `${field.name} ${problem}, and is not set`)
    }
  }

  private field(field: DescField, json: Json, rule: FieldRules | undefined, path: IssuePath, depth: number): void {
    switch (field.fieldKind) {
      case 'list': {
        const items = fromRuleMessage(rule?.rules['items'])
        const listed = itemsOf(json, path)
        this.count(listed.length, rule, path)
        const seen = rule?.rules['unique'] === true ? new Set<RuleValue>() : undefined
        for (const [item, at] of listed) {
          const value = this.element(field, item ?? unsetItem(field), items, at, depth)
          if (value === undefined || !seen) continue
          if (seen.has(value)) this.add('ENVOY_RULE', at, 'must not be listed twice')
          seen.add(value)
        }
        return
      }
      case 'map': {
        if (!isObject(json)) {
          this.add('ENVOY_VALUE', path, `an object is expected, not ${kindOf(json)}`)
          return
        }
        const entries = Object.entries(json)
        this.count(entries.length, rule, path)
        const keys = fromRuleMessage(rule?.rules['keys'])
        const values = fromRuleMessage(rule?.rules['values'])
        for (const [key, value] of entries) {
          const read = readScalar(field.mapKey, field.mapKey === ScalarType.BOOL ? key === 'true' : key)
          if ('problem' in read) this.add('ENVOY_VALUE', [...path, key], `the key ${read.problem}`)
          else this.rule(read.value, keys, [...path, key])
          this.element(field, value ?? unsetItem(field), values, [...path, key], depth)
        }
        return
      }
      default:
        this.element(field, json, rule, path, depth)
    }
  }

  /** One value: the field itself, an item of a list or a value of a map. */
  private element(
    field: DescField,
    json: Json,
    rule: FieldRules | undefined,
    path: IssuePath,
    depth: number,
  ): RuleValue | undefined {
    let value: RuleValue | undefined
    if (field.message) {
      if (rule?.skip && isObject(json) && field.message.typeName !== 'google.protobuf.Any') return undefined
      value = this.message(field.message, json, path, depth + 1)
      if (rule?.kind === 'any') this.anyRule(json, rule, path)
    } else if (field.enum) {
      value = this.enumeration(field.enum, json, path, rule)
    } else {
      value = this.scalar((field.scalar ?? ScalarType.STRING) as ScalarType, json, path)
    }
    if (value !== undefined) this.rule(value, rule, path)
    return value
  }

  private rule(value: RuleValue, rule: FieldRules | undefined, path: IssuePath): void {
    const problem = rule && rule.kind !== 'message' && rule.kind !== 'any' ? valueProblem(value, rule) : undefined
    if (problem) this.add('ENVOY_RULE', path, problem)
  }

  private count(count: number, rule: FieldRules | undefined, path: IssuePath): void {
    const problem = rule ? countProblem(count, rule) : undefined
    if (problem) this.add('ENVOY_RULE', path, problem)
  }

  private scalar(type: ScalarType, json: Json, path: IssuePath): RuleValue | undefined {
    return this.single(readScalar(type, canonicalScalar(type, json)), path)
  }

  private single(
    read: { readonly value: RuleValue } | { readonly problem: string },
    path: IssuePath,
  ): RuleValue | undefined {
    if ('value' in read) return read.value
    this.add('ENVOY_VALUE', path, read.problem)
    return undefined
  }

  private enumeration(
    desc: DescEnum,
    written: Json,
    path: IssuePath,
    rule: FieldRules | undefined,
  ): RuleValue | undefined {
    const json = enumName(desc, written)
    if (desc.typeName === 'google.protobuf.NullValue') return 0n
    if (typeof json === 'number' && Number.isInteger(json)) {
      if (rule?.rules['definedOnly'] === true && !desc.value[json])
        this.add('ENVOY_RULE', path, `${json} is no value of ${desc.typeName}`)
      return BigInt(json)
    }
    const found = typeof json === 'string' ? desc.values.find(({ name }) => name === json) : undefined
    if (found) return BigInt(found.number)
    const names = desc.values.map(({ name }) => name)
    const list = names.length <= 12 ? `, known are ${names.join(', ')}` : ''
    const hint = typeof json === 'string' ? similar(json, names) : undefined
    this.add('ENVOY_VALUE', path, `${JSON.stringify(json)?.slice(0, 80)} is no value of ${desc.typeName}${list}`, hint)
    return undefined
  }

  private any(json: Json, path: IssuePath, depth: number): undefined {
    if (!isObject(json)) {
      this.add('ENVOY_VALUE', path, `an object with "@type" is expected, not ${kindOf(json)}`)
      return
    }
    const url = json['@type']
    if (typeof url !== 'string') {
      if (Object.keys(json).length > 0 || url !== undefined)
        this.add(
          'ENVOY_TYPE_UNKNOWN',
          path,
          '"@type" is missing',
          'write type.googleapis.com/ and the full name of the message',
        )
      return
    }
    const name = url.slice(url.lastIndexOf('/') + 1)
    const desc = fullRegistry().getMessage(name)
    if (!desc || !/^[^/]+\//.test(url)) {
      const hint = /\.v2\.|\.v2alpha/.test(name)
        ? 'API version 2 is gone, use version 3'
        : desc
          ? `write type.googleapis.com/${name}`
          : similar(name, messageNames())
      this.add('ENVOY_TYPE_UNKNOWN', [...path, '@type'], `unknown type ${JSON.stringify(url.slice(0, 200))}`, hint)
      return
    }
    if (!standsInValue(desc)) this.message(desc, json, path, depth + 1)
    else {
      const other = Object.keys(json).find((key) => key !== '@type' && key !== 'value')
      if (other !== undefined)
        this.add('ENVOY_FIELD_UNKNOWN', [...path, other], `what a ${name} holds stands in "value" here, beside "@type"`)
      if ('value' in json) this.message(desc, json['value'], [...path, 'value'], depth + 1)
    }
  }

  private anyRule(json: Json, rule: FieldRules, path: IssuePath): void {
    const allowed = (rule.rules['in'] as readonly string[] | undefined) ?? []
    const url = isObject(json) ? json['@type'] : undefined
    if (typeof url === 'string' && allowed.length > 0 && !allowed.includes(url))
      this.add('ENVOY_RULE', [...path, '@type'], `must be one of ${allowed.join(', ')}`)
  }
}

let allNames: readonly string[] | undefined

function messageNames(): readonly string[] {
  allNames ??= [...fullRegistry()].filter(({ kind }) => kind === 'message').map(({ typeName }) => typeName)
  return allNames
}

/** The items of a list with their places; one item may stand by itself, and lists within a list are one list. */
function itemsOf(json: Json, path: IssuePath): readonly (readonly [item: Json, at: IssuePath])[] {
  if (!Array.isArray(json)) return [[json, path]]
  return json.flatMap((item, index) =>
    Array.isArray(item) ? itemsOf(item, [...path, index]) : [[item, [...path, index]] as const],
  )
}

function kindOf(json: Json): string {
  return json === null
    ? 'null'
    : Array.isArray(json)
      ? 'a list'
      : typeof json === 'object'
        ? 'an object'
        : `a ${typeof json}`
}

function defaultOf(field: DescField): RuleValue {
  if (field.enum) return 0n
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return ''
    case ScalarType.BOOL:
      return false
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return 0
    default:
      return 0n
  }
}
