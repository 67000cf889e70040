import * as z from 'zod'
import { message, optional } from '../schema.ts'
import { strings } from '../syntax/values.ts'

export const percent = message({
  value: optional(z.number().meta({ format: 'double' }), 'Percentage from 0 to 100; fractions are allowed.'),
})

export const exportTo = optional(
  strings,
  'Namespaces that see this document: `.` its own, `*` all, `~` none, or names.',
  { default: '["*"], or what the Mesh document says' },
)
