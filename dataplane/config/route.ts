import { RE2JS } from 're2js'
import type { ConnectionMode as Mode } from '../../codecs/contract.ts'
import { errorText } from '../../errors/thrown.ts'
import {
  ConnectionMode,
  type DirectReply as DirectReplyMessage,
  type FieldMatch as FieldMatchMessage,
  type FieldMutation as FieldMutationMessage,
  type HashKey as HashKeyMessage,
  type MessageDescriptor,
  type MessageFault,
  type MessageGlobalRateLimit,
  type MessageMatch,
  type MessageRateLimit,
  type MessageRetry,
  type MessageRoute as MessageRouteMessage,
  type MessageRouteTable,
} from '../../proto/gen/meshgate/v1/message_route_pb.ts'
import type {
  DirectReply,
  Fault,
  FieldMatch,
  FieldMutation,
  GlobalRateLimit,
  HashKey,
  LimitDescriptor,
  MessageRoute,
  RateLimit,
  RetryPolicy,
  RouteAction,
  RouteTable,
} from '../configuration.ts'
import { refuse } from './refusal.ts'
import { defined, milliseconds, percentage } from './values.ts'

/** A route table, and the names of those whose routes come before its own. */
export interface ReadTable extends RouteTable {
  readonly parts: readonly string[]
}

/** A route table. @throws Refusal naming the field */
export function readRouteTable({ name, routes, rateLimits, parts }: MessageRouteTable): ReadTable {
  if (parts.includes(name)) refuse('parts', 'the table names itself')
  return {
    parts,
    name,
    routes: routes.map((route, index) => readRoute(`routes[${index}]`, route)),
    ...(rateLimits.length > 0 && {
      rateLimits: rateLimits.map((limit, index) => readLimit(`rate_limits[${index}]`, limit)),
    }),
  }
}

function readRoute(path: string, route: MessageRouteMessage): MessageRoute {
  const where = route.name ? `${path} "${route.name}"` : path
  return { name: route.name || path, match: readMatch(`${where}.match`, route.match), action: readAction(where, route) }
}

function readAction(path: string, route: MessageRouteMessage): RouteAction {
  const total = route.clusters.reduce((sum, { weight }) => sum + weight, 0)
  if (route.clusters.length > 0 && total === 0) refuse(`${path}.clusters`, 'the total weight is 0')
  return {
    destinations: route.clusters.map(({ name, weight }, index) => {
      if (name === '') refuse(`${path}.clusters[${index}].name`, 'the name of the cluster is empty')
      return { cluster: name, weight }
    }),
    ...(route.reply && { reply: readReply(route.reply) }),
    ...defined({
      mode: modeOf(`${path}.connection_mode`, route.connectionMode),
      timeoutMs: milliseconds(`${path}.timeout`, route.timeout),
      idleTimeoutMs: milliseconds(`${path}.idle_timeout`, route.idleTimeout),
      retry: route.retry && readRetry(`${path}.retry`, route.retry),
      fault: route.fault && readFault(`${path}.fault`, route.fault),
      hashKeys: some(route.hashKeys.map((key, index) => readHashKey(`${path}.hash_keys[${index}]`, key))),
      mirrors: some(
        route.mirrors.map(({ cluster, millionths }, index) => ({
          cluster,
          percent: percentage(`${path}.mirrors[${index}].millionths`, millionths),
        })),
      ),
      requestMutation: some(
        route.requestMutations.map((one, index) => readMutation(`${path}.request_mutations[${index}]`, one)),
      ),
      responseMutation: some(
        route.responseMutations.map((one, index) => readMutation(`${path}.response_mutations[${index}]`, one)),
      ),
      rateLimits: some(route.rateLimits.map((limit, index) => readLimit(`${path}.rate_limits[${index}]`, limit))),
      globalRateLimits: some(
        route.globalRateLimits.map((limit, index) => readGlobalLimit(`${path}.global_rate_limits[${index}]`, limit)),
      ),
      priority: route.highPriority ? ('high' as const) : undefined,
    }),
  }
}

function some<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined
}

/** The mode a message names, undefined when it leaves it to the protocol. @throws Refusal */
export function modeOf(path: string, mode: ConnectionMode): Mode | undefined {
  switch (mode) {
    case ConnectionMode.PROTOCOL:
      return undefined
    case ConnectionMode.SHARED:
      return 'shared'
    case ConnectionMode.BOUND:
      return 'bound'
    case ConnectionMode.EXCLUSIVE:
      return 'exclusive'
    default:
      return refuse(path, `${mode} is no connection mode this proxy knows`)
  }
}

function readMatch(path: string, match: MessageMatch | undefined): readonly FieldMatch[] {
  return (match?.fields ?? []).map((field, index) => readField(`${path}.fields[${index}]`, field))
}

function readField(path: string, { field, condition, invert }: FieldMatchMessage): FieldMatch {
  if (field === '') refuse(`${path}.field`, 'the name of the field is empty')
  const base = { field, ...(invert && { invert }) }
  switch (condition.case) {
    case 'exact':
    case 'prefix':
    case 'suffix':
      return { ...base, [condition.case]: condition.value }
    case 'present':
      return { ...base, present: condition.value }
    case 'regex':
      checkRegex(`${path}.regex`, condition.value)
      return { ...base, regex: condition.value }
    case 'ranges': {
      const ranges = [...condition.value.ranges, ...condition.value.above]
      if (ranges.length === 0) refuse(`${path}.ranges`, 'there is no range')
      for (const [index, { first, last }] of ranges.entries())
        if (first > last) refuse(`${path}.ranges[${index}]`, `first (${first}) is above last (${last})`)
      return { ...base, ranges: ranges.map(({ first, last }) => ({ first, last })) }
    }
    case 'oneOf':
      if (condition.value.values.length === 0) refuse(`${path}.one_of`, 'there is no value')
      return { ...base, in: condition.value.values }
    case undefined:
      return refuse(path, 'a condition is needed that this proxy knows')
  }
}

