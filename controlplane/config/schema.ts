import * as z from 'zod'

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
  /** An explicit `null` counts as absent (a protobuf wrapper type); elsewhere null is a type error, as in Kubernetes. */
  readonly nullable?: boolean
}

/**
 * All protobuf JSON names of one message that exclude each other. Stated as data, so that docs and forms can show
 * the choice; {@link message} turns it into a check.
 */
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
  return {
    ...schema.meta(),
    ...more,
    doc,
    ...(deprecated === undefined ? {} : { deprecated: true, deprecation: deprecated }),
  }
}

/** An object whose named groups of fields exclude each other; at most one field of a group may be set. */
export function message<Shape extends z.ZodRawShape>(
  shape: Shape,
  oneofs: readonly OneofGroup[] = [],
): z.ZodObject<Shape, z.core.$strip> {
  const object = z.object(shape)
  if (oneofs.length === 0) return object
  return object
    .check((context) => {
      const value = context.value as Record<string, unknown>
      for (const group of oneofs) {
        const set = group.filter((field) => value[field] !== undefined)
        if (set.length < 2) continue
        context.issues.push({
          code: 'custom',
          input: context.value,
          path: [set[1]!],
          message: `only one of ${group.join(', ')} may be set, found ${set.join(' and ')}`,
          params: { rule: 'oneof' },
        })
      }
    })
    .meta({ oneofs })
}

/** A check over a whole message; `report` names the place relative to it. */
export type MessageCheck<T> = (value: T, report: (path: readonly (string | number)[], message: string) => void) => void

/** Adds a rule that concerns several fields. It runs only when every field by itself has the right type. */
export function checked<T extends z.ZodType>(schema: T, check: MessageCheck<z.output<T>>): T {
  return schema
    .check((context) => {
      check(context.value as z.output<T>, (path, text) =>
        context.issues.push({ code: 'custom', input: context.value, path: [...path], message: text }),
      )
    })
    .meta(schema.meta() ?? {}) as T
}

/** Adds a rule for one value: `test` answers undefined or what is wrong. */
export function valid<T extends z.ZodType>(
  schema: T,
  test: (value: z.output<T>) => string | undefined,
  format?: string,
): T {
  const result = schema.check((context) => {
    const problem = test(context.value as z.output<T>)
    if (problem !== undefined) context.issues.push({ code: 'custom', input: context.value, path: [], message: problem })
  })
  const meta = { ...schema.meta(), ...(format === undefined ? {} : { format }) }
  return (Object.keys(meta).length > 0 ? result.meta(meta) : result) as T
}
