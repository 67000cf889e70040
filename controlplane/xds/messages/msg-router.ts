import type { MessageInitShape } from '@bufbuild/protobuf'
import { ConnectionMode, type FieldMutationSchema } from '../../../proto/gen/meshgate/v1/message_route_pb.ts'
import { duration } from '../../../proto/make.ts'
import type { MsgFault, MsgMutation, MsgRetries, MsgRouterSpec, MsgRule } from '../../config/kinds/msg-router.ts'
import type { Limit } from '../../config/kinds/rate-limit.ts'
import { comparePrecedence, idList, rulesOf } from '../../config/msg-router-rules.ts'
import type { ConfigObject, Origin } from '../../config/object.ts'
import { hasField } from '../../config/protocols.ts'
import { parseDuration } from '../../config/syntax/duration.ts'
import { matchesLabels } from '../../model/endpoints.ts'
import { exportedTo } from '../../model/hosts.ts'
import { gatewayKey, type World } from '../../model/index.ts'
import type { Scope } from '../../model/scope.ts'
import { type Route, resolveTarget, ruleHashKeys, type TableContext, weighted } from './destination.ts'
import { type FieldMatch, fieldMatches, ID_FIELD, idMatch } from './match.ts'
import { millionths } from './millionths.ts'
import type { KnownProtocol } from './protocols.ts'
import { type RateLimit, tokenBucket } from './rate-limit.ts'

export type MsgRouter = ConfigObject<MsgRouterSpec>

export interface CompiledRoute {
  readonly route: Route
  readonly origins: readonly Origin[]
}

/** The MsgRouters for a table, the one that wins first. */
export function msgRoutersAt(
  world: World,
  scope: Scope,
  protocol: KnownProtocol,
  gateway: string,
): readonly MsgRouter[] {
  return world
    .all<MsgRouterSpec>('MsgRouter')
    .filter((router) => appliesTo(scope, router, gateway) && fits(router.spec, protocol))
    .sort((a, b) => comparePrecedence(a.spec, b.spec))
}

/** The rules of MsgRouters, in their order. */
export function msgRouterRoutes(context: TableContext, routers: readonly MsgRouter[]): readonly CompiledRoute[] {
  return routers.flatMap((router) => routesOf(context, router))
}

function appliesTo({ proxy, settings }: TableContext['scope'], router: MsgRouter, gateway: string): boolean {
  const { spec, namespace } = router
  if (!exportedTo(spec.exportTo?.length ? spec.exportTo : ['*'], namespace, proxy.namespace)) return false
  if (spec.selector?.labels) {
    const everywhere = namespace === settings().rootNamespace
    if (!everywhere && namespace !== proxy.namespace) return false
    if (!matchesLabels(spec.selector.labels, proxy.labels)) return false
  }
  return !spec.gateways?.length || spec.gateways.some((name) => gatewayKey(name, namespace) === gateway)
}

/** Without a protocol named, rules are for every protocol that has the fields they look at. */
function fits(spec: MsgRouterSpec, { name, info }: TableContext['protocol']): boolean {
  if (spec.protocol !== undefined) return spec.protocol === name
  return rulesOf(spec).every(
    ({ rule }) =>
      (rule.msgid === undefined || info.fields.has(ID_FIELD)) &&
      (rule.match ?? []).every((match) => Object.keys(match).every((field) => hasField(info, field))),
  )
}

function routesOf(context: TableContext, router: MsgRouter): readonly CompiledRoute[] {
  return rulesOf(router.spec).flatMap(({ rule, path }, index, all) => {
    const id = idMatch(idList(rule.msgid))
    const name = rule.name ?? (all.length > 1 ? `${router.name}.${index}` : router.name)
    const { action, origins } = actionOf(context, router, rule, path)
    return (rule.match ?? [{}]).map((match) => {
      const fields: readonly FieldMatch[] = [...(id ? [id] : []), ...fieldMatches(match)]
      const route: Route = { ...action, name, ...(fields.length > 0 && { match: { fields: [...fields] } }) }
      return { route, origins }
    })
  })
}

