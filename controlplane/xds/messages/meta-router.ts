import { duration } from '../../../proto/make.ts'
import type { MetaRouteMatch, MetaRouterSpec } from '../../config/kinds/meta-router.ts'
import type { ConfigObject } from '../../config/object.ts'
import type { ProtocolInfo } from '../../config/protocols.ts'
import { parseDuration } from '../../config/syntax/duration.ts'
import { exportedTo } from '../../model/hosts.ts'
import { gatewayKey, MESH_GATEWAY } from '../../model/index.ts'
import { rateLimitCluster } from '../names.ts'
import { resolveTarget, ruleHashKeys, type TableContext, weighted } from './destination.ts'
import { attributeField } from './fields.ts'
import type { GlobalLimit } from './global-limit.ts'
import { type FieldMatch, stringCondition } from './match.ts'
import { millionths } from './millionths.ts'
import type { CompiledRoute } from './msg-router.ts'
import { type RateLimit, tokenBucket } from './rate-limit.ts'

export type MetaRouter = ConfigObject<MetaRouterSpec>

/** MetaRouters behind a gateway (`mesh` for proxies beside workloads) one of whose hosts is taken, in order of precedence. */
export function metaRoutersAt(
  { world, scope }: TableContext,
  gateway: string,
  takesHost: (host: string, namespace: string) => boolean,
): readonly MetaRouter[] {
  return world.all<MetaRouterSpec>('MetaRouter').filter(({ spec, namespace }) => {
    const exportTo = spec.exportTo?.length ? spec.exportTo : ['*']
    if (!exportedTo(exportTo, namespace, scope.proxy.namespace)) return false
    const gateways = spec.gateways?.length ? spec.gateways : [MESH_GATEWAY]
    if (!gateways.some((name) => gatewayKey(name, namespace) === gateway)) return false
    return (spec.hosts ?? []).some((host) => takesHost(scope.hostname(host, namespace), namespace))
  })
}

/** Its rules in order; `host` are conditions that tell the host apart from others on the same port. */
export function metaRouterRoutes(
  context: TableContext,
  router: MetaRouter,
  host: readonly FieldMatch[],
): readonly CompiledRoute[] {
  const { info } = context.protocol
  return (router.spec.routes ?? []).map((route, index) => {
    const targets = (route.route ?? []).flatMap(({ destination, weight }) =>
      destination ? [{ target: resolveTarget(context, destination, router.namespace), weight }] : [],
    )
    const mirror = route.mirror && resolveTarget(context, route.mirror, router.namespace)
    const share = route.mirrorPercentage ? (route.mirrorPercentage.value ?? 0) : 100
    const fields = [...host, ...attributeMatches(info, route.match)]
    const mutations = (list: typeof route.requestMutation) =>
      (list ?? []).flatMap(({ key, value }) =>
        key ? [{ field: attributeField(info, key), action: { case: 'set', value: value ?? '' } as const }] : [],
      )
    return {
      route: {
        name: route.name ?? `${router.name}.${index}`,
        ...(fields.length > 0 && { match: { fields } }),
        clusters: weighted(targets),
        hashKeys: [...ruleHashKeys(context, targets[0]?.target)],
        mirrors: mirror && share > 0 ? [{ cluster: mirror.cluster, millionths: millionths(share) }] : [],
        requestMutations: mutations(route.requestMutation),
        responseMutations: mutations(route.responseMutation),
      },
      origins: [
        { object: router, path: ['spec', 'routes', index] },
        ...targets.flatMap(({ target }) => (target.service ? [target.service.origin] : [])),
      ],
    }
  })
}

/** Its local limits: conditions in order, then the limit of everything else. */
export function metaRouterLimits(
  { protocol }: TableContext,
  router: MetaRouter,
  host: readonly FieldMatch[],
): readonly RateLimit[] {
  const { conditions = [], tokenBucket: general } = router.spec.localRateLimit ?? {}
  const limit = (fields: readonly FieldMatch[], bucket: NonNullable<typeof general>, name: string): RateLimit => ({
    ...(fields.length > 0 && { match: { fields: [...fields] } }),
    tokenBucket: tokenBucket(bucket),
    name,
  })
  return [
    ...conditions.flatMap(({ match, tokenBucket: bucket }, index) =>
      bucket ? [limit([...host, ...attributeMatches(protocol.info, match)], bucket, `${router.name}.${index}`)] : [],
    ),
    ...(general ? [limit(host, general, router.name)] : []),
  ]
}

/**
 * Its global limit: each descriptor is one attribute under its key, as Aeraki sends them; messages without the attribute are not asked for.
 * Without a service named it is the mesh's own.
 */
export function metaRouterGlobalLimits(
  { protocol, scope }: TableContext,
  router: MetaRouter,
  host: readonly FieldMatch[],
): readonly GlobalLimit[] {
  const limit = router.spec.globalRateLimit
  if (!limit) return []
  const fields = [...host, ...attributeMatches(protocol.info, limit.match)]
  return [
    {
      domain: limit.domain ?? '',
      cluster: limit.rateLimitService ?? rateLimitCluster(scope.settings()),
      ...(limit.requestTimeout !== undefined && { timeout: duration(parseDuration(limit.requestTimeout) ?? 20) }),
      sets: (limit.descriptors ?? []).map(({ property = '', descriptorKey }) => ({
        descriptors: [
          {
            ...(fields.length > 0 && { match: { fields: [...fields] } }),
            entries: [
              {
                key: descriptorKey ?? property,
                source: { case: 'field', value: attributeField(protocol.info, property) },
              },
            ],
            denyOnFailure: limit.denyOnFail ?? false,
          },
        ],
      })),
    },
  ]
}

/** Routes of a service or gateway with limits added. */
export function withLimits(
  routes: readonly CompiledRoute[],
  routers: readonly MetaRouter[],
  limits: readonly GlobalLimit[],
): readonly CompiledRoute[] {
  if (limits.length === 0) return routes
  const origins = routers
    .filter(({ spec }) => spec.globalRateLimit)
    .map((object) => ({ object, path: ['spec', 'globalRateLimit'] }))
  return routes.map(({ route, origins: own }) => ({
    route: { ...route, globalRateLimits: [...(route.globalRateLimits ?? []), ...limits] },
    origins: [...own, ...origins],
  }))
}

function attributeMatches(info: ProtocolInfo, match: MetaRouteMatch | undefined): readonly FieldMatch[] {
  return Object.entries(match?.attributes ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([attribute, value]) => stringCondition(attributeField(info, attribute), value) ?? [])
}
