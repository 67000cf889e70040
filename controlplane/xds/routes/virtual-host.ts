import {
  VirtualHost_TlsRequirementType as TlsRequirement,
  type VirtualHost,
  VirtualHostSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { encode, make } from '../../../proto/make.ts'
import type { Origin } from '../../config/object.ts'
import type { CompiledRateLimit } from './compiled-rate-limit.ts'
import type { CompiledRoute } from './http-route.ts'
import { LOCAL_RATE_LIMIT, localRateLimit } from './local-rate-limit.ts'

/** A virtual host with its routes and the places in documents that made it. */
export interface CompiledVirtualHost {
  readonly message: VirtualHost
  readonly routes: readonly CompiledRoute[]
  readonly origins: readonly Origin[]
}

/** The last virtual host made of a list of routes, by name: most stay the same while others in their table change. */
const made = new WeakMap<
  readonly CompiledRoute[],
  Map<string, { readonly host: CompiledVirtualHost; readonly limits: readonly CompiledRateLimit[] }>
>()
const bytes = new WeakMap<VirtualHost, Uint8Array>()

/**
 * Joins routes under domains. The attempt count goes to the upstream (`x-envoy-attempt-count`), as in Istio. Asked
 * again for the same (and nothing but the routes tells where it came from), it returns the same object.
 */
export function virtualHost(
  name: string,
  domains: readonly string[],
  routes: readonly CompiledRoute[],
  more: {
    readonly requireTls?: boolean
    readonly origins?: readonly Origin[]
    readonly rateLimits?: readonly CompiledRateLimit[]
  } = {},
): CompiledVirtualHost {
  const requireTls = more.requireTls ? TlsRequirement.ALL : TlsRequirement.NONE
  let byName = made.get(routes)
  const before = more.origins ? undefined : byName?.get(name)
  const known = before?.host
  const limits = more.rateLimits ?? []
  if (
    known &&
    known.message.requireTls === requireTls &&
    same(known.message.domains, domains) &&
    same(before.limits, limits)
  )
    return known
  const local = localRateLimit(limits)
  const message = make(VirtualHostSchema, {
    name,
    domains: [...domains],
    routes: routes.map((compiled) => compiled.route),
    includeRequestAttemptCount: true,
    requireTls,
    rateLimits: limits.filter((one) => !one.local).map(({ limit }) => limit),
    ...(local && { typedPerFilterConfig: { [LOCAL_RATE_LIMIT]: local } }),
  })
  const origins = [
    ...(more.origins ?? []),
    ...routes.flatMap((compiled) => compiled.origins),
    ...limits.map(({ origin }) => origin),
  ]
  const compiled = { message, routes, origins }
  if (!byName) {
    byName = new Map()
    made.set(routes, byName)
  }
  byName.set(name, { host: compiled, limits })
  return compiled
}

/** The encoded virtual host; encoded once. */
export function virtualHostBytes(host: VirtualHost): Uint8Array {
  let encoded = bytes.get(host)
  if (!encoded) {
    encoded = encode(VirtualHostSchema, host)
    bytes.set(host, encoded)
  }
  return encoded
}

function same<Item>(a: readonly Item[], b: readonly Item[]): boolean {
  return a === b || (a.length === b.length && a.every((item, index) => item === b[index]))
}
