import type * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { secretRule } from '../rules/secret.ts'
import { checked, message, optional } from '../schema.ts'
import { bool, stringMap, text } from '../syntax/values.ts'

const secretFields = message({
  type: optional(text, 'kubernetes.io/tls (tls.crt, tls.key, optional ca.crt), or Opaque.', { default: 'Opaque' }),
  data: optional(stringMap, 'Values in base64, by key.'),
  stringData: optional(stringMap, 'Values as plain text, by key; win over data.'),
  immutable: optional(bool, 'Accepted and ignored.'),
})
/** A Kubernetes Secret; its fields stand beside metadata, the loader puts them into `spec`. */
const secretSpec = checked(secretFields, secretRule)
export type SecretSpec = z.infer<typeof secretFields>

export const secret: KindDefinition<SecretSpec> = {
  kind: 'Secret',
  group: '',
  versions: ['v1'],
  doc: 'Certificates and keys, for credentialName. Served by SDS to proxies of the namespace only.',
  compiled: true,
  flat: true,
  schema: secretSpec,
}
