import type { ConfigPatch, EnvoyFilterSpec } from '../kinds/envoy-filter.ts'
import { policyTargetRule } from '../kinds/policy-target.ts'
import type { IssuePath, Report } from '../schema.ts'
import { regexProblem } from '../syntax/regex.ts'

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
const HTTP_MANAGERS = ['envoy.filters.network.http_connection_manager', 'envoy.http_connection_manager']
const REQUIRED = { code: 'FIELD_REQUIRED' } as const

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

export function envoyFilterRule(spec: EnvoyFilterSpec, report: Report): void {
  policyTargetRule(spec, report)
  if (spec.workloadSelector && spec.targetRefs)
    report(['targetRefs'], 'only one of targetRefs or workloadSelector can be set', { code: 'FIELD_CONFLICT' })
  for (const [index, patch] of (spec.configPatches ?? []).entries())
    patchRule(patch, (path, ...rest) => report(['configPatches', index, ...path], ...rest))
}
