import * as z from 'zod'
import { type KindDefinition, reportExportTo } from '../kind.ts'
import { tcpRouteRule, tlsRouteRule, virtualServiceRule } from '../rules/virtual-service.ts'
import { checked, message, optional, required } from '../schema.ts'
import { int32, stringMap, strings, text, uint32 } from '../syntax/values.ts'
import { destination, exportTo } from './common.ts'
import { httpRoute } from './http-route.ts'

const l4Match = {
  destinationSubnets: optional(strings, 'Destination addresses, IP or CIDR.'),
  port: optional(uint32, 'Port the connection came to.'),
  sourceLabels: optional(stringMap, 'Labels of the calling workload; a gateway does not look at them.'),
  gateways: optional(strings, 'Gateways the rule applies to; `mesh` is all sidecars.'),
  sourceNamespace: optional(text, 'Namespace of the calling workload.'),
}

const tlsMatchAttributes = message({
  sniHosts: required(
    strings,
    'SNI names; a wildcard label may start them. Each must be within the hosts. At a gateway those count that its server exposes.',
  ),
  ...l4Match,
})
export type TlsMatchAttributes = z.infer<typeof tlsMatchAttributes>

const l4MatchAttributes = message({
  ...l4Match,
  sourceSubnet: optional(text, 'Source address; without effect.', { deprecated: 'it has no effect' }),
})
export type L4MatchAttributes = z.infer<typeof l4MatchAttributes>

/** A destination with its share, for TCP and TLS. */
const routeDestination = message({
  destination: required(destination, 'Where the connection goes.'),
  weight: optional(int32, 'Share of connections; shares are relative to their sum.', {
    default: '0, or all when it is the only one',
  }),
})
export type RouteDestination = z.infer<typeof routeDestination>

const tlsRouteFields = message({
  match: required(z.array(tlsMatchAttributes), 'Conditions, one of which must hold.'),
  route: optional(z.array(routeDestination), 'Destinations with their shares.'),
})
const tlsRoute = checked(tlsRouteFields, tlsRouteRule)
export type TlsRoute = z.infer<typeof tlsRouteFields>

const tcpRouteFields = message({
  match: optional(z.array(l4MatchAttributes), 'Conditions, one of which must hold; none matches everything.'),
  route: optional(z.array(routeDestination), 'Destinations with their shares.'),
})
const tcpRoute = checked(tcpRouteFields, tcpRouteRule)
export type TcpRoute = z.infer<typeof tcpRouteFields>

const virtualServiceSpecFields = message({
  hosts: optional(strings, 'Hosts the rules are for; left out in a delegate.'),
  gateways: optional(strings, 'Gateways the rules apply to, `[namespace/]name`; `mesh` is all sidecars.', {
    default: '["mesh"]',
  }),
  http: optional(z.array(httpRoute), 'Rules for HTTP; the first that matches is taken.'),
  tls: optional(z.array(tlsRoute), 'Rules for TLS that is passed through, by SNI.'),
  tcp: optional(z.array(tcpRoute), 'Rules for other TCP traffic.'),
  exportTo,
})
const virtualServiceSpec = checked(virtualServiceSpecFields, virtualServiceRule)
export type VirtualServiceSpec = z.infer<typeof virtualServiceSpecFields>
export type {
  CorsPolicy,
  HeaderOperations,
  Headers,
  HttpDirectResponse,
  HttpFaultInjection,
  HttpMatchRequest,
  HttpRedirect,
  HttpRetry,
  HttpRewrite,
  HttpRoute,
  HttpRouteDestination,
} from './http-route.ts'

export const virtualService: KindDefinition<VirtualServiceSpec> = {
  kind: 'VirtualService',
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1', 'v1alpha3'],
  doc: 'Rules that say where requests and connections for hosts go.',
  compiled: true,
  schema: virtualServiceSpec,
  check: ({ exportTo }, { namespace }, report) => reportExportTo(exportTo, namespace, report),
}
