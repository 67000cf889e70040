import type { RateLimitSpec } from '../config/kinds/rate-limit.ts'
import type { ConfigObject } from '../config/object.ts'
import { cell, sameItems } from './cells.ts'
import { matchesLabels } from './endpoints.ts'
import type { Model } from './model.ts'
import type { ProxyClass } from './proxy-class.ts'
import type { Scope } from './scope.ts'

type RateLimit = ConfigObject<RateLimitSpec>

/** The RateLimits that hold for proxies of a class. */
export function visibleRateLimits(
  { world, settings }: Model,
  proxy: ProxyClass,
): Pick<Scope, 'rateLimits' | 'localRateLimits' | 'enforces'> {
  const enforces = ({ namespace, spec }: RateLimit) =>
    (namespace === proxy.namespace || namespace === settings().rootNamespace) &&
    matchesLabels(spec.selector?.labels ?? {}, proxy.labels)

  const visible = cell<readonly RateLimit[]>(
    () =>
      proxy.type === 'sidecar' || proxy.type === 'router' || proxy.type === 'message'
        ? world
            .all<RateLimitSpec>('RateLimit')
            .filter(({ spec }) => spec.domain === undefined)
            .filter((object) => enforces(object) || (object.spec.hosts !== undefined && !object.spec.selector))
        : [],
    sameItems,
  )

  return {
    rateLimits: cell(() => visible().filter(({ spec }) => spec.shared === true), sameItems),
    localRateLimits: cell(() => visible().filter(({ spec }) => spec.shared !== true), sameItems),
    enforces,
  }
}
