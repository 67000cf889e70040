import { isIP } from 'node:net'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { TransportSocketSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts'
import {
  type CertificateValidationContextSchema,
  SubjectAltNameMatcher_SanType,
  type SubjectAltNameMatcherSchema,
  TlsParameters_TlsProtocol,
} from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts'
import type { SdsSecretConfigSchema } from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import {
  type CommonTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { pack } from '../../../proto/make.ts'
import { GRPC_CERTIFICATE_PROVIDER } from '../../bootstrap/grpc.ts'
import type { WorkloadCertificates } from '../../config/kinds/mesh.ts'
import type { ClientTlsSettings } from '../../config/kinds/policy/client-tls.ts'
import { credentialCaName, credentialSecretName, fileCaName, fileCertificateName, isFileSecret } from '../names.ts'
import { sniClusterName } from './auto-passthrough.ts'
import { adsSource } from './config-source.ts'
import type { Decided } from './policy.ts'
import type { Problem } from './problem.ts'

type TransportSocket = MessageInitShape<typeof TransportSocketSchema>
type CommonTlsContext = MessageInitShape<typeof CommonTlsContextSchema>

/** What decides the TLS of one cluster. */
export interface TlsUpstream {
  readonly settings: Decided<ClientTlsSettings> | undefined
  readonly port: number
  readonly subset: string
  readonly hostname: string
  /** Names from the ServiceEntry and its endpoints, used when the rule gives none. */
  serverNames(): readonly string[]
  readonly http2: boolean
  readonly secretsAllowed: boolean
  /** What ISTIO_MUTUAL means where the rule names no files. */
  readonly workload: WorkloadCertificates | undefined
}

/** `refused`: TLS is asked for and cannot be had. Nothing may be sent then, least of all in plain text. */
export type UpstreamTls =
  | { readonly kind: 'plain' }
  | {
      readonly kind: 'tls'
      readonly transportSocket: TransportSocket
      /** SNI, and the name to check, are the authority of each request. */
      readonly autoSni: boolean
      readonly autoSanValidation: boolean
      /** What is weaker than a reader of the rule may think. */
      readonly warnings: readonly Problem[]
    }
  | { readonly kind: 'refused'; readonly problem: Problem }

/**
 * TLS from Envoy to a cluster. Certificates come over SDS: `credentialName` from a Secret, files by name only (Envoy reads
 * them on its own machine, and again when they change). ISTIO_MUTUAL needs workload certificates: files that the rule or the Mesh
 * names, else the cluster is refused.
 */
export function upstreamTls(upstream: TlsUpstream): UpstreamTls {
  const mode = upstream.settings?.value.mode ?? 'DISABLE'
  if (!upstream.settings || mode === 'DISABLE') return { kind: 'plain' }
  const tls = withIdentity(upstream.settings.value, upstream.workload)
  const missing = unmet(upstream, tls)
  if (missing) return { kind: 'refused', problem: missing }
  const names = tls.subjectAltNames?.length ? tls.subjectAltNames : upstream.serverNames()
  const sni =
    tls.sni || (mode === 'ISTIO_MUTUAL' ? sniClusterName(upstream.port, upstream.subset, upstream.hostname) : '')
  const autoSni = sni === ''
  const common: CommonTlsContext = {
    tlsParams: {
      tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
      tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
    },
    tlsCertificateSdsSecretConfigs: mode === 'SIMPLE' ? [] : [secretConfig(certificateName(tls))],
    validationContextType: validation(tls, names),
    alpnProtocols: upstream.http2 ? ['h2'] : [],
  }
  return {
    kind: 'tls',
    transportSocket: tlsSocket(common, sni),
    autoSni,
    autoSanValidation: autoSni && names.length === 0 && !tls.insecureSkipVerify,
    warnings: autoSni || names.length > 0 || tls.insecureSkipVerify ? [] : [nameNotChecked(upstream.settings)],
  }
}

/** The identity of the workload where a rule asks for it and names no files of its own. */
function withIdentity(tls: ClientTlsSettings, workload: WorkloadCertificates | undefined): ClientTlsSettings {
  if (tls.mode !== 'ISTIO_MUTUAL' || !workload || (tls.clientCertificate && tls.privateKey)) return tls
  const { certificate, privateKey, caCertificates } = workload
  return { ...tls, clientCertificate: certificate, privateKey, caCertificates: tls.caCertificates || caCertificates }
}

/**
 * TLS for gRPC libraries. They take certificates only from providers named in their own bootstrap, so of the modes only
 * ISTIO_MUTUAL can be said, as in Istio.
 */
export function grpcTls(upstream: TlsUpstream): UpstreamTls {
  const mode = upstream.settings?.value.mode ?? 'DISABLE'
  if (!upstream.settings || mode === 'DISABLE') return { kind: 'plain' }
  const { value: tls, origin } = upstream.settings
  if (mode !== 'ISTIO_MUTUAL')
    return {
      kind: 'refused',
      problem: {
        code: 'TLS_NOT_FOR_GRPC',
        severity: 'error',
        message: `proxyless gRPC clients cannot use TLS mode ${mode}: they know only certificates of their own bootstrap`,
        hint: 'use mode ISTIO_MUTUAL and give the client its certificate (bootstrap --grpc --workload-cert), or a sidecar',
        origin,
      },
    }
  const names = tls.subjectAltNames?.length ? tls.subjectAltNames : upstream.serverNames()
  const common: CommonTlsContext = {
    tlsCertificateProviderInstance: { instanceName: GRPC_CERTIFICATE_PROVIDER },
    validationContextType: {
      case: 'validationContext',
      value: {
        caCertificateProviderInstance: { instanceName: GRPC_CERTIFICATE_PROVIDER },
        // gRPC reads only the untyped list.
        matchSubjectAltNames: names.map((name) => ({ matchPattern: { case: 'exact', value: name } })),
      },
    },
  }
  const transportSocket = tlsSocket(common, '')
  return { kind: 'tls', transportSocket, autoSni: false, autoSanValidation: false, warnings: [] }
}

/** What keeps TLS from working, or undefined. */
function unmet({ settings, secretsAllowed }: TlsUpstream, tls: ClientTlsSettings): Problem | undefined {
  const { origin } = settings!
  const refuse = (code: string, message: string, hint: string): Problem => ({
    code,
    severity: 'error',
    message: `${message}; requests to this host fail, nothing is sent in plain text`,
    hint,
    origin,
  })
  if (tls.credentialName && tls.mode !== 'ISTIO_MUTUAL')
    return secretsAllowed
      ? undefined
      : refuse(
          'TLS_SECRET_NOT_ALLOWED',
          `the Secret ${tls.credentialName} goes only to authenticated proxies`,
          'connect proxies over mutual TLS, or name files of their machine instead of credentialName',
        )
  if (tls.mode === 'SIMPLE' || (tls.clientCertificate && tls.privateKey)) return undefined
  return tls.mode === 'ISTIO_MUTUAL'
    ? refuse(
        'TLS_NO_WORKLOAD_CERTIFICATE',
        'there are no workload certificates for mode ISTIO_MUTUAL',
        'name files on the machines of proxies: workloadCertificates of the Mesh, or clientCertificate, privateKey and caCertificates of the rule',
      )
    : refuse(
        'TLS_NO_CLIENT_CERTIFICATE',
        'mode MUTUAL needs a client certificate',
        'set clientCertificate and privateKey, or credentialName',
      )
}

/** With an SNI of its own a rule turns the check of the request's authority off, as in Istio; the chain is still verified. */
function nameNotChecked({ value, origin }: Decided<ClientTlsSettings>): Problem {
  return {
    code: 'TLS_NAME_NOT_CHECKED',
    severity: 'warning',
    message: `any certificate signed by the CA is accepted: ${value.sni ? 'with sni set' : 'in mode ISTIO_MUTUAL'} the name in it is not checked`,
    hint: 'list the names that the server may have in subjectAltNames',
    origin,
  }
}

function certificateName(tls: ClientTlsSettings): string {
  return tls.credentialName && tls.mode !== 'ISTIO_MUTUAL'
    ? credentialSecretName(tls.credentialName)
    : fileCertificateName(tls.clientCertificate!, tls.privateKey!)
}

function validation(
  tls: ClientTlsSettings,
  names: readonly string[],
): NonNullable<CommonTlsContext['validationContextType']> {
  if (tls.insecureSkipVerify) return { case: 'validationContext', value: {} }
  const secret =
    tls.credentialName && tls.mode !== 'ISTIO_MUTUAL'
      ? credentialCaName(tls.credentialName)
      : fileCaName(tls.caCertificates || 'system', tls.caCrl || undefined)
  const defaults: MessageInitShape<typeof CertificateValidationContextSchema> = {
    matchTypedSubjectAltNames: names.map(exactName),
  }
  return {
    case: 'combinedValidationContext',
    value: { defaultValidationContext: defaults, validationContextSdsSecretConfig: secretConfig(secret) },
  }
}

function exactName(name: string): MessageInitShape<typeof SubjectAltNameMatcherSchema> {
  const sanType = name.includes('://')
    ? SubjectAltNameMatcher_SanType.URI
    : isIP(name)
      ? SubjectAltNameMatcher_SanType.IP_ADDRESS
      : name.includes('@')
        ? SubjectAltNameMatcher_SanType.EMAIL
        : SubjectAltNameMatcher_SanType.DNS
  return { sanType, matcher: { matchPattern: { case: 'exact', value: name } } }
}

function secretConfig(name: string): MessageInitShape<typeof SdsSecretConfigSchema> {
  return { name, sdsConfig: adsSource(isFileSecret(name) ? 'files' : 'credential') }
}

function tlsSocket(commonTlsContext: CommonTlsContext, sni: string): TransportSocket {
  return {
    name: 'envoy.transport_sockets.tls',
    configType: { case: 'typedConfig', value: pack(UpstreamTlsContextSchema, { commonTlsContext, sni }) },
  }
}
