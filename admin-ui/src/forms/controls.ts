import type { Path } from '../yaml/index.ts'
import { type Control, controlOf, fieldsOf, resolved } from './fields.ts'
import { type FieldSchema, isMap } from './schema.ts'

/** A control of a form with the value it shows: what a person can change without adding anything. */
export interface ShownControl {
  readonly path: Path
  readonly control: Control
  readonly schema: FieldSchema
  readonly value: unknown
}

/** Every control of a document whose field is set, groups and lists unfolded. */
export function controlsOf(declared: FieldSchema, value: unknown, path: Path = []): readonly ShownControl[] {
  const schema = resolved(declared, value)
  const control = controlOf(schema, value)
  switch (control) {
    case 'kept':
      return []
    case 'group':
      return fieldsOf(schema, value, path).flatMap((field) =>
        field.schema === undefined || field.value === undefined
          ? []
          : controlsOf(field.schema, field.value, field.path),
      )
    case 'list':
      return (value as readonly unknown[]).flatMap((item, index) =>
        schema.items ? controlsOf(schema.items, item, [...path, index]) : [],
      )
    case 'entries': {
      const { additionalProperties } = schema
      if (!isMap(value) || typeof additionalProperties !== 'object') return []
      return Object.entries(value).flatMap(([key, item]) => controlsOf(additionalProperties, item, [...path, key]))
    }
    default:
      return value === undefined || value === null ? [] : [{ path, control, schema, value }]
  }
}
