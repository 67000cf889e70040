import * as z from 'zod'
import { serverTlsRule } from '../rules/server-tls.ts'
import { checked, message, optional } from '../schema.ts'
import { bool, strings, text } from '../syntax/values.ts'

const tlsVersion = z.enum(['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3'])

const tlsCertificate = message({
  serverCertificate: optional(text, 'File with the certificate.'),
  privateKey: optional(text, 'File with the private key.'),
  caCertificates: optional(text, 'File with CA certificates; not used per certificate.'),
})

const serverTlsSettingsFields = message({
  httpsRedirect: optional(bool, 'Answer plain HTTP with a 301 to https.', { default: 'false' }),
  mode: optional(
    z.enum(['PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL']),
    'Terminate TLS (with or without a client certificate) or pass it through by SNI; AUTO_PASSTHROUGH takes the service from the SNI. ISTIO_MUTUAL takes `workloadCertificates` of the Mesh, without them no port is opened.',
    { default: 'PASSTHROUGH' },
  ),
  serverCertificate: optional(text, 'File with the certificate.'),
  privateKey: optional(text, 'File with the private key.'),
  caCertificates: optional(
    text,
    'File with the CA certificates that verify callers; `system` uses those of the machine.',
  ),
  caCrl: optional(text, 'File with the certificate revocation list.'),
  credentialName: optional(
    text,
    'Secret with the certificate and key (and CA certificates for MUTUAL), instead of files.',
  ),
  credentialNames: optional(z.array(text).min(1).max(2), 'Up to two Secrets, one per key type (RSA, ECDSA).'),
  caCertCredentialName: optional(text, 'Secret or ConfigMap with the CA certificates alone.'),
  tlsCertificates: optional(z.array(tlsCertificate).min(1).max(2), 'Up to two certificates by file, one per key type.'),
  subjectAltNames: optional(strings, "Names one of which the caller's certificate must carry."),
  verifyCertificateSpki: optional(strings, "Base64 SHA-256 hashes of the caller's public key that are accepted."),
  verifyCertificateHash: optional(strings, "Hex SHA-256 hashes of the caller's certificate that are accepted."),
  minProtocolVersion: optional(tlsVersion, 'Lowest TLS version.', { default: 'TLSV1_2' }),
  maxProtocolVersion: optional(tlsVersion, 'Highest TLS version.', { default: 'TLSV1_3' }),
  cipherSuites: optional(strings, 'Cipher suites for TLS 1.2 and older.'),
  ecdhCurves: optional(strings, 'Curves for the key exchange, such as X25519 or P-256.'),
  insecureSkipVerify: optional(bool, "Do not verify the caller's certificate.", { nullable: true, default: 'false' }),
})
/** TLS from callers to the proxy. */
export const serverTlsSettings = checked(serverTlsSettingsFields, serverTlsRule)
export type ServerTls = z.infer<typeof serverTlsSettingsFields>
