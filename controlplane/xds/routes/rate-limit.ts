import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  type HeaderMatcherSchema,
  RateLimitSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { make } from '../../../proto/make.ts'
import { type FieldMatch, type FieldValue, integerOf } from '../../config/kinds/field-match.ts'
import type { RateLimitSpec } from '../../config/kinds/rate-limit.ts'
import type { ConfigObject } from '../../config/object.ts'
import { CONDITION_KEY, rateLimitRuleId } from '../../config/rate-limit-ids.ts'
import { hostWithin } from '../../model/hosts.ts'
import type { Scope } from '../../model/scope.ts'
import { RATE_LIMIT_STAGE } from '../names.ts'
import type { CompiledRateLimit } from './compiled-rate-limit.ts'
import { localDescriptors } from './local-rate-limit.ts'

type RateLimitInit = MessageInitShape<typeof RateLimitSchema>
type Action = NonNullable<RateLimitInit['actions']>[number]
type HeaderMatcher = MessageInitShape<typeof HeaderMatcherSchema>

/** Limits of a document do not depend on where they are enforced. */
const compiled = new WeakMap<ConfigObject<RateLimitSpec>, readonly CompiledRateLimit[]>()

/**
 * The limits of requests for a host. Proxies ask the service for those that are shared; what they count, the service knows
 * (docs/rate-limit.md).
 */
export function rateLimitsFor(scope: Scope, hostname: string): readonly CompiledRateLimit[] {
  return [...scope.rateLimits(), ...scope.localRateLimits()].flatMap((object) => {
    const { hosts } = object.spec
    const { namespace } = object
    if (!scope.enforces(object) && scope.service(hostname)?.namespace !== namespace) return []
    if (hosts && !hosts.some((host) => hostWithin(hostname, scope.hostname(host, namespace)))) return []
    let limits = compiled.get(object)
    if (!limits) {
      limits = limitsOf(object)
      compiled.set(object, limits)
    }
    return limits
  })
}

/** Of the limits of a document only the first that matches counts: each says that none before it did. */
function limitsOf(object: ConfigObject<RateLimitSpec>): readonly CompiledRateLimit[] {
  const { limits, shared = false } = object.spec
  const found: CompiledRateLimit[] = []
  const before: HeaderMatcher[][] = []
  for (const [index, limit] of limits.entries()) {
    const { match, per = [], onFailure } = limit
    const matchers = headerMatchers(match)
    const actions: Action[] = [
      { actionSpecifier: { case: 'genericKey', value: { descriptorValue: rateLimitRuleId(object, index) } } },
      ...before.map((earlier) => condition(earlier, false)),
      ...(matchers.length > 0 ? [condition(matchers, true)] : []),
      ...per.map(perAction),
    ]
    const stage = onFailure === 'deny' ? RATE_LIMIT_STAGE.deny : RATE_LIMIT_STAGE.allow
    found.push({
      // Stages tell the two filters of the service apart; the filter that counts by itself has one.
      limit: make(RateLimitSchema, shared ? { stage, actions } : { actions }),
      local: shared ? undefined : localDescriptors(limit, actions),
      origin: { object, path: ['spec', 'limits', index] },
    })
    // Behind a limit for everything nothing is reached.
    if (matchers.length === 0) break
    before.push(matchers)
  }
  return found
}

function condition(headers: HeaderMatcher[], expectMatch: boolean): Action {
  return {
    actionSpecifier: {
      case: 'headerValueMatch',
      value: { descriptorKey: CONDITION_KEY, descriptorValue: expectMatch ? 'yes' : 'no', expectMatch, headers },
    },
  }
}

/** A header that is absent is left out of the key: such requests have a counter of their own. */
function perAction(name: string): Action {
  if (name === 'sourceIp') return { actionSpecifier: { case: 'remoteAddress', value: {} } }
  const headerName = name.toLowerCase()
  return {
    actionSpecifier: { case: 'requestHeaders', value: { headerName, descriptorKey: headerName, skipIfAbsent: true } },
  }
}

function headerMatchers(match: FieldMatch | undefined): HeaderMatcher[] {
  return Object.entries(match ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name: name.toLowerCase(), ...headerCondition(value) }))
}

function headerCondition(value: FieldValue): HeaderMatcher {
  if (typeof value !== 'object') return text({ case: 'exact', value: String(value) })
  if (Array.isArray(value)) return oneOf(value)
  const { exact, prefix, suffix, regex, present, in: values, range, not = false } = value
  const found: HeaderMatcher =
    exact !== undefined
      ? text({ case: 'exact', value: String(exact) })
      : prefix !== undefined
        ? text({ case: 'prefix', value: prefix })
        : suffix !== undefined
          ? text({ case: 'suffix', value: suffix })
          : regex !== undefined
            ? text({ case: 'safeRegex', value: { regex } })
            : values !== undefined
              ? oneOf(values)
              : range !== undefined
                ? { headerMatchSpecifier: { case: 'rangeMatch', value: headerRange(range) } }
                : { headerMatchSpecifier: { case: 'presentMatch', value: present ?? true } }
  return not ? { ...found, invertMatch: true } : found
}

type Pattern = NonNullable<
  Extract<HeaderMatcher['headerMatchSpecifier'], { case: 'stringMatch' }>['value']['matchPattern']
>

function text(matchPattern: Pattern): HeaderMatcher {
  return { headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern } } }
}

function oneOf(values: readonly (string | number | boolean)[]): HeaderMatcher {
  const regex = values.map((value) => String(value).replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')
  return text({ case: 'safeRegex', value: { regex } })
}

/** The most an int64 can be: what a header says above that, Envoy cannot compare. */
const MOST = 2n ** 63n - 1n

/** Envoy's range ends before its end. */
function headerRange({ first, last }: { readonly first?: RangeEnd; readonly last?: RangeEnd }) {
  const start = (first === undefined ? undefined : integerOf(first)) ?? BigInt(Number.MIN_SAFE_INTEGER)
  const end = ((last === undefined ? undefined : integerOf(last)) ?? BigInt(Number.MAX_SAFE_INTEGER)) + 1n
  return { start: start < MOST ? start : MOST, end: end < MOST ? end : MOST }
}

type RangeEnd = number | string | undefined
