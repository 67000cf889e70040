import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import type {
  HttpProtocolOptionsSchema as CommonOptionsSchema,
  Http2ProtocolOptionsSchema,
} from '../../../proto/gen/envoy/config/core/v3/protocol_pb.ts'
import { HttpProtocolOptionsSchema } from '../../../proto/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.ts'
import { duration, pack } from '../../../proto/make.ts'
import type { ConnectionPoolSettings } from '../../config/kinds/policy/connection-pool.ts'
import type { OutlierDetection } from '../../config/kinds/policy/outlier-detection.ts'
import { isHttp2, type PortProtocol } from '../../model/service.ts'
import { durationOf } from './duration.ts'
import { errorMatcher } from './outlier-detection.ts'

const EXTENSION = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
/** Envoy needs a time-out for PING answers; this is gRPC's default. */
const KEEPALIVE_TIMEOUT_MS = 20_000
const MAX_STREAMS = 0x7fff_ffff

/** What decides how HTTP is spoken to a cluster. */
export interface HttpUpstream {
  readonly protocol: PortProtocol
  readonly pool: ConnectionPoolSettings | undefined
  readonly outlier: OutlierDetection | undefined
  /** SNI from the request's authority, and whether the certificate must be for it. */
  readonly autoSni: boolean
  readonly autoSanValidation: boolean
}

/** Whether every request goes upstream as HTTP/2: by the port's protocol, or by `h2UpgradePolicy: UPGRADE`. */
export function speaksHttp2(protocol: PortProtocol, pool: ConnectionPoolSettings | undefined): boolean {
  const http = pool?.http
  if (http?.useClientProtocol) return false
  return isHttp2(protocol) || http?.h2UpgradePolicy === 'UPGRADE'
}

/** The extension options of a cluster for HTTP; empty where Envoy's defaults (HTTP/1.1) are what is wanted. */
export function httpProtocolOptions(upstream: HttpUpstream): Record<string, Any> {
  const { protocol, pool, outlier, autoSni, autoSanValidation } = upstream
  const common = commonOptions(pool)
  const matcher = errorMatcher(outlier)
  const http2 = speaksHttp2(protocol, pool)
  const asCaller = pool?.http?.useClientProtocol ?? false
  if (!common && !matcher && !http2 && !asCaller && !autoSni) return {}
  const options = pack(HttpProtocolOptionsSchema, {
    commonHttpProtocolOptions: common,
    upstreamHttpProtocolOptions: autoSni ? { autoSni, autoSanValidation } : undefined,
    outlierDetection: matcher && { errorMatcher: matcher },
    upstreamProtocolOptions: asCaller
      ? {
          case: 'useDownstreamProtocolConfig',
          value: { httpProtocolOptions: {}, http2ProtocolOptions: http2Options(pool) },
        }
      : {
          case: 'explicitHttpConfig',
          value: {
            protocolConfig: http2
              ? { case: 'http2ProtocolOptions', value: http2Options(pool) }
              : { case: 'httpProtocolOptions', value: {} },
          },
        },
  })
  return { [EXTENSION]: options }
}

function commonOptions(
  pool: ConnectionPoolSettings | undefined,
): MessageInitShape<typeof CommonOptionsSchema> | undefined {
  const idleTimeout = durationOf(pool?.http?.idleTimeout ?? pool?.tcp?.idleTimeout)
  const maxConnectionDuration = durationOf(pool?.tcp?.maxConnectionDuration)
  const maxRequestsPerConnection = positive(pool?.http?.maxRequestsPerConnection)
  if (!idleTimeout && !maxConnectionDuration && !maxRequestsPerConnection) return undefined
  return { idleTimeout, maxConnectionDuration, maxRequestsPerConnection }
}

function http2Options(pool: ConnectionPoolSettings | undefined): MessageInitShape<typeof Http2ProtocolOptionsSchema> {
  const keepalive = pool?.http?.http2KeepAlive
  const streams = positive(pool?.http?.maxConcurrentStreams)
  return {
    maxConcurrentStreams: streams && Math.min(streams, MAX_STREAMS),
    connectionKeepalive: keepalive && {
      interval: durationOf(keepalive.interval),
      timeout: durationOf(keepalive.timeout) ?? duration(KEEPALIVE_TIMEOUT_MS),
    },
  }
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined
}
