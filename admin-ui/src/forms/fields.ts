import type { Path } from '../yaml/index.ts'
import { alternativesOf, isPlain, unfolded, wayOf } from './alternatives.ts'
import { camelCase, type FieldSchema, fieldOf, isMap, writtenKey } from './schema.ts'

/**
 * How a field is edited. `texts`: a list of texts; `choices`: a list of words that are given; `pairs`: a map of texts; `match`: one of exact, prefix, regex; `percent`: a map with
 * `value`; `plain`: text, number or truth value as it comes; `fixed`: always the same; `values`: one of these, or a list of them; `group`, `list`, `entries`: what holds other fields. `kept`: no control
 * can show this value; it stays as it is in the text.
 */
export type Control =
  | 'text'
  | 'number'
  | 'duration'
  | 'toggle'
  | 'choice'
  | 'texts'
  | 'choices'
  | 'pairs'
  | 'match'
  | 'percent'
  | 'plain'
  | 'values'
  | 'group'
  | 'list'
  | 'entries'
  | 'fixed'
  | 'kept'

/** A field of an object as a form shows it. */
export interface Field {
  /** Name in the schema; the key itself for one the schema does not know. */
  readonly name: string
  /** Where it stands, or would be written. */
  readonly path: Path
  readonly control: Control
  /** Undefined for a field the schema does not know. */
  readonly schema: FieldSchema | undefined
  /** The same with all the ways in which it could be written; `schema` is the one it is written in. */
  readonly declared?: FieldSchema | undefined
  /** Undefined when it is absent. */
  readonly value: unknown
  readonly required: boolean
  /** Fields that exclude this one. */
  readonly excludes: readonly string[]
}

const MATCH = ['exact', 'prefix', 'regex']

/** How a value of this schema is edited; a value of another type than the schema's is kept. */
export function controlOf(schema: FieldSchema | undefined, value: unknown): Control {
  if (!schema) return 'kept'
  const control = controlFor(resolved(schema, value))
  return value === undefined || value === null || fits(control, value) ? control : 'kept'
}

function controlFor(schema: FieldSchema): Control {
  const { type, format, properties, items, additionalProperties, anyOf } = schema
  if (anyOf) {
    const all = unfolded(schema)
    if (all.every(isPlain)) return 'plain'
    const [first] = alternativesOf(schema)
    return first ? controlFor(first.schema) : 'values'
  }
  // One of several ways to write a field, and nothing else can be said of it.
  if (schema.const !== undefined && schema.title !== undefined) return 'fixed'
  if (schema.enum || schema.const !== undefined) return 'choice'
  switch (type) {
    case 'string':
      return format === 'duration' ? 'duration' : 'text'
    case 'number':
    case 'integer':
      return 'number'
    case 'boolean':
      return 'toggle'
    case 'array':
      if (items?.enum) return 'choices'
      return items?.type === 'string' ? 'texts' : items && controlFor(items) !== 'kept' ? 'list' : 'kept'
    case 'object': {
      if (properties) {
        const names = Object.keys(properties)
        if (names.length === 3 && names.every((name) => MATCH.includes(name))) return 'match'
        return names.length === 1 && names[0] === 'value' ? 'percent' : 'group'
      }
      if (typeof additionalProperties !== 'object') return 'kept'
      if (additionalProperties.type === 'string') return 'pairs'
      return controlFor(additionalProperties) === 'kept' ? 'kept' : 'entries'
    }
    default:
      return 'kept'
  }
}

/** The alternative a value is of: where a field takes a value or a condition with fields of its own, a map is the condition. */
export function resolved(schema: FieldSchema, value: unknown): FieldSchema {
  const ways = alternativesOf(schema)
  return ways[wayOf(ways, value)]?.schema ?? schema
}

