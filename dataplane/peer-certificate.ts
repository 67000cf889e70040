import { createHash, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate, type SecureContextOptions } from 'node:tls'
import type { CertificatePins, PeerCheck, TlsParameters } from './tls-settings.ts'

/** Suites of TLS 1.3; Node takes a list without any of them as a wish for TLS 1.2. */
const TLS13_SUITES = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256']

/** Versions and algorithms as Node wants them. */
export function contextParameters({
  minVersion,
  maxVersion,
  cipherSuites,
  curves,
}: TlsParameters): SecureContextOptions {
  return {
    ...(minVersion && { minVersion }),
    ...(maxVersion && { maxVersion }),
    ...(cipherSuites && { ciphers: [...TLS13_SUITES, ...cipherSuites].join(':') }),
    ...(curves && { ecdhCurve: curves.join(':') }),
  }
}

/** Authorities and their revocation lists as Node wants them. */
export function trusted({ ca, crl }: PeerCheck): Pick<SecureContextOptions, 'ca' | 'crl'> {
  return { ...(ca !== undefined && { ca }), ...(crl !== undefined && { crl }) }
}

/**
 * What is wrong with a certificate whose chain was verified: it holds none of the names wanted, or is none of the pinned ones. `insecure` takes any,
 * as Envoy's `ACCEPT_UNTRUSTED` does.
 */
export function certificateProblem(certificate: X509Certificate, check: PeerCheck): string | undefined {
  if (check.insecure) return undefined
  const { subjectAltNames: names, pins } = check
  if (names && !holdsOneOf(certificate, names))
    return `the certificate holds none of the names ${names.join(', ')}, but ${certificate.subjectAltName ?? 'no name'}`
  if (pins && !isPinned(certificate, pins)) return 'the certificate is none of those wanted by their hash'
  return undefined
}

/**
 * Whether a certificate holds one of the names: DNS names (also by a wildcard of the certificate), addresses, URIs, mail addresses. Its common name
 * does not count.
 */
function holdsOneOf(certificate: X509Certificate, names: readonly string[]): boolean {
  const held = alternativeNames(certificate.subjectAltName ?? '')
  return names.some(
    (name) =>
      held.has(name) ||
      (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name, { subject: 'never' })) !== undefined,
  )
}

/**
 * Values of a list as Node prints it: `DNS:a, URI:"b, DNS:c"`. What could be taken for more than one value is quoted as in JSON, so it must
 * not be cut at commas.
 * @see https://nodejs.org/api/crypto.html#x509subjectaltname
 */
export function alternativeNames(text: string): ReadonlySet<string> {
  const found = new Set<string>()
  for (const [, quoted, plain] of text.matchAll(/[^:,]+:(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/g))
    found.add(quoted === undefined ? plain! : (JSON.parse(quoted) as string))
  return found
}

/** Hashes of certificates may be written with colons between bytes. */
function isPinned(certificate: X509Certificate, { certificates, publicKeys }: CertificatePins): boolean {
  const hex = (text: string) => text.replaceAll(':', '').toLowerCase()
  const own = hex(certificate.fingerprint256)
  if (certificates.some((hash) => hex(hash) === own)) return true
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return publicKeys.includes(createHash('sha256').update(key).digest('base64'))
}

/**
 * What is wrong with the certificate of a server whose chain was verified; for `checkServerIdentity`. Without names it must be for `host`; without
 * a host for nobody in particular.
 */
export function serverProblem(check: PeerCheck, host: string | undefined, shown: PeerCertificate): Error | undefined {
  const problem = certificateProblem(new X509Certificate(shown.raw), check)
  if (problem !== undefined) return new Error(problem)
  return check.subjectAltNames || host === undefined ? undefined : checkServerIdentity(host, shown)
}
