import { type Route, RouteSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { duration, make } from '../../../proto/make.ts'
import type { HttpRetry } from '../../config/kinds/http/retry.ts'
import type { ConsistentHash } from '../../config/kinds/policy/load-balancer.ts'
import { outboundClusterName, type Service, type ServicePort } from '../../model/service.ts'
import { consistentHashOf } from '../clusters/policy.ts'
import { wireName } from '../wire-name.ts'
import { isGrpcClient, type RouteContext } from './context.ts'
import { grpcWebOf } from './grpc-web.ts'
import { hashPolicy } from './hash-policy.ts'
import type { CompiledRoute } from './http-route.ts'
import { inboundRetryPolicy, retryPolicy } from './retries.ts'
import { timeouts } from './timeout.ts'

export type RouteAction = Extract<Route['action'], { case: 'route' }>['value']

/** What nobody wrote. */
const DEFAULT_RETRY: HttpRetry = {}
const plain = new WeakMap<HttpRetry, Map<string, Route>>()

/**
 * The route of service ports no VirtualService speaks of, but for its cluster: with the mesh's retries and no time limit. A retry goes to
 * another host, with a consistent hash, too, as in Istio. One object for all that say the same.
 */
export function plainRoute(hash: ConsistentHash | undefined, context: RouteContext): Route {
  const { defaultHttpRetry } = context.scope.settings()
  const grpc = isGrpcClient(context)
  const byText = plain.get(defaultHttpRetry ?? DEFAULT_RETRY) ?? new Map<string, Route>()
  plain.set(defaultHttpRetry ?? DEFAULT_RETRY, byText)
  const text = JSON.stringify([grpc, hash])
  let route = byText.get(text)
  if (!route) {
    const found = hashPolicy(hash)
    const policy = found && (!grpc || found.policySpecifier?.case === 'header') ? [found] : []
    const retries = retryPolicy(defaultHttpRetry, false)
    route = make(RouteSchema, {
      name: 'default',
      match: { pathSpecifier: { case: 'prefix', value: '/' } },
      action: {
        case: 'route',
        value: {
          hashPolicy: policy,
          ...timeouts(undefined, context),
          ...(retries ? { retryPolicy: retries } : {}),
        },
      },
    })
    byText.set(text, route)
  }
  return route
}

/** A route to one cluster, with another in its place. */
export function leadingTo(route: Route, clusterSpecifier: RouteAction['clusterSpecifier']): Route {
  const action = route.action.value as RouteAction
  return { ...route, action: { case: 'route', value: { ...action, clusterSpecifier } } }
}

/** The route of a service port no VirtualService speaks of, to its cluster. */
export function defaultRoute(service: Service, port: ServicePort, context: RouteContext): CompiledRoute {
  const hash = consistentHashOf(context.scope, service, port)
  const cluster = wireName(context.scope, outboundClusterName(port.number, '', service.hostname))
  const plain = leadingTo(plainRoute(hash?.value, context), { case: 'cluster', value: cluster })
  const filters = isGrpcClient(context) ? {} : grpcWebOf(port.protocol)
  const route = { ...plain, typedPerFilterConfig: { ...plain.typedPerFilterConfig, ...filters } }
  return { route, origins: hash ? [service.origin, hash.origin] : [service.origin] }
}

/** The route of a gateway to the endpoint of its own that takes what no rule does. */
export function fallbackRoute(cluster: string, context: RouteContext): Route {
  return make(RouteSchema, {
    name: 'default',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: {
      case: 'route',
      value: { clusterSpecifier: { case: 'cluster', value: cluster }, ...timeouts(undefined, context) },
    },
  })
}

/** The route to the workload itself. gRPC streams are not retried: the condition does not suit them. */
export function inboundRoute(cluster: string, grpc: boolean): Route {
  return make(RouteSchema, {
    name: 'default',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: cluster },
        timeout: duration(0),
        maxStreamDuration: { maxStreamDuration: duration(0), grpcTimeoutHeaderMax: duration(0) },
        ...(grpc ? {} : { retryPolicy: inboundRetryPolicy() }),
      },
    },
  })
}
