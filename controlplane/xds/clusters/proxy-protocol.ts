import type { MessageInitShape } from '@bufbuild/protobuf'
import type { TransportSocketSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts'
import { ProxyProtocolConfig_Version } from '../../../proto/gen/envoy/config/core/v3/proxy_protocol_pb.ts'
import { ProxyProtocolUpstreamTransportSchema } from '../../../proto/gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.ts'
import { RawBufferSchema } from '../../../proto/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.ts'
import { pack } from '../../../proto/make.ts'
import type { TrafficPolicy } from '../../config/kinds/policy/traffic-policy.ts'

type TransportSocket = MessageInitShape<typeof TransportSocketSchema>

/** A socket that first sends a PROXY protocol header, then speaks through `inner` (plain when undefined). */
export function withProxyProtocol(
  settings: NonNullable<TrafficPolicy['proxyProtocol']>,
  inner: TransportSocket | undefined,
): TransportSocket {
  const version = settings.version === 'V2' ? ProxyProtocolConfig_Version.V2 : ProxyProtocolConfig_Version.V1
  return {
    name: 'envoy.transport_sockets.upstream_proxy_protocol',
    configType: {
      case: 'typedConfig',
      value: pack(ProxyProtocolUpstreamTransportSchema, { config: { version }, transportSocket: inner ?? plain() }),
    },
  }
}

function plain(): TransportSocket {
  return {
    name: 'envoy.transport_sockets.raw_buffer',
    configType: { case: 'typedConfig', value: pack(RawBufferSchema, {}) },
  }
}
