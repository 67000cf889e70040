import type { Origin } from '../../config/object.ts'
import type { Scope } from '../../model/index.ts'
import { type GatewayServer, gatewayListeners } from './gateway.ts'
import { ingressListeners } from './ingress.ts'
import { buildListener, type CompiledListener, type ListenerPlan } from './listener.ts'
import { outboundListeners } from './outbound.ts'

/** What a class listens on, before it is built: enough to know names and order. */
export function listenerPlans(scope: Scope): readonly ListenerPlan[] {
  if (scope.proxy.type === 'router') return gatewayListeners(scope, gatewayServers(scope))
  return [...ingressListeners(scope), ...outboundListeners(scope)]
}

/** Every server of the Gateways that select the class. */
function gatewayServers(scope: Scope): readonly GatewayServer[] {
  return scope.gateways().flatMap((gateway) =>
    (gateway.spec.servers ?? []).map((server, index) => ({
      gateway,
      server,
      origin: { object: gateway, path: ['spec', 'servers', index] } satisfies Origin,
    })),
  )
}

export { buildListener, type CompiledListener, type ListenerPlan }
