import type { Code } from '../../diagnostics/codes.ts'
import type { IssuePath } from '../schema.ts'
import { cipherSuiteKnown } from '../syntax/cipher-suite.ts'
import { shown } from '../syntax/host.ts'
import { type WrittenMessage, written, writtenList, writtenMessage } from './written.ts'

type Add = (path: IssuePath, message: string, code?: Code) => void

/** Groups of BoringSSL as Envoy 1.39 is built. */
const CURVES = new Set([
  'P-256',
  'P-384',
  'P-521',
  'X25519',
  'prime256v1',
  'secp384r1',
  'secp521r1',
  'x25519',
  'X25519MLKEM768',
  'MLKEM1024',
])

/** Suites that BoringSSL has beside those that Istio names. */
const MORE_SUITES = /^ECDHE-RSA-AES128-SHA256$|^(?:ECDHE-)?PSK-(?:AES(?:128|256)-CBC-SHA|CHACHA20-POLY1305)$/

/** Names of algorithms in BoringSSL, and those it makes of a kind of key and a hash. */
const SIGNATURE =
  /^(?:rsa_pkcs1_sha(?:1|256|384|512)|rsa_pss_rsae_sha(?:256|384|512)|ecdsa_(?:sha1|secp256r1_sha256|secp384r1_sha384|secp521r1_sha512)|ed25519)$|^(?:RSA|ECDSA|PSS|RSA-PSS)\+SHA(?:1|256|384|512)$/

/**
 * That curves, signature algorithms and suites are ones that Envoy's TLS library knows. Of suites only what has the form of a name is
 * judged: the library takes groups and aliases, too.
 */
export function checkTlsParameters(parameters: WrittenMessage, add: Add): void {
  for (const [path, curve] of names(parameters, 'ecdh_curves', /:/))
    if (!CURVES.has(curve)) add(path, `${shown(curve)} is no curve Envoy knows; known are ${[...CURVES].join(', ')}`)
  for (const [path, algorithm] of names(parameters, 'signature_algorithms', /:/))
    if (!SIGNATURE.test(algorithm))
      add(
        path,
        `${shown(algorithm)} is no signature algorithm Envoy knows; a name is for example ecdsa_secp256r1_sha256`,
      )
  for (const [path, suite] of names(parameters, 'cipher_suites', /[[\]|:]/)) {
    const named = /^(?!TLS_)[A-Z\d]+(?:-[A-Z\d]+)+$/.test(suite)
    if (named && !cipherSuiteKnown(suite) && !MORE_SUITES.test(suite))
      add(path, `${shown(suite)} is no cipher suite Envoy knows`)
  }
}

function* names(message: WrittenMessage, field: string, between: RegExp): Generator<readonly [IssuePath, string]> {
  const [key, list] = written(message, field)
  for (const [index, item] of (Array.isArray(list) ? list : []).entries())
    for (const name of String(item).split(between)) if (name !== '') yield [[key, index], name]
}

/** A certificate and its key come together. */
function checkTlsCertificate(certificate: WrittenMessage, add: Add): void {
  if (written(certificate, 'pkcs12')[1] !== undefined) return
  const [chainKey, chain] = writtenMessage(certificate, 'certificate_chain')
  const [keyKey, key] = writtenMessage(certificate, 'private_key')
  const provided = written(certificate, 'private_key_provider')[1] !== undefined
  const [hasChain, hasKey] = [certificate[chainKey] !== undefined, certificate[keyKey] !== undefined]
  if (hasChain && empty(chain)) add([chainKey], 'the certificate chain is empty')
  if (hasKey && empty(key)) add([keyKey], 'the private key is empty')
  if (hasChain && !hasKey && !provided) add([keyKey], 'a certificate needs its private_key')
  if (!hasChain && (hasKey || provided)) add([chainKey], 'a private key needs its certificate_chain')
}

/**
 * Certificates and authorities that stand in the context itself: Envoy reads them with the resource. Those of a secret it reads when
 * something uses them.
 */
export function checkCommonTls(common: WrittenMessage, add: Add): void {
  const [certificatesKey, certificates] = writtenList(common, 'tls_certificates')
  for (const [index, certificate] of certificates.entries())
    checkTlsCertificate(certificate, (path, message) => add([certificatesKey, index, ...path], message))
  const [key, context] = writtenMessage(common, 'validation_context')
  const [caKey, trusted] = writtenMessage(context, 'trusted_ca')
  if (context[caKey] !== undefined && empty(trusted)) add([key, caKey], 'the trusted authorities are empty')
  // Names of a peer's certificate say nothing while any authority is taken.
  const authorities = ['trusted_ca', 'system_root_certs', 'ca_certificate_provider_instance', 'custom_validator_config']
  if (authorities.some((name) => written(context, name)[1] !== undefined)) return
  const [namesKey, matchers] = writtenList(context, 'match_typed_subject_alt_names')
  if (matchers.length > 0) add([key, namesKey], 'names of a certificate are checked with trusted_ca only')
}

const SERVER = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext'

/** A filter chain that speaks TLS has certificates, from wherever. */
export function checkServerTls(chain: WrittenMessage, add: Add): void {
  const [socketKey, socket] = writtenMessage(chain, 'transport_socket')
  const [configKey, config] = writtenMessage(socket, 'typed_config')
  const [key, common] = writtenMessage(config, 'common_tls_context')
  if (config['@type'] !== SERVER || Object.keys(common).some((name) => /^(custom_?)?tls_?certificate/i.test(name)))
    return
  add(
    [socketKey, configKey, key],
    'a server needs certificates: tls_certificates or tls_certificate_sds_secret_configs',
  )
}

/** Envoy looks in its bootstrap for a secret that comes from nowhere. */
export function checkSdsSecret(secret: WrittenMessage, add: Add): void {
  if (written(secret, 'sds_config')[1] === undefined && typeof secret['name'] === 'string')
    add(
      ['name'],
      `without sds_config the secret ${shown(secret['name'])} must stand in the bootstrap of the proxy, which refuses the resource otherwise`,
      'FIELD_QUESTIONABLE',
    )
}

function empty(source: WrittenMessage): boolean {
  return ['inline_string', 'inline_bytes'].some((name) => written(source, name)[1] === '')
}
