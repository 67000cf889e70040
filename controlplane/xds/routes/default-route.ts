import { type Route, RouteSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { duration, make } from '../../../proto/make.ts'
import { outboundClusterName, type Service, type ServicePort } from '../../model/service.ts'
import { consistentHashOf } from '../clusters/policy.ts'
import { wireName } from '../wire-name.ts'
import { isGrpcClient, type RouteContext } from './context.ts'
import { hashPolicy } from './hash-policy.ts'
import type { CompiledRoute } from './http-route.ts'
import { inboundRetryPolicy, retryPolicy } from './retries.ts'
import { timeouts } from './timeout.ts'

/**
 * The route of a service port no VirtualService speaks of: to its cluster, with the mesh's retries and no time limit.
 */
export function defaultRoute(service: Service, port: ServicePort, context: RouteContext): CompiledRoute {
  const hash = consistentHashOf(context.scope, service, port)
  const found = hashPolicy(hash?.value)
  const policy = found && (!isGrpcClient(context) || found.policySpecifier?.case === 'header') ? [found] : []
  const retries = retryPolicy(context.scope.settings().defaultHttpRetry, policy.length > 0)
  const route = make(RouteSchema, {
    name: 'default',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: {
          case: 'cluster',
          value: wireName(context.scope, outboundClusterName(port.number, '', service.hostname)),
        },
        hashPolicy: policy,
        ...timeouts(undefined, context),
        ...(retries ? { retryPolicy: retries } : {}),
      },
    },
  })
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