function fits(control: Control, value: unknown): boolean {
  switch (control) {
    case 'text':
    case 'duration':
      return typeof value === 'string'
    case 'choice':
      return typeof value === 'string' || typeof value === 'number'
    case 'fixed':
      return typeof value !== 'object'
    case 'number':
      return typeof value === 'number'
    case 'toggle':
      return typeof value === 'boolean'
    case 'plain':
      return typeof value !== 'object'
    case 'values':
      return typeof value !== 'object' || (Array.isArray(value) && value.every((one) => typeof one !== 'object'))
    case 'texts':
    case 'choices':
      return Array.isArray(value) && value.every((one) => typeof one === 'string')
    case 'list':
      return Array.isArray(value)
    case 'pairs':
      return isMap(value) && Object.values(value).every((one) => typeof one === 'string')
    case 'match': {
      if (!isMap(value)) return false
      const entries = Object.entries(value)
      return entries.length <= 1 && entries.every(([key, one]) => MATCH.includes(key) && typeof one === 'string')
    }
    case 'percent':
      return isMap(value) && Object.entries(value).every(([key, one]) => key === 'value' && typeof one === 'number')
    case 'group':
    case 'entries':
      return isMap(value)
    case 'kept':
      return true
  }
}

/** Every field of an object: those the schema knows, in its order, then those it does not know, in the order of the text. */
export function fieldsOf(schema: FieldSchema, value: unknown, path: Path): readonly Field[] {
  const map = isMap(value) ? value : {}
  const { properties = {}, required = [], 'x-oneofs': oneofs = [] } = schema
  const known = Object.entries(properties).map(([name, field]): Field => {
    const key = writtenKey(map, name)
    const held = Object.hasOwn(map, key) ? map[key] : undefined
    return {
      name,
      path: [...path, key],
      control: controlOf(field, held),
      schema: resolved(field, held),
      declared: field,
      value: held,
      required: required.includes(name),
      excludes: oneofs.filter((group) => group.includes(name)).flatMap((group) => group.filter((one) => one !== name)),
    }
  })
  const taken = new Set(known.map((field) => String(field.path.at(-1))))
  const unknown = Object.keys(map)
    .filter((key) => !taken.has(key))
    .map(
      (key): Field => ({
        name: key,
        path: [...path, key],
        control: 'kept',
        schema: fieldOf(schema, key),
        declared: fieldOf(schema, key),
        value: map[key],
        required: false,
        excludes: [],
      }),
    )
  return [...known, ...unknown]
}

/** A value that no control shows, and why. */
export interface Kept {
  readonly path: Path
  /** `unknown`: the schema has no such field; `type`: it holds a value of another type; `free`: anything may stand there. */
  readonly reason: 'unknown' | 'type' | 'free'
}

/** Every value of a document that the form does not show, outermost only: a form never writes there. */
export function keptFields(declared: FieldSchema, value: unknown, path: Path = []): readonly Kept[] {
  const schema = resolved(declared, value)
  const control = controlOf(schema, value)
  if (control === 'kept') return [{ path, reason: controlFor(schema) === 'kept' ? 'free' : 'type' }]
  if (control === 'group') {
    return fieldsOf(schema, value, path).flatMap((field) => {
      if (field.value === undefined) return []
      return field.schema === undefined || !isKnown(schema, field.name)
        ? [{ path: field.path, reason: 'unknown' as const }]
        : keptFields(field.schema, field.value, field.path)
    })
  }
  if (control === 'list' && schema.items)
    return (value as readonly unknown[]).flatMap((item, index) => keptFields(schema.items!, item, [...path, index]))
  if (control === 'entries' && isMap(value) && typeof schema.additionalProperties === 'object') {
    const inner = schema.additionalProperties
    return Object.entries(value).flatMap(([key, item]) => keptFields(inner, item, [...path, key]))
  }
  return []
}

function isKnown({ properties }: FieldSchema, name: string): boolean {
  return properties !== undefined && (Object.hasOwn(properties, name) || Object.hasOwn(properties, camelCase(name)))
}

/** The least value a new entry of this schema can be: what is required is there, empty. */
export function emptyValue(declared: FieldSchema | undefined): unknown {
  if (!declared) return ''
  const schema = resolved(declared, undefined)
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return schema.enum[0]
  switch (schema.type) {
    case 'object': {
      const needed = (schema.required ?? []).map((name) => [name, emptyValue(schema.properties?.[name])] as const)
      return Object.fromEntries(needed)
    }
    case 'array':
      // One that may not be empty begins with an entry.
      return schema.minItems && schema.items?.type === 'object' ? [emptyValue(schema.items)] : []
    case 'number':
    case 'integer':
      return schema.minimum !== undefined && schema.minimum > 0 ? schema.minimum : 0
    case 'boolean':
      return true
    default:
      return schema.format === 'duration' ? '1s' : ''
  }
}
