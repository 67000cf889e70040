import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import type { RateLimitSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import {
  type LocalRateLimit,
  LocalRateLimitSchema,
} from '../../../proto/gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.ts'
import { FractionalPercent_DenominatorType as Denominator } from '../../../proto/gen/envoy/type/v3/percent_pb.ts'
import { duration, pack } from '../../../proto/make.ts'
import type { DocumentLimit } from '../../config/kinds/rate-limit.ts'
import { parseDuration } from '../../config/syntax/duration.ts'
import type { CompiledRateLimit, LocalDescriptor } from './compiled-rate-limit.ts'

type Action = NonNullable<MessageInitShape<typeof RateLimitSchema>['actions']>[number]

/** Name of the filter, under which virtual hosts configure it. */
export const LOCAL_RATE_LIMIT = 'envoy.filters.http.local_ratelimit'

/** Values of headers counted apart at a time, for each host; the one not used for longest makes room. */
const MOST_VALUES = 10_000
/** Envoy fills no bucket more often, ms. */
const SHORTEST_FILL_MS = 50
/** The bucket of requests no limit is for: it cannot be left out. */
const UNLIMITED = { maxTokens: 0xffff_ffff, tokensPerFill: 0xffff_ffff, fillInterval: duration(SHORTEST_FILL_MS) }
const ALWAYS = { defaultValue: { numerator: 100, denominator: Denominator.HUNDRED } }

/**
 * What a proxy counts for the descriptors that the actions of a limit make. A header that is absent is left out of the descriptor:
 * there is one for each combination of headers that are there, so that requests without a header share a counter.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/local_rate_limit_filter
 */
export function localDescriptors(
  { tokenBucket, shadow = false }: DocumentLimit,
  actions: readonly Action[],
): readonly LocalDescriptor[] {
  const fillMs = parseDuration(tokenBucket.fillInterval) ?? 1_000
  const times = Math.max(1, Math.ceil(SHORTEST_FILL_MS / fillMs))
  const bucket = {
    maxTokens: tokenBucket.maxTokens,
    tokensPerFill: (tokenBucket.tokensPerFill ?? 1) * times,
    fillInterval: duration(fillMs * times),
  }
  return combinations(actions.map(entryOf)).map((entries) => ({ entries, tokenBucket: bucket, shadowMode: shadow }))
}

/** The configuration of a virtual host; undefined when none of its limits are counted by the proxy itself. */
export function localRateLimit(limits: readonly CompiledRateLimit[]): Any | undefined {
  const local = limits.filter((limit) => limit.local !== undefined)
  if (local.length === 0) return undefined
  const config: MessageInitShape<typeof LocalRateLimitSchema> = {
    statPrefix: 'local_rate_limit',
    tokenBucket: UNLIMITED,
    filterEnabled: ALWAYS,
    filterEnforced: ALWAYS,
    rateLimits: local.map(({ limit }) => limit),
    descriptors: local.flatMap(({ local: descriptors }) => descriptors!),
    maxDynamicDescriptors: MOST_VALUES,
    alwaysConsumeDefaultTokenBucket: false,
    rateLimitedAsResourceExhausted: true,
  } satisfies Partial<Record<keyof LocalRateLimit, unknown>>
  return pack(LocalRateLimitSchema, config)
}

interface Entry {
  readonly key: string
  /** Empty: each value has a bucket of its own. */
  readonly value: string
  /** Left out where the request does not have it. */
  readonly optional: boolean
}

function entryOf({ actionSpecifier: action }: Action): Entry {
  switch (action?.case) {
    case 'genericKey':
      return { key: 'generic_key', value: action.value.descriptorValue ?? '', optional: false }
    case 'headerValueMatch':
      return { key: action.value.descriptorKey ?? '', value: action.value.descriptorValue ?? '', optional: false }
    case 'requestHeaders':
      return { key: action.value.descriptorKey ?? '', value: '', optional: true }
    case 'remoteAddress':
      return { key: 'remote_address', value: '', optional: false }
    default:
      throw new Error(`limits are not made of ${action?.case}`)
  }
}

function combinations(entries: readonly Entry[]): readonly { readonly key: string; readonly value: string }[][] {
  return entries.reduce<{ key: string; value: string }[][]>(
    (lists, { key, value, optional }) =>
      lists.flatMap((list) => [[...list, { key, value }], ...(optional ? [list] : [])]),
    [[]],
  )
}
