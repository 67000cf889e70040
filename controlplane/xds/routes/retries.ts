import { STATUS_CODES } from 'node:http'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { type RetryPolicy, RetryPolicySchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { PreviousHostsPredicateSchema } from '../../../proto/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb.ts'
import { PreviousPrioritiesConfigSchema } from '../../../proto/gen/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb.ts'
import { duration, make, pack } from '../../../proto/make.ts'
import type { HttpRetry } from '../../config/kinds/http/retry.ts'
import { parseDuration } from '../../config/syntax/duration.ts'

type RetryInit = MessageInitShape<typeof RetryPolicySchema>

/** What nobody wrote. */
const DEFAULT: HttpRetry = {}
/** Made once for each place that says it: thousands of routes have the mesh's. */
const made = new WeakMap<HttpRetry, { readonly plain?: RetryPolicy; readonly hashed?: RetryPolicy }>()

const STATUS_CODES_RETRIABLE = 'retriable-status-codes'
const RETRY_ON = `connect-failure,refused-stream,unavailable,cancelled,${STATUS_CODES_RETRIABLE}`
const ATTEMPTS = 2
/** How often Envoy asks the load balancer again for a host that was not tried yet. */
const HOST_SELECTION_ATTEMPTS = 5n

/**
 * Retries of a route; Istio's default when nobody says anything, none when `attempts` is 0 or
 * left out. With a consistent hash a retry stays on the
 * host of the key unless the rule says otherwise.
 */
export function retryPolicy(retries: HttpRetry | undefined, hashed: boolean): RetryPolicy | undefined {
  const attempts = retries ? (retries.attempts ?? 0) : ATTEMPTS
  if (attempts <= 0) return undefined
  const key = retries ?? DEFAULT
  const known = made.get(key)?.[hashed ? 'hashed' : 'plain']
  if (known) return known
  const policy = make(RetryPolicySchema, policyOf(retries, attempts, hashed))
  made.set(key, { ...made.get(key), [hashed ? 'hashed' : 'plain']: policy })
  return policy
}

function policyOf(retries: HttpRetry | undefined, attempts: number, hashed: boolean): RetryInit {
  const avoidPrevious = retries?.retryIgnorePreviousHosts ?? !hashed
  const policy: RetryInit = {
    ...retryOn(retries?.retryOn),
    numRetries: attempts,
    hostSelectionRetryMaxAttempts: HOST_SELECTION_ATTEMPTS,
    retryHostPredicate: avoidPrevious
      ? [
          {
            name: 'envoy.retry_host_predicates.previous_hosts',
            configType: { case: 'typedConfig', value: pack(PreviousHostsPredicateSchema, {}) },
          },
        ]
      : [],
  }
  if (retries?.perTryTimeout) policy.perTryTimeout = duration(parseDuration(retries.perTryTimeout) ?? 0)
  if (retries?.backoff) policy.retryBackOff = { baseInterval: duration(parseDuration(retries.backoff) ?? 25) }
  if (retries?.retryRemoteLocalities)
    policy.retryPriority = {
      name: 'envoy.retry_priorities.previous_priorities',
      configType: { case: 'typedConfig', value: pack(PreviousPrioritiesConfigSchema, { updateFrequency: 2 }) },
    }
  return policy
}

/**
 * Retries at the workload's own sidecar: only of requests that were reset before the application saw them, which is
 * safe for any method.
 */
export function inboundRetryPolicy(): RetryInit {
  return { retryOn: 'reset-before-request', numRetries: ATTEMPTS }
}

/** Conditions; numbers among them are status codes. */
function retryOn(text: string | undefined): Pick<RetryInit, 'retryOn' | 'retriableStatusCodes'> {
  // No status code among the defaults: a 503 may come from an application that has begun its work.
  if (!text) return { retryOn: RETRY_ON, retriableStatusCodes: [] }
  const parts = text.split(',').map((part) => part.trim())
  const codes = parts.filter((part) => part in STATUS_CODES).map(Number)
  const names = parts.filter((part) => part !== '' && !(part in STATUS_CODES))
  if (codes.length > 0 && !names.includes(STATUS_CODES_RETRIABLE)) names.push(STATUS_CODES_RETRIABLE)
  return { retryOn: names.join(','), retriableStatusCodes: codes }
}
