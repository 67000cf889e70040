import * as z from 'zod'
import { checkPatchValues } from '../envoy/patch.ts'
import type { KindDefinition } from '../kind.ts'
import { checked, type IssuePath, message, optional, type Report } from '../schema.ts'
import { regexProblem } from '../syntax/regex.ts'
import { int32, port, stringMap, text, uint32 } from '../syntax/values.ts'
import { policyTargetReference, policyTargetRule } from './policy-target.ts'
import { workloadSelector } from './selectors.ts'

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
type ConfigPatch = z.infer<typeof configPatch>

const envoyFilterFields = message({
  workloadSelector: optional(workloadSelector, 'Workloads of the namespace this is for; all when absent.'),
  targetRefs: optional(z.array(policyTargetReference).max(16), 'Objects this attaches to.'),
  configPatches: optional(z.array(configPatch), 'Patches, applied in order.'),
  priority: optional(int32, 'Order among EnvoyFilters, the lowest first.', { default: '0' }),
})

/** The object class that each applyTo needs in its match; others may have any. */
const MATCH_OF: Readonly<Record<string, 'listener' | 'routeConfiguration' | 'cluster'>> = {
  LISTENER: 'listener',
  FILTER_CHAIN: 'listener',
  NETWORK_FILTER: 'listener',
  HTTP_FILTER: 'listener',
  ROUTE_CONFIGURATION: 'routeConfiguration',
  VIRTUAL_HOST: 'routeConfiguration',
  HTTP_ROUTE: 'routeConfiguration',
  CLUSTER: 'cluster',
}

const REQUIRED = { code: 'FIELD_REQUIRED' } as const

const HTTP_MANAGERS = ['envoy.filters.network.http_connection_manager', 'envoy.http_connection_manager']

function filterRule({ applyTo, match }: ConfigPatch, report: Report): void {
  const filter = match?.listener?.filterChain?.filter
  if (!filter) return
  const path = ['match', 'listener', 'filterChain', 'filter']
  if (applyTo === 'LISTENER' || applyTo === 'FILTER_CHAIN')
    report(path, `a filter match has no effect with applyTo ${applyTo}`, { code: 'FIELD_NO_EFFECT' })
  if (!filter.name) report([...path, 'name'], 'a filter match needs a name', REQUIRED)
  else if (filter.subFilter) {
    if (applyTo !== 'HTTP_FILTER') report([...path, 'subFilter'], 'a subFilter match is for applyTo HTTP_FILTER only')
    else if (!HTTP_MANAGERS.includes(filter.name))
      report([...path, 'name'], `a subFilter match needs the filter ${HTTP_MANAGERS[0]}`)
    else if (!filter.subFilter.name) report([...path, 'subFilter', 'name'], 'a subFilter match needs a name', REQUIRED)
  }
}

function missingPart({ applyTo = 'INVALID', patch }: ConfigPatch): { path: IssuePath; message: string } | undefined {
  if (applyTo === 'INVALID') return { path: ['applyTo'], message: 'applyTo is required' }
  if (!patch) return { path: ['patch'], message: 'patch is required' }
  const { operation = 'INVALID', value } = patch
  if (operation === 'INVALID') return { path: ['patch', 'operation'], message: 'operation is required' }
  return operation !== 'REMOVE' && !value
    ? { path: ['patch', 'value'], message: `value is required for ${operation}` }
    : undefined
}

function patchRule(patch: ConfigPatch, report: Report): void {
  const { applyTo = 'INVALID', match } = patch
  if ((match?.context === 'WAYPOINT') !== (match?.waypoint !== undefined))
    report(['match'], 'only support waypointMatch when context is WAYPOINT', { code: 'FIELD_CONFLICT' })
  if (match?.context === 'WAYPOINT') return
  const missing = missingPart(patch)
  if (missing) {
    report(missing.path, missing.message, REQUIRED)
    return
  }
  const { operation = 'INVALID' } = patch.patch ?? {}
  const version = match?.proxy?.proxyVersion
  const problem = version ? regexProblem(version) : undefined
  if (problem)
    report(['match', 'proxy', 'proxyVersion'], problem, version!.length > 1024 ? { code: 'FIELD_NO_EFFECT' } : {})
  const wanted = MATCH_OF[applyTo]
  const given = (['listener', 'routeConfiguration', 'cluster', 'waypoint'] as const).find((field) => match?.[field])
  if (wanted && given && given !== wanted)
    report(['match', given], `applyTo ${applyTo} needs a ${wanted} match, not ${given}`)
  // Other objects stand in no filter chain; there a match of filters is not looked at.
  if (wanted === 'listener') filterRule(patch, report)
  if (operation === 'REPLACE' && applyTo !== 'HTTP_FILTER' && applyTo !== 'NETWORK_FILTER')
    report(['patch', 'operation'], 'REPLACE works for HTTP_FILTER and NETWORK_FILTER only', { code: 'FIELD_NO_EFFECT' })
  if (operation === 'ADD' && (applyTo === 'ROUTE_CONFIGURATION' || applyTo === 'HTTP_ROUTE'))
    report(['patch', 'operation'], `ADD has no effect with applyTo ${applyTo}`, { code: 'FIELD_NO_EFFECT' })
}

function envoyFilterRule(spec: EnvoyFilterSpec, report: Report): void {
  policyTargetRule(spec, report)
  if (spec.workloadSelector && spec.targetRefs)
    report(['targetRefs'], 'only one of targetRefs or workloadSelector can be set', { code: 'FIELD_CONFLICT' })
  for (const [index, patch] of (spec.configPatches ?? []).entries())
    patchRule(patch, (path, ...rest) => report(['configPatches', index, ...path], ...rest))
}

const envoyFilterSpec = checked(envoyFilterFields, envoyFilterRule)
export type EnvoyFilterSpec = z.infer<typeof envoyFilterFields>

export const envoyFilter: KindDefinition<EnvoyFilterSpec> = {
  kind: 'EnvoyFilter',
  group: 'networking.istio.io',
  versions: ['v1alpha3'],
  doc: 'Patches to generated Envoy configuration.',
  compiled: false,
  instead: 'nothing is patched: write the listener, route or cluster as an EnvoyResource',
  schema: envoyFilterSpec,
  check: checkPatchValues,
}
