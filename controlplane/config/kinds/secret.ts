import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type * as z from 'zod'
import { PEM_CERTIFICATE } from '../../../certificates/validity.ts'
import type { KindDefinition } from '../kind.ts'
import { checked, type IssuePath, message, optional, type Report } from '../schema.ts'
import { bool, stringMap, text } from '../syntax/values.ts'

const secretFields = message({
  type: optional(text, 'kubernetes.io/tls (tls.crt, tls.key, optional ca.crt), or Opaque.', { default: 'Opaque' }),
  data: optional(stringMap, 'Values in base64, by key.'),
  stringData: optional(stringMap, 'Values as plain text, by key; win over data.'),
  immutable: optional(bool, 'Accepted and ignored.'),
})

const INVALID = { code: 'SECRET_INVALID' } as const
/** Where a Secret holds the chain of a key, the first that is there counts. */
export const CERTIFICATE_KEYS = ['tls.crt', 'cert'] as const
const PRIVATE_KEYS = ['tls.key', 'key'] as const
/** Where it holds the authorities of the other side. */
export const AUTHORITY_KEYS = ['ca.crt', 'cacert'] as const

function base64Problem(text: string): boolean {
  const bare = text.replace(/\s+/g, '')
  return bare.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(bare)
}

/** The value of a key as text, from whichever of the two maps has it. */
export function secretValue({ data = {}, stringData = {} }: SecretSpec, key: string): string | undefined {
  if (Object.hasOwn(stringData, key)) return stringData[key]
  return Object.hasOwn(data, key) ? Buffer.from(data[key]!, 'base64').toString('utf8') : undefined
}

/** The path of a key's value below `spec`. */
export function valuePath({ stringData = {} }: SecretSpec, key: string): IssuePath {
  return [Object.hasOwn(stringData, key) ? 'stringData' : 'data', key]
}

function firstKey(spec: SecretSpec, keys: readonly string[]): string | undefined {
  return keys.find((key) => secretValue(spec, key) !== undefined)
}

function certificates(spec: SecretSpec, key: string, report: Report): X509Certificate | undefined {
  const blocks = secretValue(spec, key)!.match(PEM_CERTIFICATE) ?? []
  if (blocks.length === 0) report(valuePath(spec, key), 'the value holds no PEM certificate', INVALID)
  let first: X509Certificate | undefined
  for (const [index, block] of blocks.entries()) {
    try {
      const certificate = new X509Certificate(block)
      first ??= certificate
    } catch {
      report(valuePath(spec, key), `certificate ${index + 1} of the value cannot be read`, INVALID)
    }
  }
  return first
}

function privateKey(spec: SecretSpec, key: string, report: Report): KeyObject | undefined {
  try {
    return createPrivateKey(secretValue(spec, key)!)
  } catch {
    // The reason is left out: it might quote the key.
    report(valuePath(spec, key), 'the value is no PEM private key, or an encrypted one', INVALID)
    return undefined
  }
}

/** Values are base64; certificates and keys under the names Istio uses can be read and belong together. */
function secretRule(spec: SecretSpec, report: Report): void {
  let readable = true
  for (const [key, value] of Object.entries(spec.data ?? {})) {
    if (!base64Problem(value)) continue
    readable = false
    report(['data', key], 'the value is no base64', { ...INVALID, hint: 'put plain text below stringData' })
  }
  if (!readable) return
  const certificateKey = firstKey(spec, CERTIFICATE_KEYS)
  const keyKey = firstKey(spec, PRIVATE_KEYS)
  if (spec.type === 'kubernetes.io/tls') {
    for (const key of ['tls.crt', 'tls.key'])
      if (secretValue(spec, key) === undefined)
        report(['data', key], `${key} is required for type kubernetes.io/tls`, { code: 'FIELD_REQUIRED' })
  }
  const certificate = certificateKey === undefined ? undefined : certificates(spec, certificateKey, report)
  const key = keyKey === undefined ? undefined : privateKey(spec, keyKey, report)
  const authority = firstKey(spec, AUTHORITY_KEYS)
  if (authority !== undefined) certificates(spec, authority, report)
  if (certificate && key && !certificate.checkPrivateKey(key))
    report(valuePath(spec, keyKey!), `the private key does not belong to the certificate ${certificateKey}`, INVALID)
}

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
