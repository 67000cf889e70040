import type { MessageInitShape } from '@bufbuild/protobuf'
import { TrafficDirection } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts'
import { type MessageListener, MessageListenerSchema } from '../../../proto/gen/meshgate/v1/message_listener_pb.ts'
import { duration, make } from '../../../proto/make.ts'
import type { MeshMessages } from '../../config/kinds/mesh-messages.ts'
import { parseDuration } from '../../config/syntax/duration.ts'
import { listenAddress } from '../listeners/listener.ts'
import { millionths } from './millionths.ts'
import type { MessagePlan } from './plans.ts'

/** The message listener of a plan, with what the mesh says of all of them. */
export function messageListener(plan: MessagePlan, settings: MeshMessages): MessageListener {
  const inbound = plan.place.kind === 'inbound'
  return make(MessageListenerSchema, {
    name: plan.name,
    address: listenAddress(plan.bind, plan.port),
    protocol: plan.protocol.name,
    routeTable: plan.table,
    statPrefix: `${inbound ? 'inbound' : 'outbound'}_${plan.name}`,
    trafficDirection: inbound ? TrafficDirection.INBOUND : TrafficDirection.OUTBOUND,
    ...(plan.proxyProtocol && { useProxyProto: true }),
    ...limits(settings),
    ...(plan.tls && {
      transportSocket: {
        name: 'envoy.transport_sockets.tls',
        configType: { case: 'typedConfig' as const, value: plan.tls },
      },
    }),
  })
}

function limits(settings: MeshMessages): MessageInitShape<typeof MessageListenerSchema> & { $typeName?: never } {
  const { accessLog, tracing, maxConnections, maxRequestsPerConnection, bufferLimit } = settings
  const { idleTimeout, frameTimeout, requestTimeout } = settings
  return {
    ...(maxConnections !== undefined && { maxConnections }),
    ...(maxRequestsPerConnection !== undefined && { maxRequestsPerConnection }),
    ...(bufferLimit !== undefined && { perConnectionBufferLimitBytes: bufferLimit }),
    ...(idleTimeout !== undefined && { idleTimeout: duration(parseDuration(idleTimeout) ?? 0) }),
    ...(frameTimeout !== undefined && { frameTimeout: duration(parseDuration(frameTimeout) ?? 10_000) }),
    ...(requestTimeout !== undefined && { requestTimeout: duration(parseDuration(requestTimeout) ?? 15_000) }),
    ...(tracing && {
      tracing: {
        endpoint: tracing.endpoint,
        sampledMillionths: millionths(tracing.percentage ? (tracing.percentage.value ?? 0) : 1),
      },
    }),
    ...(accessLog && {
      accessLog: {
        path: accessLog.path ?? '/dev/stdout',
        sampledMillionths: millionths(accessLog.percentage ? (accessLog.percentage.value ?? 0) : 100),
        sampleErrors: accessLog.sampleErrors ?? false,
        fields: [...(accessLog.fields ?? [])],
      },
    }),
  }
}
