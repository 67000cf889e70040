import { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { make } from '../../../proto/make.ts'
import type { Scope } from '../../model/scope.ts'
import { outboundClusterName, parseOutboundClusterName } from '../../model/service.ts'
import { RouteTable } from './route-table.ts'
import { firstRules, httpPorts, routesOfPort } from './rules.ts'
import { served } from './served.ts'
import { virtualHost } from './virtual-host.ts'

/** `outbound|<port>||<host>` of every HTTP port visible: a gRPC client asks for the routes of each target by itself. */
export function grpcRouteNames(scope: Scope): readonly string[] {
  return served(scope, 'together').services.flatMap((service) =>
    httpPorts(service).map((port) => outboundClusterName(port.number, '', service.hostname)),
  )
}

/**
 * Routes of one target of a gRPC client: one virtual host that takes every authority, since the table is for this
 * target only. A target may also be a host that only rules speak of.
 */
export function compileGrpc(scope: Scope, name: string): RouteTable | undefined {
  const target = parseOutboundClusterName(name)
  if (!target || target.subset) return undefined
  const { services, index } = served(scope, 'together')
  const service = services.find((candidate) => candidate.hostname === target.hostname)
  const port = service && httpPorts(service).find((candidate) => candidate.number === target.port)
  if (service && !port) return undefined
  const routes =
    service && port
      ? routesOfPort(scope, index, service, port)
      : firstRules(scope, index.others.get(`${target.hostname}:${target.port}`)?.rules ?? [], target.port)
  if (!routes) return undefined
  const host = virtualHost(`${target.hostname}:${target.port}`, ['*'], routes)
  return new RouteTable(make(RouteConfigurationSchema, { name }), [host])
}
