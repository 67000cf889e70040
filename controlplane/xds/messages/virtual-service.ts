import { duration } from '../../../proto/make.ts'
import type { VirtualServiceSpec } from '../../config/kinds/virtual-service.ts'
import type { ConfigObject } from '../../config/object.ts'
import type { ProtocolInfo } from '../../config/protocols.ts'
import { parseDuration } from '../../config/syntax/duration.ts'
import { matchesLabels } from '../../model/endpoints.ts'
import { type EffectiveHttpRoute, type EffectiveMatch, effectiveHttpRoutes } from '../../model/virtual-service.ts'
import { type L4Place, tcpRoutes } from '../listeners/l4-routes.ts'
import { type Route, resolveTarget, ruleHashKeys, type TableContext, weighted } from './destination.ts'
import { attributeField } from './fields.ts'
import { type FieldMatch, stringCondition } from './match.ts'
import { millionths } from './millionths.ts'
import type { CompiledRoute } from './msg-router.ts'

/**
 * Rules of VirtualServices for messages, as Aeraki reads them: `http` rules with `method` and `headers` as attributes, and
 * `tcp` rules, which take everything. Conditions on what only HTTP has (path, query, scheme) never hold.
 */
export function virtualServiceRoutes(
  context: TableContext,
  place: L4Place,
  host: readonly FieldMatch[],
): readonly CompiledRoute[] {
  const { scope } = context
  const taken = scope
    .virtualServices(place.gateway)
    .filter(({ spec, namespace }) =>
      (spec.hosts ?? []).some((name) => place.takesHost(scope.hostname(name, namespace), namespace)),
    )
  const http = taken.flatMap((virtualService) =>
    effectiveHttpRoutes(scope, virtualService).flatMap((route) =>
      httpRoutes(context, virtualService, route, place, host),
    ),
  )
  if (http.length > 0) return http
  return tcpRoutes(scope, place).map(({ targets, origin }) => ({
    route: {
      name: origin.object.name,
      ...(host.length > 0 && { match: { fields: [...host] } }),
      clusters: targets.map(({ cluster, weight }) => ({ name: cluster, weight })),
    },
    origins: [origin],
  }))
}

function httpRoutes(
  context: TableContext,
  virtualService: ConfigObject<VirtualServiceSpec>,
  effective: EffectiveHttpRoute,
  place: L4Place,
  host: readonly FieldMatch[],
): readonly CompiledRoute[] {
  const { spec, matches, origin } = effective
  const { namespace } = origin.object
  if (spec.redirect || spec.directResponse) return []
  const targets = (spec.route ?? []).map(({ destination, weight }) => ({
    target: resolveTarget(context, destination, namespace),
    weight,
  }))
  const mirrors = [
    ...(spec.mirror ? [{ destination: spec.mirror, share: percent(spec.mirrorPercentage, spec.mirrorPercent) }] : []),
    ...(spec.mirrors ?? []).map(({ destination, percentage }) => ({ destination, share: percent(percentage) })),
  ]
  const action: Route = {
    name: spec.name ?? virtualService.name,
    clusters: weighted(targets),
    hashKeys: [...ruleHashKeys(context, targets[0]?.target)],
    mirrors: mirrors
      .filter(({ share }) => share > 0)
      .map(({ destination, share }) => ({
        cluster: resolveTarget(context, destination, namespace).cluster,
        millionths: millionths(share),
      })),
    ...(spec.timeout !== undefined && { timeout: duration(parseDuration(spec.timeout) ?? 0) }),
    ...(spec.retries?.attempts && { retry: { numRetries: spec.retries.attempts } }),
    ...faultOf(spec.fault),
  }
  const conditions =
    matches.length === 0
      ? [host]
      : matches.flatMap((match) => {
          const fields = conditionsOf(context, match, place)
          return fields ? [[...host, ...fields]] : []
        })
  const origins = [origin, ...targets.flatMap(({ target }) => (target.service ? [target.service.origin] : []))]
  return conditions.map((fields) => ({
    route: { ...action, ...(fields.length > 0 && { match: { fields: [...fields] } }) },
    origins,
  }))
}

/** Conditions of one match, or undefined when it can never hold here. */
function conditionsOf(
  { scope, protocol }: TableContext,
  { spec }: EffectiveMatch,
  place: L4Place,
): readonly FieldMatch[] | undefined {
  if (spec.uri || spec.scheme || spec.authority || Object.keys(spec.queryParams ?? {}).length > 0) return undefined
  if (spec.gateways?.length && !spec.gateways.includes(place.gateway)) return undefined
  if (spec.port && spec.port !== place.port) return undefined
  if (spec.sourceNamespace && spec.sourceNamespace !== scope.proxy.namespace) return undefined
  if (!matchesLabels(spec.sourceLabels ?? {}, scope.proxy.labels)) return undefined
  return [
    ...(spec.method ? [stringCondition(attributeField(protocol.info, 'method'), spec.method)] : []),
    ...attributes(protocol.info, spec.headers, false),
    ...attributes(protocol.info, spec.withoutHeaders, true),
  ].flatMap((condition) => condition ?? [])
}

function attributes(info: ProtocolInfo, headers: EffectiveMatch['spec']['headers'], invert: boolean) {
  return Object.entries(headers ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, match]) => stringCondition(attributeField(info, name), match, invert))
}

function faultOf(fault: EffectiveHttpRoute['spec']['fault']): Pick<Route, 'fault'> {
  const { delay, abort } = fault ?? {}
  if (!delay?.fixedDelay && !abort) return {}
  return {
    fault: {
      ...(delay?.fixedDelay && {
        delay: {
          fixedDelay: duration(parseDuration(delay.fixedDelay) ?? 0),
          millionths: millionths(delay.percentage?.value ?? delay.percent ?? 0),
        },
      }),
      // Codes of HTTP and gRPC mean nothing here: the protocol's code for faults is sent.
      ...(abort && { abort: { millionths: millionths(abort.percentage?.value ?? 0) } }),
    },
  }
}

function percent(percentage: { readonly value?: number | undefined } | undefined, old?: number): number {
  return percentage ? (percentage.value ?? 0) : (old ?? 100)
}
