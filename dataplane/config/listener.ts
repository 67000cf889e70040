import { type MessageListener, UpstreamGone } from '../../proto/gen/meshgate/v1/message_listener_pb.ts'
import type { AccessLogConfig, ListenerConfig, TracingConfig } from '../configuration.ts'
import { refuse } from './refusal.ts'
import { modeOf } from './route.ts'
import { type Downstream, downstreamTls } from './tls.ts'
import { defined, milliseconds, percentage, socketAddress } from './values.ts'

/** A listener, and the TLS it waits for: certificates come as secrets. */
export interface ReadListener {
  readonly config: Omit<ListenerConfig, 'tls'>
  readonly tls: Downstream | undefined
}

/** @throws Refusal naming the field */
export function readListener(listener: MessageListener): ReadListener {
  if (listener.protocol === '') refuse('protocol', 'the name of the protocol is empty')
  if (listener.routeTable === '') refuse('route_table', 'the name of the route table is empty')
  const config = {
    name: listener.name,
    address: socketAddress('address', listener.address),
    protocol: listener.protocol,
    routes: listener.routeTable,
    ...(listener.useProxyProto && { proxyProtocol: true }),
    ...(listener.forwardHeartbeats && { heartbeat: 'forward' as const }),
    ...(listener.statPrefix && { statPrefix: listener.statPrefix }),
    ...defined({
      mode: modeOf('connection_mode', listener.connectionMode),
      upstreamGone: GONE[listener.upstreamGone],
      requestTimeoutMs: milliseconds('request_timeout', listener.requestTimeout),
      idleTimeoutMs: milliseconds('idle_timeout', listener.idleTimeout),
      frameTimeoutMs: milliseconds('frame_timeout', listener.frameTimeout),
      maxConnections: listener.maxConnections,
      maxRequestsPerConnection: listener.maxRequestsPerConnection,
      bufferLimitBytes: listener.perConnectionBufferLimitBytes,
      tracing: listener.tracing && tracing(listener.tracing),
      accessLog: listener.accessLog && accessLog(listener.accessLog),
    }),
  }
  return { config, tls: listener.transportSocket && downstreamTls('transport_socket', listener.transportSocket) }
}

const GONE: Readonly<Record<UpstreamGone, ListenerConfig['upstreamGone'] | undefined>> = {
  [UpstreamGone.BY_SESSION]: undefined,
  [UpstreamGone.REBIND]: 'rebind',
  [UpstreamGone.CLOSE]: 'close',
}

function tracing(settings: NonNullable<MessageListener['tracing']>): TracingConfig {
  const { endpoint } = settings
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) refuse('tracing.endpoint', 'must be an http(s) URL')
  return { endpoint, sampling: percentage('tracing.sampled_millionths', settings.sampledMillionths) }
}

function accessLog(log: NonNullable<MessageListener['accessLog']>): AccessLogConfig {
  return {
    sampling: percentage('access_log.sampled_millionths', log.sampledMillionths),
    errors: !log.sampleErrors,
    ...(log.fields.length > 0 && { fields: log.fields }),
    ...(log.path && log.path !== '/dev/stdout' && { path: log.path }),
  }
}