function checkRegex(path: string, regex: string): void {
  try {
    RE2JS.compile(regex)
  } catch (error) {
    refuse(path, errorText(error))
  }
}

function readHashKey(path: string, { source }: HashKeyMessage): HashKey {
  if (source.case === 'sourceIp') return { sourceIp: true }
  if (source.case !== 'field' || source.value === '') return refuse(path, 'a field or source_ip is needed')
  return { field: source.value }
}

function readMutation(path: string, { field, action }: FieldMutationMessage): FieldMutation {
  if (field === '') refuse(`${path}.field`, 'the name of the field is empty')
  if (action.case === 'set') return { field, value: action.value }
  return action.case === 'remove' && action.value ? { field } : refuse(path, 'set or remove is needed')
}

function readReply({ code, message }: DirectReplyMessage): DirectReply {
  return { reason: 'fault', ...(code !== undefined && { code }), ...(message && { message }) }
}

const RETRY_ON = {
  'connect-failure': 'connectFailure',
  reset: 'reset',
  timeout: 'timeout',
  'error-reply': 'error',
} as const

function readRetry(path: string, retry: MessageRetry): RetryPolicy {
  const on = retry.retryOn.map((name, index) =>
    Object.hasOwn(RETRY_ON, name)
      ? RETRY_ON[name as keyof typeof RETRY_ON]
      : refuse(`${path}.retry_on[${index}]`, `"${name}" is none of ${Object.keys(RETRY_ON).join(', ')}`),
  )
  return {
    attempts: retry.numRetries,
    on: on.length > 0 ? on : Object.values(RETRY_ON),
    ...(retry.idempotent && { idempotent: true }),
    ...defined({
      perTryTimeoutMs: milliseconds(`${path}.per_try_timeout`, retry.perTryTimeout),
      baseIntervalMs: milliseconds(`${path}.base_interval`, retry.baseInterval),
      statuses: some(retry.statuses),
    }),
  }
}

function readFault(path: string, { delay, abort }: MessageFault): Fault {
  return {
    ...(delay && {
      delay: {
        percent: percentage(`${path}.delay.millionths`, delay.millionths),
        ms: milliseconds(`${path}.delay.fixed_delay`, delay.fixedDelay) ?? 0,
      },
    }),
    ...(abort && {
      abort: {
        percent: percentage(`${path}.abort.millionths`, abort.millionths),
        ...(abort.reply && { reply: readReply(abort.reply) }),
      },
    }),
  }
}

function readLimit(path: string, { match, tokenBucket, per, name }: MessageRateLimit): RateLimit {
  if (!tokenBucket) return refuse(`${path}.token_bucket`, 'a token bucket is needed')
  const interval = milliseconds(`${path}.token_bucket.fill_interval`, tokenBucket.fillInterval)
  if (!interval || interval < 1) return refuse(`${path}.token_bucket.fill_interval`, 'at least 1 ms is needed')
  return {
    maxTokens: tokenBucket.maxTokens,
    tokensPerFill: tokenBucket.tokensPerFill ?? 1,
    fillIntervalMs: interval,
    ...(name && { name }),
    ...(per.length > 0 && { per }),
    ...(match && match.fields.length > 0 && { match: readMatch(`${path}.match`, match) }),
  }
}

function readGlobalLimit(path: string, { domain, cluster, timeout, sets }: MessageGlobalRateLimit): GlobalRateLimit {
  if (domain === '') refuse(`${path}.domain`, 'the domain is empty')
  if (cluster === '') refuse(`${path}.cluster`, 'the name of the cluster is empty')
  const timeoutMs = milliseconds(`${path}.timeout`, timeout)
  if (timeoutMs === 0) refuse(`${path}.timeout`, 'no answer can come in no time')
  return {
    domain,
    cluster,
    ...defined({ timeoutMs }),
    sets: sets.map(({ descriptors }, set) =>
      descriptors.map((one, index) => readDescriptor(`${path}.sets[${set}].descriptors[${index}]`, one)),
    ),
  }
}

function readDescriptor(path: string, { match, entries, denyOnFailure }: MessageDescriptor): LimitDescriptor {
  if (entries.length === 0) refuse(`${path}.entries`, 'there is no entry')
  return {
    ...(match && match.fields.length > 0 && { match: readMatch(`${path}.match`, match) }),
    ...(denyOnFailure && { denyOnFailure: true }),
    entries: entries.map(({ key, source, skipIfAbsent }, index) => {
      if (key === '') refuse(`${path}.entries[${index}].key`, 'the key is empty')
      if (source.case === 'value') return { key, value: source.value }
      if (source.case === 'sourceIp' && source.value) return { key, sourceIp: true as const }
      if (source.case !== 'field' || source.value === '')
        return refuse(`${path}.entries[${index}]`, 'a value, a field or source_ip is needed')
      return { key, field: source.value, ...(skipIfAbsent && { skipIfAbsent: true }) }
    }),
  }
}
