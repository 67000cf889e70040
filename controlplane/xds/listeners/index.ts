import type { Scope } from '../../model/index.ts'
import { gatewayListeners } from './gateway.ts'
import { ingressListeners } from './ingress.ts'
import { buildListener, type CompiledListener, type ListenerPlan } from './listener.ts'
import { outboundListeners } from './outbound.ts'

/** What a class listens on, before it is built: enough to know names and order. */
export function listenerPlans(scope: Scope): readonly ListenerPlan[] {
  if (scope.proxy.type === 'router') return gatewayListeners(scope)
  return [...ingressListeners(scope), ...outboundListeners(scope)]
}

export { buildListener, type CompiledListener, type ListenerPlan }
