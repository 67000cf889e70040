import type * as z from 'zod'
import { checked, message, optional, type Report } from '../../schema.ts'
import { shown } from '../../syntax/host.ts'
import { duration, int32, text } from '../../syntax/values.ts'
import { percent } from '../common.ts'
import { GRPC_STATUS, statusProblem } from './status.ts'

const httpFaultInjectionFields = message({
  delay: optional(
    message(
      {
        percent: optional(int32, 'Part of requests, in percent.', { deprecated: 'use percentage' }),
        fixedDelay: optional(duration, 'How long the request is held back.'),
        exponentialDelay: optional(duration, 'Mean of an exponentially distributed delay.', {
          unsupported: "Envoy's fault filter holds back for a fixed time, or one the request names; use fixedDelay",
        }),
        percentage: optional(percent, 'Part of requests.', { default: '0: nothing is injected' }),
      },
      [['fixedDelay', 'exponentialDelay']],
    ),
    'Hold requests back.',
  ),
  abort: optional(
    message(
      {
        httpStatus: optional(int32, 'Status to answer with.'),
        grpcStatus: optional(text, 'gRPC status to answer with, by name.'),
        http2Error: optional(text, 'HTTP/2 error to answer with.', {
          unsupported:
            "Envoy's fault filter answers with a status and cannot reset a stream; use httpStatus or grpcStatus",
        }),
        percentage: optional(percent, 'Part of requests.', { default: '0: nothing is injected' }),
      },
      [['httpStatus', 'grpcStatus', 'http2Error']],
    ),
    'Answer requests with an error.',
  ),
})

function percentageProblem(value: number): string | undefined {
  return value < 0 || value > 100 || (value > 0 && value < 0.0001)
    ? `percentage ${value} is neither 0 nor in range [0.0001, 100]`
    : undefined
}

/** The reference: "If left unspecified, no request will be delayed", "If not specified, no request will be aborted". */
function never(what: string) {
  return [`without percentage no request is ${what}`, { code: 'FIELD_NO_EFFECT' }] as const
}

function faultRule({ abort, delay }: HttpFaultInjection, report: Report): void {
  if (!abort && !delay) report([], 'a fault must have an abort or a delay')
  for (const [field, part] of Object.entries({ abort, delay })) {
    const problem = part?.percentage?.value === undefined ? undefined : percentageProblem(part.percentage.value)
    if (problem) report([field, 'percentage', 'value'], problem)
  }
  if (delay?.exponentialDelay !== undefined)
    report(['delay', 'exponentialDelay'], 'exponentialDelay is not supported, use fixedDelay')
  if (delay && delay.fixedDelay === undefined && delay.exponentialDelay === undefined)
    report(['delay'], 'a delay without fixedDelay has no effect', { code: 'FIELD_NO_EFFECT' })
  const old = delay?.percent
  if (old !== undefined && (old < 0 || old > 100))
    report(['delay', 'percent'], `percentage ${old} is not in range 0..100`)
  if (delay && delay.percentage === undefined && old === undefined) report(['delay'], ...never('delayed'))
  if (!abort) return
  if (abort.percentage === undefined) report(['abort'], ...never('aborted'))
  if (abort.http2Error !== undefined) report(['abort', 'http2Error'], 'an HTTP/2 abort is not supported')
  else if (abort.grpcStatus !== undefined) {
    if (!GRPC_STATUS.has(abort.grpcStatus))
      report(['abort', 'grpcStatus'], `${shown(abort.grpcStatus)} is no gRPC status, use a name such as NOT_FOUND`)
  } else if (abort.httpStatus !== undefined) {
    const problem = statusProblem(abort.httpStatus)
    if (problem) report(['abort', 'httpStatus'], problem)
  } else report(['abort'], 'an abort without a status has no effect', { code: 'FIELD_NO_EFFECT' })
}

export const httpFaultInjection = checked(httpFaultInjectionFields, faultRule)
export type HttpFaultInjection = z.infer<typeof httpFaultInjectionFields>
