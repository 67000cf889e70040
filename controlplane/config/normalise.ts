import { isIPv6 } from 'node:net'
import type * as z from 'zod'
import type { Code } from '../diagnostics/codes.ts'
import type { Path } from '../diagnostics/diagnostic.ts'
import { isObject } from './plain-object.ts'
import { similar } from './similar.ts'

/** A complaint that comes up while names are compared with the schema; paths are those of the document. */
export interface NameIssue {
  readonly code: Code
  readonly path: Path
  readonly message: string
  readonly hint?: string
}

export interface Normalised {
  /** The value with camelCase names, without unknown fields and without nulls. */
  readonly value: unknown
  readonly issues: readonly NameIssue[]
  /** From a path in `value` (as JSON) to the key the user wrote for its last step, where the two differ. */
  readonly renamed: ReadonlyMap<string, string>
  /** Paths in `value` (as JSON) of fields that are written without a value. */
  readonly empty: ReadonlySet<string>
}

/** The parts of a zod definition this walk reads. */
interface Definition {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly element?: z.ZodType
  readonly valueType?: z.ZodType
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly getter?: () => z.ZodType
}

function definitionOf(schema: z.ZodType): Definition {
  return schema._zod.def as unknown as Definition
}

/** The schema behind wrappers such as `optional`. */
export function unwrap(schema: z.ZodType): z.ZodType {
  const { innerType, getter } = definitionOf(schema)
  if (getter) return unwrap(getter())
  return innerType ? unwrap(innerType) : schema
}

/** Fields of an object schema, or undefined when it is none. */
export function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | undefined {
  return definitionOf(unwrap(schema)).shape
}

/** Item schema of an array or value schema of a record. */
export function itemOf(
  schema: z.ZodType,
): { readonly kind: 'array' | 'record'; readonly schema: z.ZodType } | undefined {
  const { type, element, valueType } = definitionOf(unwrap(schema))
  if (type === 'array' && element) return { kind: 'array', schema: element }
  return type === 'record' && valueType ? { kind: 'record', schema: valueType } : undefined
}

/**
 * Brings a value to the names of a schema, as protobuf's JSON reader would: `snake_case` names become camelCase, unknown fields are
 * reported and left out. A field that is null counts as absent, as it does for the API server of Kubernetes
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting-and-nullable), and so does an
 * entry of a map, which is told: a condition on a header that goes that way makes a rule hold for more. Null stays as an item of a list, and
 * inside of what is any JSON. Values of the wrong type are passed on untouched: the schema complains. Also reports fields that are deprecated
 * or not supported.
 */
export function normalise(schema: z.ZodType, value: unknown, at: Path): Normalised {
  const issues: NameIssue[] = []
  const renamed = new Map<string, string>()
  const empty = new Set<string>()
  return { value: walk(schema, value, at, []), issues, renamed, empty }

  function walk(of: z.ZodType, from: unknown, written: Path, path: Path): unknown {
    const address = isObject(from) && definitionOf(unwrap(of)).type === 'string' ? unquotedIpv6(from) : undefined
    if (address !== undefined) {
      const message = `YAML takes ${address} for a mapping here; it is read as the text that was meant`
      issues.push({ code: 'FIELD_QUESTIONABLE', path: written, message, hint: `write it in quotes: "${address}"` })
      return address
    }
    const item = itemOf(of)
    if (item?.kind === 'array')
      return Array.isArray(from)
        ? from.map((one, index) => walk(item.schema, one, [...written, index], [...path, index]))
        : from
    if (!isObject(from)) return from
    if (item) return entries(item.schema, from, written, path)
    const shape = shapeOf(of)
    return shape ? fields(shape, from, written, path) : from
  }

  function entries(
    of: z.ZodType,
    from: Readonly<Record<string, unknown>>,
    written: Path,
    path: Path,
  ): Readonly<Record<string, unknown>> {
    const result: [string, unknown][] = []
    for (const [key, one] of Object.entries(from)) {
      const place = [...written, key]
      // What may be any JSON may be null; of several types, the schema has to say.
      if (one !== null || ['unknown', 'union'].includes(definitionOf(unwrap(of)).type))
        result.push([key, walk(of, one, place, [...path, key])])
      else
        issues.push({
          code: 'FIELD_QUESTIONABLE',
          path: place,
          message: `${key.slice(0, 80)} has no value: the entry is left out, as in Kubernetes`,
          hint: 'give it a value, or remove it',
        })
    }
    return Object.fromEntries(result)
  }

  function fields(
    shape: Readonly<Record<string, z.ZodType>>,
    from: Readonly<Record<string, unknown>>,
    written: Path,
    path: Path,
  ): unknown {
    const result: Record<string, unknown> = {}
    for (const [key, one] of Object.entries(from)) {
      const place = [...written, key]
      const name = Object.hasOwn(shape, key) ? key : camelCase(key)
      if (!Object.hasOwn(shape, name)) {
        const hint = similar(key, Object.keys(shape))
        issues.push({
          code: 'FIELD_UNKNOWN',
          path: place,
          message: `unknown field "${key.slice(0, 80)}"`,
          ...(hint ? { hint } : {}),
        })
        continue
      }
      if (Object.hasOwn(result, name)) {
        issues.push({ code: 'FIELD_CONFLICT', path: place, message: `${name} is set twice, in two spellings` })
        continue
      }
      const field = shape[name]!
      const meta = field.meta()
      if (name !== key) renamed.set(JSON.stringify([...path, name]), key)
      if (one === null) {
        empty.add(JSON.stringify([...path, name]))
        continue
      }
      if (meta?.deprecation !== undefined && !isDefault(one))
        issues.push({ code: 'FIELD_DEPRECATED', path: place, message: `${name} is deprecated: ${meta.deprecation}` })
      if (meta?.unsupported !== undefined)
        issues.push({
          code: 'FIELD_UNSUPPORTED',
          path: place,
          message: `${name} is not supported: ${meta.unsupported}`,
        })
      result[name] = walk(field, one, place, [...path, name])
    }
    return result
  }
}

/**
 * `[2001:db8::]` without quotes is a list with a mapping in YAML 1.2, as the colon before the bracket ends a key, but a text for
 * the YAML reader of Kubernetes. Answers the address when the value can be nothing else.
 */
function unquotedIpv6(value: Readonly<Record<string, unknown>>): string | undefined {
  const [key, ...others] = Object.keys(value)
  if (key === undefined || others.length > 0 || value[key] !== null) return undefined
  return isIPv6(`${key}:`) ? `${key}:` : undefined
}

/** What protobuf cannot tell from an unset field. */
function isDefault(value: unknown): boolean {
  return value === false || value === 0 || value === ''
}

function camelCase(name: string): string {
  return name.replace(/_([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