function actionOf(
  context: TableContext,
  router: MsgRouter,
  rule: MsgRule,
  path: Origin['path'],
): { readonly action: Route; readonly origins: readonly Origin[] } {
  const { namespace } = router
  const destinations = rule.svrName !== undefined ? [{ destination: shortDestination(rule) }] : (rule.route ?? [])
  const targets = destinations.map((entry) => ({
    target: resolveTarget(context, entry.destination, namespace),
    weight: 'weight' in entry ? entry.weight : undefined,
  }))
  const keys = rule.hashKey === undefined ? [] : [rule.hashKey].flat()
  const mirror = rule.mirror && resolveTarget(context, rule.mirror, namespace)
  const share = rule.mirrorPercentage ? (rule.mirrorPercentage.value ?? 0) : 100
  const services = [...targets.map(({ target }) => target), ...(mirror ? [mirror] : [])]
  return {
    action: {
      clusters: weighted(targets),
      hashKeys:
        keys.length > 0
          ? keys.map((key) => ({
              source: key === 'sourceIp' ? { case: 'sourceIp', value: true } : { case: 'field', value: key },
            }))
          : [...ruleHashKeys(context, targets[0]?.target)],
      mirrors: mirror && share > 0 ? [{ cluster: mirror.cluster, millionths: millionths(share) }] : [],
      requestMutations: (rule.requestMutation ?? []).map(mutationOf),
      responseMutations: (rule.responseMutation ?? []).map(mutationOf),
      rateLimits: (rule.localRateLimit ?? []).map(limitOf),
      connectionMode: rule.connection ? MODES[rule.connection] : ConnectionMode.PROTOCOL,
      ...(rule.highPriority && { highPriority: true }),
      ...(rule.timeout !== undefined && { timeout: duration(parseDuration(rule.timeout) ?? 0) }),
      ...(rule.idleTimeout !== undefined && { idleTimeout: duration(parseDuration(rule.idleTimeout) ?? 0) }),
      ...(rule.retries && { retry: retryOf(rule.retries) }),
      ...(rule.fault && { fault: faultOf(rule.fault) }),
      ...(rule.reply && { reply: replyOf(rule.reply) }),
    },
    origins: [{ object: router, path }, ...services.flatMap(({ service }) => (service ? [service.origin] : []))],
  }
}

function shortDestination({ svrName, subset, port }: MsgRule) {
  return { host: svrName!, ...(subset && { subset }), ...(port !== undefined && { port: { number: port } }) }
}

const MODES = {
  shared: ConnectionMode.SHARED,
  bound: ConnectionMode.BOUND,
  exclusive: ConnectionMode.EXCLUSIVE,
} as const

function retryOf(retries: MsgRetries): NonNullable<Route['retry']> {
  return {
    numRetries: retries.attempts,
    idempotent: retries.idempotent ?? false,
    retryOn: [...(retries.retryOn ?? [])],
    statuses: [...(retries.statuses ?? [])],
    ...(retries.perTryTimeout && { perTryTimeout: duration(parseDuration(retries.perTryTimeout) ?? 0) }),
    ...(retries.backoff && { baseInterval: duration(parseDuration(retries.backoff) ?? 25) }),
  }
}

function faultOf({ delay, abort }: MsgFault): NonNullable<Route['fault']> {
  return {
    ...(delay && {
      delay: {
        fixedDelay: duration(parseDuration(delay.fixedDelay) ?? 0),
        millionths: millionths(delay.percentage.value ?? 0),
      },
    }),
    ...(abort && { abort: { millionths: millionths(abort.percentage.value ?? 0), reply: replyOf(abort) } }),
  }
}

function replyOf(reply: { readonly code?: number | undefined; readonly message?: string | undefined }) {
  return { message: reply.message ?? '', ...(reply.code !== undefined && { code: reply.code }) }
}

function mutationOf({ field, value, remove }: MsgMutation): MessageInitShape<typeof FieldMutationSchema> {
  return { field, action: remove ? { case: 'remove', value: true } : { case: 'set', value: String(value ?? '') } }
}

function limitOf({ match, per, tokenBucket: bucket }: Limit): RateLimit {
  const fields = match ? fieldMatches(match) : []
  return {
    tokenBucket: tokenBucket(bucket),
    per: [...(per ?? [])],
    ...(fields.length > 0 && { match: { fields: [...fields] } }),
  }
}
