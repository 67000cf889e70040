import type { MessageInitShape } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import {
  type FaultAbortSchema,
  HTTPFaultSchema,
} from '../../../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts'
import { duration, pack } from '../../../proto/make.ts'
import type { HttpFaultInjection } from '../../config/kinds/http/fault.ts'
import { parseDuration } from '../../config/syntax/duration.ts'
import { fractionalPercent } from './percentage.ts'

export const FAULT_FILTER = 'envoy.filters.http.fault'

/** Status names of gRPC to their codes (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
const GRPC_STATUS: Readonly<Record<string, number>> = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
}

/**
 * Per-route configuration of the fault filter (the listener puts the filter itself), or undefined when nothing is
 * injected. A part without a percentage injects nothing, as in Istio.
 */
export function faultConfig(fault: HttpFaultInjection | undefined): Any | undefined {
  const delay = fault?.delay?.fixedDelay
  const errorType = abortType(fault?.abort)
  if (!delay && !errorType) return undefined
  return pack(HTTPFaultSchema, {
    ...(delay
      ? {
          delay: {
            faultDelaySecifier: { case: 'fixedDelay', value: duration(parseDuration(delay) ?? 0) },
            percentage: fractionalPercent(delayPercent(fault?.delay)),
          },
        }
      : {}),
    ...(errorType ? { abort: { errorType, percentage: fractionalPercent(fault?.abort?.percentage?.value ?? 0) } } : {}),
  })
}

/** `percentage` wins over the old `percent` even when it is empty. */
function delayPercent(delay: HttpFaultInjection['delay']): number {
  return (delay?.percentage ? delay.percentage.value : delay?.percent) ?? 0
}

function abortType(
  abort: HttpFaultInjection['abort'],
): NonNullable<MessageInitShape<typeof FaultAbortSchema>['errorType']> | undefined {
  if (abort?.httpStatus !== undefined) return { case: 'httpStatus', value: abort.httpStatus }
  const code = abort?.grpcStatus === undefined ? undefined : GRPC_STATUS[abort.grpcStatus]
  return code === undefined ? undefined : { case: 'grpcStatus', value: code }
}
