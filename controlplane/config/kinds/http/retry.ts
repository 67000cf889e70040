import type * as z from 'zod'
import { checked, message, optional, type Report } from '../../schema.ts'
import { shown } from '../../syntax/host.ts'
import { bool, duration, int32, text } from '../../syntax/values.ts'
import { NAMED_STATUS } from './status.ts'

const httpRetryFields = message({
  attempts: optional(int32, 'Most retries of a request.', { default: '0: retries are off' }),
  perTryTimeout: optional(duration, 'Longest time of one try.', { default: 'the timeout of the route' }),
  retryOn: optional(text, 'Conditions, separated by commas: names Envoy knows, or status codes.', {
    default: 'connect-failure,refused-stream,unavailable,cancelled',
  }),
  retryRemoteLocalities: optional(bool, 'Whether a retry may go to another locality.', {
    nullable: true,
    default: 'false',
  }),
  retryIgnorePreviousHosts: optional(bool, 'Whether a retry avoids endpoints already tried.', {
    nullable: true,
    default: 'true',
  }),
  backoff: optional(duration, 'Shortest wait before a retry.', { default: '25ms' }),
})

const RETRY_ON = new Set(
  (
    '5xx gateway-error reset reset-before-request connect-failure retriable-4xx refused-stream retriable-status-codes ' +
    'retriable-headers envoy-ratelimited http3-post-connect-failure cancelled deadline-exceeded internal resource-exhausted unavailable'
  ).split(' '),
)

function retryRule(retry: HttpRetry, report: Report): void {
  const attempts = retry.attempts ?? 0
  if (attempts < 0) report(['attempts'], 'attempts must not be negative')
  if (
    attempts === 0 &&
    (retry.perTryTimeout !== undefined || retry.retryOn || retry.retryRemoteLocalities !== undefined)
  )
    report(['attempts'], 'a retry policy is configured, but attempts is 0 (off)')
  else if (attempts === 0 && (retry.backoff !== undefined || retry.retryIgnorePreviousHosts !== undefined))
    report(
      [retry.backoff !== undefined ? 'backoff' : 'retryIgnorePreviousHosts'],
      'without attempts nothing is retried',
      {
        code: 'FIELD_NO_EFFECT',
        hint: 'add attempts, the number of retries',
      },
    )
  for (const policy of retry.retryOn ? retry.retryOn.split(',') : []) {
    const status = /^\d+$/.test(policy) ? Number(policy) : undefined
    if (status === undefined ? !RETRY_ON.has(policy) : !NAMED_STATUS.has(status))
      report(['retryOn'], `${shown(policy)} is no retry condition`, {
        hint: RETRY_ON.has(policy.trim())
          ? 'remove the spaces between conditions'
          : `known are ${[...RETRY_ON].join(', ')} and status codes`,
      })
  }
}

export const httpRetry = checked(httpRetryFields, retryRule)
export type HttpRetry = z.infer<typeof httpRetryFields>
