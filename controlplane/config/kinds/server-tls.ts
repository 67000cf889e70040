import * as z from 'zod'
import { checked, message, optional, type Report } from '../schema.ts'
import { cipherSuiteKnown } from '../syntax/cipher-suite.ts'
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

const CONFLICT = { code: 'FIELD_CONFLICT' } as const

function cipherWarnings(suites: readonly string[], report: Report): void {
  const seen = new Set<string>()
  for (const [index, suite] of suites.entries()) {
    if (!cipherSuiteKnown(suite))
      report(['cipherSuites', index], `cipher suite ${suite} is unknown and ignored`, { code: 'FIELD_NO_EFFECT' })
    else if (seen.has(suite))
      report(['cipherSuites', index], `cipher suite ${suite} is listed twice`, { code: 'FIELD_NO_EFFECT' })
    seen.add(suite)
  }
}

const VERSIONS = ['TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3']

/** Which versions of TLS go together, and with which cipher suites. */
function versionsRule(tls: ServerTls, report: Report): void {
  const { minProtocolVersion: min = 'TLS_AUTO', maxProtocolVersion: max = 'TLS_AUTO', cipherSuites = [] } = tls
  if ((min === 'TLSV1_0' || min === 'TLSV1_1') && cipherSuites.length === 0)
    report(['minProtocolVersion'], 'TLS below 1.2 needs cipherSuites: the default suites do not work with it', {
      code: 'FIELD_QUESTIONABLE',
    })
  cipherWarnings(cipherSuites, report)
  if (min !== 'TLS_AUTO' && max !== 'TLS_AUTO' && VERSIONS.indexOf(min) > VERSIONS.indexOf(max))
    report(['minProtocolVersion'], `${min} is above maxProtocolVersion ${max}: no client could connect`, {
      code: 'FIELD_QUESTIONABLE',
    })
}

const CERTIFICATE_FIELDS = [
  'serverCertificate',
  'privateKey',
  'caCertificates',
  'tlsCertificates',
  'credentialName',
  'credentialNames',
] as const

/** Fields that stand beside one another although the API's own schema lets one of them be set. It asks for presence: an empty one counts. */
function exclusiveRule(tls: ServerTls, report: Report): void {
  if (tls.tlsCertificates && tls.credentialNames)
    report(['credentialNames'], 'only one of credentialNames or tlsCertificates can be set', CONFLICT)
  if (tls.credentialName !== undefined && tls.credentialNames)
    report(['credentialNames'], 'only one of credentialName or credentialNames can be set', CONFLICT)
}

/** Certificates from more than one place, where the API's own schema says nothing. */
function oneSourceRule(tls: ServerTls, report: Report): void {
  const { tlsCertificates = [], credentialNames = [] } = tls
  const sources = [
    ...(tls.credentialName ? ['credentialName'] : []),
    ...(credentialNames.length > 0 ? ['credentialNames'] : []),
    ...(tlsCertificates.length > 0 ? ['tlsCertificates'] : []),
    ...(tls.serverCertificate && tls.privateKey ? ['serverCertificate'] : []),
  ]
  const reported = tls.credentialNames && (tls.tlsCertificates || tls.credentialName !== undefined)
  if (sources.length > 1 && !reported)
    report([sources[1]!], `only one of ${sources.join(', ')} may hold the certificates`, CONFLICT)
}

/** What a listener that terminates TLS needs, where its certificates are no Secrets. */
function certificateFilesRule(mode: string, tls: ServerTls, report: Report): void {
  const { tlsCertificates = [] } = tls
  const files = ['serverCertificate', 'privateKey'] as const
  if (mode !== 'SIMPLE' && !tls.caCertificates)
    report(['caCertificates'], `${mode} TLS requires a client CA bundle`, { code: 'FIELD_REQUIRED' })
  if (tlsCertificates.length === 0) {
    for (const field of files)
      if (!tls[field]) report([field], `${mode} TLS requires ${field}, or a credentialName`, { code: 'FIELD_REQUIRED' })
    return
  }
  for (const [index, certificate] of tlsCertificates.entries())
    for (const field of files)
      if (!certificate[field])
        report(['tlsCertificates', index, field], `${mode} TLS requires ${field}`, { code: 'FIELD_REQUIRED' })
}

/** Which certificates a listener's TLS mode needs, allows and excludes. */
function serverTlsRule(tls: ServerTls, report: Report): void {
  const { mode = 'PASSTHROUGH' } = tls
  versionsRule(tls, report)
  exclusiveRule(tls, report)
  if (mode === 'ISTIO_MUTUAL') {
    for (const field of CERTIFICATE_FIELDS)
      if (tls[field]?.length)
        report([field], `ISTIO_MUTUAL takes its certificates from the workload: ${field} cannot be set`, CONFLICT)
    return
  }
  if (mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH') {
    for (const field of [...CERTIFICATE_FIELDS, 'caCrl'] as const)
      if (tls[field]?.length)
        report([field], `${mode} does not use certificates, ${field} is ignored`, { code: 'FIELD_NO_EFFECT' })
  }
  oneSourceRule(tls, report)
  const terminates = mode === 'SIMPLE' || mode === 'MUTUAL' || mode === 'OPTIONAL_MUTUAL'
  if (terminates && (tls.credentialName || tls.credentialNames?.length)) {
    if (tls.caCrl && tls.credentialName)
      report(['caCrl'], 'with credentialName the revocation list belongs into the secret', { code: 'FIELD_NO_EFFECT' })
    return
  }
  if (terminates) certificateFilesRule(mode, tls, report)
  if (tls.caCrl && tls.credentialName)
    report(['caCrl'], 'with credentialName the revocation list belongs into the secret', CONFLICT)
  if (tls.caCrl && mode === 'SIMPLE')
    report(['caCrl'], 'SIMPLE TLS verifies no client, a revocation list is not supported', CONFLICT)
}

/** TLS from callers to the proxy. */
export const serverTlsSettings = checked(serverTlsSettingsFields, serverTlsRule)
export type ServerTls = z.infer<typeof serverTlsSettingsFields>
