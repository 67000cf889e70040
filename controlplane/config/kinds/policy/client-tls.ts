import * as z from 'zod'
import { checked, message, optional, type Report } from '../../schema.ts'
import { bool, strings, text } from '../../syntax/values.ts'

const clientTlsSettingsFields = message({
  mode: optional(
    z.enum(['DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL']),
    'Plain, TLS, or TLS with a client certificate.',
    {
      default: 'DISABLE',
    },
  ),
  clientCertificate: optional(text, 'File with the client certificate; needed for MUTUAL without credentialName.'),
  privateKey: optional(text, "File with the client's private key; needed for MUTUAL without credentialName."),
  caCertificates: optional(
    text,
    'File with the CA certificates that verify the server; `system` uses those of the machine.',
  ),
  credentialName: optional(text, 'Secret that holds the certificates, instead of files.'),
  subjectAltNames: optional(strings, "Names one of which the server's certificate must carry."),
  sni: optional(text, 'SNI to send.'),
  insecureSkipVerify: optional(bool, "Do not verify the server's certificate.", { nullable: true, default: 'false' }),
  caCrl: optional(text, 'File with the certificate revocation list.'),
})

function clientTlsRule(tls: ClientTlsSettings, report: Report): void {
  const { mode = 'DISABLE' } = tls
  const files = ['clientCertificate', 'privateKey', 'caCertificates', 'caCrl'] as const
  if (/^configmap:\/\/(?![^/]+\/[^/])/.test(tls.credentialName ?? ''))
    report(['credentialName'], 'configmap:// needs a namespace and a name: configmap://namespace/name')
  if (tls.insecureSkipVerify) {
    const forbidden = {
      SIMPLE: ['caCertificates', 'credentialName'],
      MUTUAL: ['caCertificates'],
      DISABLE: [],
      ISTIO_MUTUAL: [],
    } as const
    for (const field of forbidden[mode])
      if (tls[field]) report([field], `${field} contradicts insecureSkipVerify: true`, { code: 'FIELD_CONFLICT' })
    if ((mode === 'SIMPLE' || mode === 'MUTUAL') && (tls.subjectAltNames?.length ?? 0) > 0)
      report(['subjectAltNames'], 'subjectAltNames contradicts insecureSkipVerify: true', { code: 'FIELD_CONFLICT' })
  }
  if ((mode === 'SIMPLE' || mode === 'MUTUAL') && tls.credentialName) {
    for (const field of files)
      if (tls[field])
        report([field], `${field} and credentialName exclude each other: the secret holds the certificates`, {
          code: 'FIELD_CONFLICT',
        })
    return
  }
  if (mode !== 'MUTUAL') return
  for (const field of ['clientCertificate', 'privateKey'] as const)
    if (!tls[field])
      report([field], `${field} is required for MUTUAL without credentialName`, { code: 'FIELD_REQUIRED' })
}

/** TLS from the proxy to the host. */
export const clientTlsSettings = checked(clientTlsSettingsFields, clientTlsRule)
export type ClientTlsSettings = z.infer<typeof clientTlsSettingsFields>
