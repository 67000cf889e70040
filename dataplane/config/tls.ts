import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import { errorText } from '../../errors/thrown.ts'
import type { DataSource, TransportSocket } from '../../proto/gen/envoy/config/core/v3/base_pb.ts'
import { ProxyProtocolConfig_Version } from '../../proto/gen/envoy/config/core/v3/proxy_protocol_pb.ts'
import { ProxyProtocolUpstreamTransportSchema } from '../../proto/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.ts'
import { RawBufferSchema } from '../../proto/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts'
import {
  type CertificateValidationContext,
  type TlsParameters as Params,
  type TlsCertificate,
  TlsParameters_TlsProtocol,
  CertificateValidationContext_TrustChainVerification as Verification,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.ts'
import type { SdsSecretConfig, Secret } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import {
  type CommonTlsContext,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { contextParameters } from '../peer-certificate.ts'
import type { ClientTls, PeerCheck, ServerTls, TlsParameters, TlsVersion } from '../tls-settings.ts'
import { refuse } from './refusal.ts'
import { milliseconds } from './values.ts'

/** Secrets by name, as far as they have come. */
export type Secrets = (name: string) => Secret | undefined

/** Names of secrets, and how to make settings of them; undefined while one is missing. */
export interface Waiting<Settings> {
  readonly secrets: readonly string[]
  /** How long the settings before these may stay in force while a secret is missing; Infinity: until it comes. */
  readonly waitMs: number
  resolve(secrets: Secrets): Settings | undefined
}
export type Downstream = Waiting<ServerTls>
export interface Upstream {
  readonly proxyProtocol?: 'v1' | 'v2'
  readonly tls?: Waiting<ClientTls>
}

/** TLS that a listener terminates. @throws Refusal */
export function downstreamTls(path: string, socket: TransportSocket): Downstream {
  const context = unpack(path, socket, DownstreamTlsContextSchema)
  if (!context?.commonTlsContext) return refuse(path, 'only TLS sockets are known')
  const common = context.commonTlsContext
  const read = commonTls(path, common)
  if (!read.certificate) return refuse(path, 'TLS needs a certificate')
  return {
    secrets: read.secrets,
    waitMs: read.waitMs,
    resolve(secrets) {
      const certificate = read.certificate!(secrets)
      const check = read.check?.(secrets)
      if (!certificate || (read.check && !check)) return undefined
      const required = context.requireClientCertificate
      return {
        ...certificate,
        ...((check || required) && { client: { ...check, ...(!required && { optional: true }) } }),
        ...(common.alpnProtocols.length > 0 && { alpn: common.alpnProtocols }),
        ...read.parameters,
      }
    },
  }
}

/** What stands between a cluster and the wire: TLS, a PROXY protocol header, or nothing. @throws Refusal */
export function upstreamSocket(path: string, socket: TransportSocket): Upstream {
  const proxy = unpack(path, socket, ProxyProtocolUpstreamTransportSchema)
  if (proxy) {
    const proxyProtocol = proxy.config?.version === ProxyProtocolConfig_Version.V2 ? 'v2' : 'v1'
    return { ...(proxy.transportSocket ? upstreamSocket(path, proxy.transportSocket) : {}), proxyProtocol }
  }
  if (unpack(path, socket, RawBufferSchema)) return {}
  const context = unpack(path, socket, UpstreamTlsContextSchema)
  if (!context) return refuse(path, `the socket ${socket.name} is not known`)
  const read = commonTls(path, context.commonTlsContext)
  const direct = context.commonTlsContext?.validationContextType
  if (direct?.case === 'validationContext' && !direct.value.trustedCa && isPinning(direct.value))
    return refuse(path, 'hashes of certificates need a trusted_ca here')
  return {
    tls: {
      secrets: read.secrets,
      waitMs: read.waitMs,
      resolve(secrets) {
        const certificate = read.certificate?.(secrets)
        const check = read.check?.(secrets)
        if ((read.certificate && !certificate) || (read.check && !check)) return undefined
        return {
          ...(context.sni && { serverName: context.sni }),
          ...(certificate && { certificate: certificate.certificate, privateKey: certificate.privateKey }),
          ...check,
          // As in Envoy: without authorities nothing is checked.
          ...(!check?.ca && { insecure: true }),
          ...read.parameters,
        }
      },
    },
  }
}

interface CommonTls extends Pick<Waiting<unknown>, 'secrets' | 'waitMs'> {
  readonly parameters: TlsParameters
  readonly certificate?: (secrets: Secrets) => { readonly certificate: string; readonly privateKey: string } | undefined
  readonly check?: (secrets: Secrets) => PeerCheck | undefined
}

function commonTls(path: string, common: CommonTlsContext | undefined): CommonTls {
  if (!common) return { secrets: [], waitMs: 0, parameters: {} }
  const [sds] = common.tlsCertificateSdsSecretConfigs
  const [inline] = common.tlsCertificates
  if (common.tlsCertificateSdsSecretConfigs.length + common.tlsCertificates.length > 1)
    refuse(path, 'one certificate only is supported')
  const validation = common.validationContextType
  const caSds =
    validation.case === 'validationContextSdsSecretConfig'
      ? validation.value
      : validation.case === 'combinedValidationContext'
        ? validation.value.validationContextSdsSecretConfig
        : undefined
  const caName = caSds?.name
  const base = validation.case === 'combinedValidationContext' ? validation.value.defaultValidationContext : undefined
  const direct = validation.case === 'validationContext' ? validation.value : undefined
  return {
    secrets: [sds?.name, caName].filter((name) => name !== undefined && name !== '') as string[],
    waitMs: Math.max(...[sds, caSds].map(fetchMs)),
    parameters: tlsParameters(path, common.tlsParams),
    ...((sds || inline) && {
      certificate: (secrets: Secrets) => {
        const secret = sds ? secrets(sds.name) : undefined
        if (sds && secret?.type.case !== 'tlsCertificate') return undefined
        return keyPair(sds ? (secret!.type.value as TlsCertificate) : inline!)
      },
    }),
    ...((caName || direct) && {
      check: (secrets: Secrets) => {
        if (!caName) return direct && peerCheck(direct)
        const secret = secrets(caName)
        if (secret?.type.case !== 'validationContext') return undefined
        return peerCheck(base ? merged(secret.type.value, base) : secret.type.value)
      },
    }),
  }
}

/** What came over SDS beside what the context itself says: lists behind one another, as protobuf merges them. */
function merged(own: CertificateValidationContext, base: CertificateValidationContext): CertificateValidationContext {
  return {
    ...own,
    matchTypedSubjectAltNames: [...own.matchTypedSubjectAltNames, ...base.matchTypedSubjectAltNames],
    verifyCertificateHash: [...own.verifyCertificateHash, ...base.verifyCertificateHash],
    verifyCertificateSpki: [...own.verifyCertificateSpki, ...base.verifyCertificateSpki],
    trustChainVerification: own.trustChainVerification || base.trustChainVerification,
  }
}

/**
 * undefined while a file it names cannot be read: to go on without it would let anybody in.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/transport_sockets/tls/v3/common.proto
 */
function peerCheck(validation: CertificateValidationContext): PeerCheck | undefined {
  const ca = text(validation.trustedCa)
  const crl = text(validation.crl)
  if ((validation.trustedCa && !ca) || (validation.crl && !crl)) return undefined
  const names = validation.matchTypedSubjectAltNames.flatMap(({ matcher }) =>
    matcher?.matchPattern.case === 'exact' ? [matcher.matchPattern.value] : [],
  )
  const pins = { certificates: validation.verifyCertificateHash, publicKeys: validation.verifyCertificateSpki }
  return {
    ...(ca && { ca }),
    ...(crl && { crl }),
    ...(names.length > 0 && { subjectAltNames: [...new Set(names)] }),
    ...(isPinning(validation) && { pins }),
    ...(validation.trustChainVerification === Verification.ACCEPT_UNTRUSTED && { insecure: true }),
  }
}

function isPinning({ verifyCertificateHash, verifyCertificateSpki }: CertificateValidationContext): boolean {
  return verifyCertificateHash.length + verifyCertificateSpki.length > 0
}

const VERSIONS: Readonly<Record<TlsParameters_TlsProtocol, TlsVersion | undefined>> = {
  [TlsParameters_TlsProtocol.TLS_AUTO]: undefined,
  [TlsParameters_TlsProtocol.TLSv1_0]: 'TLSv1',
  [TlsParameters_TlsProtocol.TLSv1_1]: 'TLSv1.1',
  [TlsParameters_TlsProtocol.TLSv1_2]: 'TLSv1.2',
  [TlsParameters_TlsProtocol.TLSv1_3]: 'TLSv1.3',
}

/** Envoy writes suites that are equally good as `[A|B]`; here the first is the better one. */
function tlsParameters(path: string, params: Params | undefined): TlsParameters {
  if (!params) return {}
  const [minVersion, maxVersion] = [
    VERSIONS[params.tlsMinimumProtocolVersion],
    VERSIONS[params.tlsMaximumProtocolVersion],
  ]
  const cipherSuites = params.cipherSuites.flatMap((suite) => suite.split(/[[\]|]/)).filter((suite) => suite !== '')
  const parameters = {
    ...(minVersion && { minVersion }),
    ...(maxVersion && { maxVersion }),
    ...(cipherSuites.length > 0 && { cipherSuites }),
    ...(params.ecdhCurves.length > 0 && { curves: params.ecdhCurves }),
  }
  try {
    createSecureContext(contextParameters(parameters))
  } catch (error) {
    refuse(path, `TLS cannot be set up like this: ${errorText(error)}`)
  }
  return parameters
}

/** Envoy's default, and what it takes a time of 0 for. */
function fetchMs(secret: SdsSecretConfig | undefined): number {
  if (!secret) return 0
  const ms = milliseconds('sds_config.initial_fetch_timeout', secret.sdsConfig?.initialFetchTimeout) ?? 15_000
  return ms === 0 ? Number.POSITIVE_INFINITY : ms
}

function keyPair({ certificateChain, privateKey }: TlsCertificate) {
  const [certificate, key] = [text(certificateChain), text(privateKey)]
  return certificate && key ? { certificate, privateKey: key } : undefined
}

/** The text of a source; undefined when a file cannot be read (yet). */
function text(source: DataSource | undefined): string | undefined {
  switch (source?.specifier.case) {
    case 'inlineString':
      return source.specifier.value
    case 'inlineBytes':
      return Buffer.from(source.specifier.value).toString('utf8')
    case 'filename':
      try {
        return readFileSync(source.specifier.value, 'utf8')
      } catch {
        return undefined
      }
    default:
      return undefined
  }
}

function unpack<Desc extends DescMessage>(
  path: string,
  { configType }: TransportSocket,
  schema: Desc,
): MessageShape<Desc> | undefined {
  if (configType.case !== 'typedConfig') return refuse(path, 'a typed configuration is needed')
  return anyUnpack(configType.value, schema)
}
