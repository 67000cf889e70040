import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import {
  type CertificateValidationContextSchema,
  TlsParameters_TlsProtocol,
  CertificateValidationContext_TrustChainVerification as TrustChain,
} from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts'
import type { SdsSecretConfigSchema } from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import {
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
} from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { pack } from '../../../proto/make.ts'
import type { ServerTls } from '../../config/kinds/server-tls.ts'
import { usableCipherSuites } from '../../config/syntax/cipher-suite.ts'
import { credentialCaName, credentialSecretName, fileCaName, fileCertificateName } from '../names.ts'
import { ADS } from './config-source.ts'

/** What callers of Envoys may choose, as with Istio for TCP too: gRPC clients refuse a handshake without `h2`, whatever is behind. */
export const ALPN: readonly string[] = ['h2', 'http/1.1']

/** TLS that a listener terminates. Certificates and keys always come over SDS, so that a new file or Secret needs no new listener. */
export function downstreamTlsContext(tls: ServerTls, alpn: readonly string[]): Any {
  const validation = validationContext(tls)
  const common: MessageInitShape<typeof CommonTlsContextSchema> = {
    tlsCertificateSdsSecretConfigs: certificateNames(tls).map(secretConfig),
    alpnProtocols: [...alpn],
    tlsParams: {
      tlsMinimumProtocolVersion: protocolVersion(tls.minProtocolVersion) || TlsParameters_TlsProtocol.TLSv1_2,
      tlsMaximumProtocolVersion: protocolVersion(tls.maxProtocolVersion),
      cipherSuites: [...usableCipherSuites(tls.cipherSuites ?? [])],
      ecdhCurves: [...(tls.ecdhCurves ?? [])],
    },
    ...(validation && { validationContextType: validation }),
  }
  return pack(DownstreamTlsContextSchema, {
    commonTlsContext: common,
    requireClientCertificate: tls.mode === 'MUTUAL' || tls.mode === 'ISTIO_MUTUAL',
  })
}

/** Whether this mode ends TLS here (and does not pass it on by SNI). */
export function terminatesTls(tls: ServerTls | undefined): boolean {
  return (
    tls?.mode === 'SIMPLE' || tls?.mode === 'MUTUAL' || tls?.mode === 'OPTIONAL_MUTUAL' || tls?.mode === 'ISTIO_MUTUAL'
  )
}

/** Whether callers are asked for a certificate. */
export function asksForClientCertificate(tls: ServerTls): boolean {
  return tls.mode === 'MUTUAL' || tls.mode === 'OPTIONAL_MUTUAL' || tls.mode === 'ISTIO_MUTUAL'
}

function certificateNames(tls: ServerTls): readonly string[] {
  const credentials = tls.credentialNames?.length ? tls.credentialNames : tls.credentialName ? [tls.credentialName] : []
  if (credentials.length > 0) return credentials.map(credentialSecretName)
  const files = tls.tlsCertificates?.length ? tls.tlsCertificates : [tls]
  return files.flatMap(({ serverCertificate, privateKey }) =>
    serverCertificate && privateKey ? [fileCertificateName(serverCertificate, privateKey)] : [],
  )
}

function validationContext(tls: ServerTls): MessageInitShape<typeof CommonTlsContextSchema>['validationContextType'] {
  const pins: MessageInitShape<typeof CertificateValidationContextSchema> = {
    matchTypedSubjectAltNames: (tls.subjectAltNames ?? []).flatMap((name) =>
      SAN_TYPES.map((sanType) => ({ sanType, matcher: { matchPattern: { case: 'exact' as const, value: name } } })),
    ),
    verifyCertificateSpki: [...(tls.verifyCertificateSpki ?? [])],
    verifyCertificateHash: [...(tls.verifyCertificateHash ?? [])],
    ...(tls.insecureSkipVerify && { trustChainVerification: TrustChain.ACCEPT_UNTRUSTED }),
  }
  const ca = caSecretName(tls)
  if (ca && asksForClientCertificate(tls))
    return {
      case: 'combinedValidationContext',
      value: { defaultValidationContext: pins, validationContextSdsSecretConfig: secretConfig(ca) },
    }
  const pinned = (pins.verifyCertificateSpki?.length ?? 0) + (pins.verifyCertificateHash?.length ?? 0) > 0
  return pinned ? { case: 'validationContext', value: pins } : undefined
}

/** Where the CA certificates for callers come from. With a credential they are the Secret's own `ca.crt`, or that of `<name>-cacert`. */
function caSecretName(tls: ServerTls): string | undefined {
  if (tls.caCertCredentialName) return credentialCaName(tls.caCertCredentialName)
  if (tls.caCertificates) return fileCaName(tls.caCertificates, tls.caCrl)
  const credential = tls.credentialNames?.[0] ?? tls.credentialName
  return credential && asksForClientCertificate(tls) ? credentialCaName(credential) : undefined
}

/** SubjectAltNameMatcher.SanType: EMAIL, DNS, URI, IP_ADDRESS. */
const SAN_TYPES = [1, 2, 3, 4] as const

function secretConfig(name: string): MessageInitShape<typeof SdsSecretConfigSchema> {
  return { name, sdsConfig: ADS }
}

function protocolVersion(text: string | undefined): TlsParameters_TlsProtocol {
  if (!text || text === 'TLS_AUTO') return TlsParameters_TlsProtocol.TLS_AUTO
  return TlsParameters_TlsProtocol[text.replace('TLSV', 'TLSv') as keyof typeof TlsParameters_TlsProtocol]
}
