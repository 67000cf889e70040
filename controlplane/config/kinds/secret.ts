import type * as z from 'zod'
import { message, optional } from '../schema.ts'
import { bool, stringMap, text } from '../syntax/values.ts'

/** A Kubernetes Secret; its fields stand beside metadata, the loader puts them into `spec`. */
export const secretSpec = message({
  type: optional(text, 'kubernetes.io/tls (tls.crt, tls.key, optional ca.crt), or Opaque.', { default: 'Opaque' }),
  data: optional(stringMap, 'Values in base64, by key.'),
  stringData: optional(stringMap, 'Values as plain text, by key; win over data.'),
  immutable: optional(bool, 'Accepted and ignored.'),
})
export type SecretSpec = z.infer<typeof secretSpec>
