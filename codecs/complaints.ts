import type { z } from 'zod'
import { errorAt, type Issue, type IssuePath } from './layout/issue.ts'
import { didYouMean } from './layout/names.ts'
import { protocolSpec } from './layout/schema.ts'

/** What the schema has against a document, in words for who wrote it: what is wrong, where, and what was probably meant. */
export function complaintsOf(issue: z.core.$ZodIssue, root: IssuePath, document: unknown): Issue[] {
  const path = [...root, ...(issue.path as (string | number)[])]
  const value = valueAt(document, path)
  if (value === undefined) return [errorAt(path, 'this is missing', docAt(path))]
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) =>
        errorAt([...path, key], `there is no "${key}" here`, otherWords.get(key) ?? didYouMean(key, knownKeys(path))),
      )
    case 'invalid_value': {
      const known = issue.values.map(String)
      return [errorAt(path, `${shown(value)} is none of ${known.join(', ')}`, nearest(String(value), known))]
    }
    case 'invalid_union':
      return ofUnion(issue, path, value, document)
    case 'invalid_type':
      return [errorAt(path, `this is ${formOf(value)}; ${wanted(issue.expected)} belongs here`, asMeant(value, issue))]
    case 'too_small':
      return [
        errorAt(
          path,
          Array.isArray(value) || value === '' ? 'this is empty' : `${shown(value)} is less than ${issue.minimum}`,
        ),
      ]
    case 'too_big':
      return [errorAt(path, `${shown(value)} is more than ${issue.maximum}`)]
    case 'invalid_key':
      return [errorAt(path, issue.issues.map(({ message }) => message).join(', '))]
    case 'invalid_format':
      return [errorAt(path, `${shown(value)} cannot stand here`, issue.message)]
    default:
      return [errorAt(path, issue.message)]
  }
}

/** The branch that came furthest, or complained least, says most about what the person meant. */
function ofUnion(issue: z.core.$ZodIssueInvalidUnion, path: IssuePath, value: unknown, document: unknown): Issue[] {
  const depth = (branch: readonly z.core.$ZodIssue[]) => Math.max(...branch.map((inner) => inner.path.length))
  const unknown = (branch: readonly z.core.$ZodIssue[]) =>
    branch.some(({ code }) => code === 'unrecognized_keys') ? 1 : 0
  const [best] = [...issue.errors].sort((a, b) => depth(b) - depth(a) || unknown(b) - unknown(a))
  if (best && (depth(best) > 0 || unknown(best) > 0))
    return best.flatMap((inner) => complaintsOf(inner, path, document))
  const inner = issue.errors.flat()
  const format = inner.find(({ code }) => code === 'invalid_format')
  if (format) return complaintsOf(format, path, document)
  const forms = inner.flatMap((one) => (one.code === 'invalid_type' ? [wanted(one.expected)] : []))
  const [only] = inner
  if (forms.length === 0 && only) return complaintsOf(only, path, document)
  const number = inner.find((one) => one.code === 'invalid_type' && one.expected === 'number')
  const hint = number?.code === 'invalid_type' ? asMeant(value, number) : undefined
  return [
    errorAt(path, `this is ${formOf(value)}; ${[...new Set(forms)].join(', or ')} belongs here`, hint ?? docAt(path)),
  ]
}

const byteOrder = 'the byte order is part of the type: u32le'
const delimited = 'frame: {until: "\\n"} for frames, type: until(=) for texts that end with bytes'
const escaped = 'frame: {until: 0xc0, escape: {by: 0xdb, is: {0xdc: 0xc0, 0xdd: 0xdb}}}'
/** What others call things. */
const otherWords: ReadonlyMap<string, string> = new Map(
  Object.entries({
    order: byteOrder,
    byteOrder,
    endian: byteOrder,
    endianness: byteOrder,
    offset: 'at: the offset',
    enum: 'is: {1: name}',
    values: 'is: {1: name}',
    if: 'when: {field: value}',
    delimiter: delimited,
    terminator: delimited,
    escape: escaped,
    escapes: escaped,
    stuffing: escaped,
    pad: 'align: 4',
    padding: 'align: 4',
    alignment: 'align: 4',
  }),
)

const forms: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  record: 'a map',
  object: 'a map',
}
const wanted = (expected: string) => forms[expected] ?? expected

function formOf(value: unknown): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'number' && !Number.isInteger(value)) return `${value}`
  return typeof value === 'object' ? 'a map' : `the ${wanted(typeof value).replace(/^an? /, '')} ${shown(value)}`
}

/** How the value would have to be written, where that can be told. */
function asMeant(value: unknown, { expected }: { readonly expected: string }): string | undefined {
  if ((expected === 'number' || expected === 'int') && typeof value === 'string' && /^(0x[\da-f]+|-?\d+)$/i.test(value))
    return `without quotes: ${value}`
  if (expected === 'array' && (typeof value === 'string' || typeof value === 'number')) return `[${value}]`
  if (expected === 'record' && Array.isArray(value)) return 'write keys and values: {1: request, 2: response}'
  if (expected === 'string' && typeof value === 'number') return `in quotes: "${value}"`
  return undefined
}

const shown = (value: unknown) => (typeof value === 'string' ? `"${value}"` : String(value))

/** A guess where there is one; the list is in the complaint already. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const hint = didYouMean(name, known)
  return hint?.startsWith('did you mean') ? hint : undefined
}

function valueAt(document: unknown, path: IssuePath): unknown {
  let value = document
  for (const step of path) value = (value as Record<string | number, unknown> | null | undefined)?.[step]
  return value
}

interface Def {
  readonly type?: string
  readonly innerType?: unknown
  readonly options?: readonly unknown[]
  readonly shape?: Readonly<Record<string, unknown>>
  readonly element?: unknown
  readonly keyType?: unknown
  readonly valueType?: unknown
  readonly entries?: Readonly<Record<string, string>>
}

const defOf = (schema: unknown) => (schema as { readonly def?: Def } | undefined)?.def

/** The schemas that may stand at a path, as far as it can be followed. */
function schemasAt(schema: unknown, path: IssuePath): readonly unknown[] {
  const def = defOf(schema)
  if (!def) return []
  if (def.type === 'union') {
    return [...(path.length === 0 ? [schema] : []), ...def.options!.flatMap((option) => schemasAt(option, path))]
  }
  if (path.length === 0) return def.innerType === undefined ? [schema] : [schema, ...schemasAt(def.innerType, path)]
  if (def.innerType !== undefined) return schemasAt(def.innerType, path)
  const [step, ...rest] = path
  if (def.type === 'object') return schemasAt(def.shape?.[String(step)], rest)
  if (def.type === 'array') return typeof step === 'number' ? schemasAt(def.element, rest) : []
  return def.type === 'record' ? schemasAt(def.valueType, rest) : []
}

/** Keys of the schema's object at a path. */
function knownKeys(path: IssuePath): readonly string[] {
  const keys = schemasAt(protocolSpec, path.slice(1)).flatMap((schema) => {
    const def = defOf(schema)
    if (def?.type === 'object') return Object.keys(def.shape ?? {})
    return def?.type === 'record' ? Object.values(defOf(def.keyType)?.entries ?? {}) : []
  })
  return [...new Set(keys)]
}

/** What the schema says of the value at a path, for who left it out. */
function docAt(path: IssuePath): string | undefined {
  for (const schema of schemasAt(protocolSpec, path.slice(1))) {
    const doc = (schema as z.ZodType).meta?.()?.['doc']
    if (typeof doc === 'string') return doc
  }
  return undefined
}
