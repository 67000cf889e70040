import type { GatewaySpec } from '../config/kinds/gateway.ts'
import type { ConfigObject } from '../config/object.ts'
import { cell, sameItems } from './cells.ts'
import { matchesLabels } from './endpoints.ts'
import type { Model } from './model.ts'
import type { ProxyClass } from './proxy-class.ts'
import type { Scope } from './scope.ts'
import { type Sidecar, sidecarFor } from './sidecar-scope.ts'
import { visibleDestinationRules } from './visible-destination-rules.ts'
import { visibleRateLimits } from './visible-rate-limits.ts'
import { visibleServices } from './visible-services.ts'
import { visibleVirtualServices } from './visible-virtual-services.ts'

/** `Scope` over the shared model. Everything is evaluated when asked: a class nobody asks about costs a few closures. */
export function createScope(model: Model, proxy: ProxyClass): Scope {
  const { world, settings, endpoints, serverNames } = model
  const sidecar = cell<Sidecar | undefined>(() => sidecarFor(world, proxy, settings().rootNamespace))
  const virtual = visibleVirtualServices(model, proxy, sidecar)
  return {
    proxy,
    settings,
    sidecar,
    ...visibleServices(model, proxy, sidecar, virtual),
    endpoints: endpoints.serve,
    localEndpoints: endpoints.local,
    endpointsKnown: endpoints.known,
    serverNames,
    ...virtual,
    ...visibleRateLimits(model, proxy),
    gateways: cell<readonly ConfigObject<GatewaySpec>[]>(
      () =>
        proxy.type === 'router' || proxy.type === 'message'
          ? world.all<GatewaySpec>('Gateway').filter(({ spec }) => matchesLabels(spec.selector ?? {}, proxy.labels))
          : [],
      sameItems,
    ),
    ...visibleDestinationRules(model, proxy),
  }
}
