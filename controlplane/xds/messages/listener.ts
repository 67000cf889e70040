import { TrafficDirection } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts'
import { type MessageListener, MessageListenerSchema } from '../../../proto/gen/meshgate/v1/message_listener_pb.ts'
import { make } from '../../../proto/make.ts'
import { listenAddress } from '../listeners/listener.ts'
import type { MessagePlan } from './plans.ts'

/** The message listener of a plan. */
export function messageListener(plan: MessagePlan): MessageListener {
  const inbound = plan.place.kind === 'inbound'
  return make(MessageListenerSchema, {
    name: plan.name,
    address: listenAddress(plan.bind, plan.port),
    protocol: plan.protocol.name,
    routeTable: plan.table,
    statPrefix: `${inbound ? 'inbound' : 'outbound'}_${plan.name}`,
    trafficDirection: inbound ? TrafficDirection.INBOUND : TrafficDirection.OUTBOUND,
    ...(plan.tls && {
      transportSocket: {
        name: 'envoy.transport_sockets.tls',
        configType: { case: 'typedConfig' as const, value: plan.tls },
      },
    }),
  })
}
