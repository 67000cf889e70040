import type { MessageInitShape } from '@bufbuild/protobuf'
import type { OutlierDetectionSchema } from '../../../proto/gen/envoy/config/cluster/v3/outlier_detection_pb.ts'
import type { MatchPredicateSchema } from '../../../proto/gen/envoy/config/common/matcher/v3/matcher_pb.ts'
import type { OutlierDetection } from '../../config/kinds/policy/outlier-detection.ts'
import { durationOf } from './duration.ts'

/**
 * Ejection of endpoints that fail. Only consecutive errors count, as in Istio: Envoy's success-rate ejection is turned off.
 * A count of 0 turns that kind off; what is not set keeps Envoy's default.
 */
export function outlierDetection(outlier: OutlierDetection): MessageInitShape<typeof OutlierDetectionSchema> {
  const gatewayErrors = outlier.consecutiveGatewayErrors
  const local = outlier.splitExternalLocalOriginErrors ? outlier.consecutiveLocalOriginFailures : undefined
  return {
    consecutive5xx: outlier.consecutive5xxErrors,
    enforcingConsecutive5xx: enforcing(outlier.consecutive5xxErrors),
    consecutiveGatewayFailure: gatewayErrors,
    enforcingConsecutiveGatewayFailure: enforcing(gatewayErrors),
    interval: durationOf(outlier.interval),
    baseEjectionTime: durationOf(outlier.baseEjectionTime),
    maxEjectionPercent: outlier.maxEjectionPercent || undefined,
    enforcingSuccessRate: 0,
    splitExternalLocalOriginErrors: outlier.splitExternalLocalOriginErrors ?? false,
    consecutiveLocalOriginFailure: local,
    enforcingConsecutiveLocalOriginFailure: enforcing(local),
    enforcingLocalOriginSuccessRate: outlier.splitExternalLocalOriginErrors ? 0 : undefined,
  }
}

/**
 * Percentage of healthy endpoints below which Envoy uses all of them. With ejection it is off unless asked for: a service
 * of two endpoints would never have one ejected. Undefined leaves Envoy's 50.
 */
export function panicThreshold(outlier: OutlierDetection | undefined): number | undefined {
  return outlier && Math.max(0, outlier.minHealthPercent ?? 0)
}

/** Which responses count as errors, when it is not every 5xx. */
export function errorMatcher(
  outlier: OutlierDetection | undefined,
): MessageInitShape<typeof MatchPredicateSchema> | undefined {
  const codes = outlier?.outlierDetectionHttpErrorCodes ?? []
  if (codes.length === 0) return undefined
  const rules = codes.map(statusIs)
  return rules.length === 1 ? rules[0] : { rule: { case: 'orMatch', value: { rules } } }
}

function statusIs(code: number): MessageInitShape<typeof MatchPredicateSchema> {
  const status = { matchPattern: { case: 'exact', value: String(code) } } as const
  return {
    rule: {
      case: 'httpResponseHeadersMatch',
      value: { headers: [{ name: ':status', headerMatchSpecifier: { case: 'stringMatch', value: status } }] },
    },
  }
}

function enforcing(count: number | undefined): number | undefined {
  return count === undefined ? undefined : count > 0 ? 100 : 0
}
