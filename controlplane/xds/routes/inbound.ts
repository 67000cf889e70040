import { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { make } from '../../../proto/make.ts'
import type { Origin } from '../../config/object.ts'
import type { Scope } from '../../model/scope.ts'
import { isHttp, portProtocol } from '../../model/service.ts'
import { inboundName } from '../names.ts'
import { inboundRoute } from './default-route.ts'
import { MAX_DIRECT_RESPONSE_BYTES } from './direct-response.ts'
import { RouteTable } from './route-table.ts'
import { virtualHost } from './virtual-host.ts'

/** `inbound|<port>||` of each HTTP port that a Sidecar takes for its workload; routes and cluster share the name. */
export function inboundRouteNames(scope: Scope): readonly string[] {
  const names = (scope.sidecar()?.spec.ingress ?? [])
    .filter(({ port }) => isHttp(portProtocol(port.protocol, port.name).protocol))
    .map(({ port }) => inboundName(port.number ?? 0))
  return [...new Set(names)]
}

/** Routes from a Sidecar's ingress port to the workload. */
export function compileInbound(scope: Scope, name: string): RouteTable | undefined {
  const sidecar = scope.sidecar()
  const index = (sidecar?.spec.ingress ?? []).findIndex(({ port }) => inboundName(port.number ?? 0) === name)
  const listener = sidecar?.spec.ingress?.[index]
  if (!sidecar || !listener) return undefined
  const { protocol } = portProtocol(listener.port.protocol, listener.port.name)
  const number = listener.port.number ?? 0
  const origin: Origin = { object: sidecar, path: ['spec', 'ingress', index] }
  const route = inboundRoute(name, protocol === 'grpc' || protocol === 'grpc-web')
  const host = virtualHost(`inbound|http|${number}`, ['*'], [{ route, origins: [origin] }])
  const head = make(RouteConfigurationSchema, {
    name,
    validateClusters: false,
    maxDirectResponseBodySizeBytes: MAX_DIRECT_RESPONSE_BYTES,
  })
  return new RouteTable(head, [host])
}
