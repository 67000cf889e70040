import * as z from 'zod'
import type { Code } from '../diagnostics/codes.ts'

/** What a field tells about itself beside its type: shown in docs/kinds.md and in forms, read by the checks. */
export interface FieldMeta {
  /** One sentence in our own words. */
  readonly doc: string
  /** What holds when the field is absent, as a reader would write it. */
  readonly default?: string
  /** Why the field is not compiled to Envoy (yet); a document that uses it gets a warning with this reason. */
  readonly unsupported?: string
  /** What to write instead; a document that uses it gets a warning. */
  readonly deprecated?: string
  /** A protobuf wrapper type: the schema of Kubernetes says `nullable`. */
  readonly nullable?: boolean
}

/** Names of fields that exclude each other. Stated as data, so that docs and forms can show the choice. */
export type OneofGroup = readonly string[]

declare module 'zod' {
  interface GlobalMeta {
    doc?: string
    default?: unknown
    unsupported?: string
    /** The reason behind `deprecated: true`, which JSON Schema knows as a flag only. */
    deprecation?: string
    nullable?: boolean
    oneofs?: readonly OneofGroup[]
    format?: string
  }
}

/** A field that may be left out. */
export function optional<T extends z.ZodType>(
  schema: T,
  doc: string,
  more: Omit<FieldMeta, 'doc'> = {},
): z.ZodOptional<T> {
  return schema.optional().meta(fieldMeta(schema, doc, more))
}

/** A field that must be there. */
export function required<T extends z.ZodType>(schema: T, doc: string, more: Omit<FieldMeta, 'doc'> = {}): T {
  return schema.meta(fieldMeta(schema, doc, more)) as T
}

function fieldMeta(schema: z.ZodType, doc: string, { deprecated, ...more }: Omit<FieldMeta, 'doc'>): z.GlobalMeta {
  const deprecation = deprecated === undefined ? {} : { deprecated: true, deprecation: deprecated }
  return { ...schema.meta(), ...more, doc, ...deprecation }
}

/** Where a rule is broken, relative to the value it concerns. */
export type IssuePath = readonly (string | number)[]

/** A broken rule. Without a code it is an error of a value; `hint` says what to do. */
export interface IssueExtra {
  readonly code?: Code
  readonly hint?: string
}

export type Report = (path: IssuePath, message: string, extra?: IssueExtra) => void

/**
 * Adds a rule that concerns several fields. It runs only when every field in the value has the right type, so it may trust
 * the types. Rules report as many problems as they find.
 */
export function checked<T extends z.ZodType>(schema: T, check: (value: z.output<T>, report: Report) => void): T {
  const result = schema.check((context) => {
    check(context.value as z.output<T>, (path, message, extra) => {
      // `continue` keeps the rules of the values around this one running: all errors are reported at once.
      context.issues.push({
        code: 'custom',
        input: undefined,
        path: [...path],
        message,
        params: { ...extra },
        continue: true,
      })
    })
  })
  const meta = schema.meta()
  return (meta ? result.meta(meta) : result) as T
}

/** An object whose groups of fields exclude each other: at most one field of a group may be set. */
export function message<Shape extends z.ZodRawShape>(
  shape: Shape,
  oneofs: readonly OneofGroup[] = [],
): z.ZodObject<Shape, z.core.$strip> {
  const object = z.object(shape)
  if (oneofs.length === 0) return object
  return checked(object.meta({ oneofs }), (value, report) => {
    const fields = value as Record<string, unknown>
    for (const group of oneofs) {
      const set = group.filter((field) => fields[field] !== undefined)
      if (set.length > 1)
        report([set[1]!], `only one of ${group.join(', ')} may be set, found ${set.join(' and ')}`, {
          code: 'FIELD_CONFLICT',
        })
    }
  })
}

/** Adds a rule for one value: `test` answers undefined or what is wrong. */
export function valid<T extends z.ZodType>(
  schema: T,
  test: (value: z.output<T>) => string | undefined,
  format?: string,
): T {
  const result = checked(schema, (value, report) => {
    const problem = test(value)
    if (problem !== undefined) report([], problem)
  })
  return format === undefined ? result : (result.meta({ ...schema.meta(), format }) as T)
}
