import * as z from 'zod'
import { checkPatchValues } from '../envoy/patch.ts'
import type { KindDefinition } from '../kind.ts'
import { envoyFilterRule } from '../rules/envoy-filter.ts'
import { checked, message, optional } from '../schema.ts'
import { int32, port, stringMap, text, uint32 } from '../syntax/values.ts'
import { policyTargetReference, workloadSelector } from './common.ts'

const name = (what: string) => optional(text, `Name of the ${what}.`)
const portNumber = optional(uint32, 'Port.')

const filterMatch = message({
  name: name('network filter'),
  subFilter: optional(message({ name: name('HTTP filter') }), 'Filter within the filter.'),
})

const objectMatch = message(
  {
    context: optional(
      z.enum(['ANY', 'SIDECAR_INBOUND', 'SIDECAR_OUTBOUND', 'GATEWAY', 'WAYPOINT']),
      'Kind of proxy and direction.',
    ),
    proxy: optional(
      message({
        proxyVersion: optional(text, 'RE2 expression on the version of the proxy.'),
        metadata: optional(stringMap, 'Metadata the proxy must have.'),
      }),
      'Proxies the patch is for.',
    ),
    listener: optional(
      message({
        portNumber,
        portName: name('port'),
        filterChain: optional(
          message({
            name: name('filter chain'),
            sni: optional(text, 'SNI of the filter chain.'),
            transportProtocol: optional(text, 'raw_buffer or tls.'),
            transportSocket: name('transport socket'),
            applicationProtocols: optional(text, 'ALPN names, separated by commas.'),
            filter: optional(filterMatch, 'Filter in the chain.'),
            destinationPort: optional(uint32, 'Destination port of the filter chain.'),
          }),
          'Filter chain to match.',
        ),
        listenerFilter: name('listener filter'),
        name: name('listener'),
      }),
      'Listener to match.',
    ),
    routeConfiguration: optional(
      message({
        portNumber,
        portName: name('port'),
        gateway: optional(text, 'Gateway, `namespace/name`.'),
        vhost: optional(
          message({
            name: name('virtual host'),
            domainName: optional(text, 'Domain of the virtual host.'),
            route: optional(
              message({
                name: name('route'),
                action: optional(z.enum(['ANY', 'ROUTE', 'REDIRECT', 'DIRECT_RESPONSE']), 'Action of the route.'),
              }),
              'Route to match.',
            ),
          }),
          'Virtual host to match.',
        ),
        name: name('route configuration'),
      }),
      'Route configuration to match.',
    ),
    cluster: optional(
      message({
        portNumber,
        service: optional(text, 'Host of the service.'),
        subset: name('subset'),
        name: name('cluster'),
      }),
      'Cluster to match.',
    ),
    waypoint: optional(
      message({
        portNumber: optional(port, 'Port.'),
        filter: optional(filterMatch, 'Filter to match.'),
        route: optional(message({ name: name('route') }), 'Route to match.'),
      }),
      'Part of a waypoint to match.',
    ),
  },
  [['listener', 'routeConfiguration', 'cluster', 'waypoint']],
)

const APPLY_TO = [
  'INVALID',
  'LISTENER',
  'FILTER_CHAIN',
  'NETWORK_FILTER',
  'HTTP_FILTER',
  'ROUTE_CONFIGURATION',
  'VIRTUAL_HOST',
  'HTTP_ROUTE',
  'CLUSTER',
  'EXTENSION_CONFIG',
  'BOOTSTRAP',
  'LISTENER_FILTER',
] as const

const OPERATIONS = [
  'INVALID',
  'MERGE',
  'ADD',
  'REMOVE',
  'INSERT_BEFORE',
  'INSERT_AFTER',
  'INSERT_FIRST',
  'REPLACE',
  'MERGE_AND_REPLACE_LIST',
] as const

const configPatch = message({
  applyTo: optional(z.enum(APPLY_TO), 'Kind of Envoy object to patch.'),
  match: optional(objectMatch, 'Objects to patch.'),
  patch: optional(
    message({
      operation: optional(z.enum(OPERATIONS), 'What to do with the value.'),
      value: optional(z.record(z.string(), z.unknown()), 'Part of an Envoy message, in JSON form.'),
      filterClass: optional(z.enum(['UNSPECIFIED', 'AUTHN', 'AUTHZ', 'STATS']), 'Place of an added filter.'),
    }),
    'The patch.',
  ),
})
export type ConfigPatch = z.infer<typeof configPatch>

const envoyFilterFields = message({
  workloadSelector: optional(workloadSelector, 'Workloads of the namespace this is for; all when absent.'),
  targetRefs: optional(z.array(policyTargetReference).max(16), 'Objects this attaches to.'),
  configPatches: optional(z.array(configPatch), 'Patches, applied in order.'),
  priority: optional(int32, 'Order among EnvoyFilters, the lowest first.', { default: '0' }),
})
const envoyFilterSpec = checked(envoyFilterFields, envoyFilterRule)
export type EnvoyFilterSpec = z.infer<typeof envoyFilterFields>

export const envoyFilter: KindDefinition<EnvoyFilterSpec> = {
  kind: 'EnvoyFilter',
  group: 'networking.istio.io',
  versions: ['v1alpha3'],
  doc: 'Patches to generated Envoy configuration.',
  compiled: false,
  schema: envoyFilterSpec,
  check: checkPatchValues,
}
