import * as z from 'zod'
import { checked, message, optional, type Report } from '../../schema.ts'
import { bool, duration, int32, uint32 } from '../../syntax/values.ts'

const outlierDetectionFields = message({
  consecutiveErrors: optional(int32, 'Errors in a row before an endpoint is ejected; without effect.', {
    deprecated: 'use consecutiveGatewayErrors or consecutive5xxErrors',
  }),
  splitExternalLocalOriginErrors: optional(
    bool,
    'Count errors of this side (connect failure, timeout) apart from those of the endpoint.',
    {
      default: 'false',
    },
  ),
  consecutiveLocalOriginFailures: optional(uint32, 'Local errors in a row before ejection; 0 turns it off.', {
    default: '5',
    nullable: true,
  }),
  consecutiveGatewayErrors: optional(uint32, '502, 503, 504 in a row before ejection; 0 turns it off.', {
    default: '0',
    nullable: true,
  }),
  consecutive5xxErrors: optional(uint32, '5xx answers in a row before ejection; 0 turns it off.', {
    default: '5',
    nullable: true,
  }),
  interval: optional(duration, 'Time between two ejection sweeps.', { default: '10s' }),
  baseEjectionTime: optional(duration, 'Shortest ejection; it grows with every ejection of the same endpoint.', {
    default: '30s',
  }),
  maxEjectionPercent: optional(int32, 'Largest part of the endpoints that may be ejected, in percent.', {
    default: '10',
  }),
  minHealthPercent: optional(int32, 'Below this percentage of healthy endpoints all of them are used.', {
    default: '0',
  }),
  outlierDetectionHttpErrorCodes: optional(
    z.array(z.number().int().min(100).max(599)),
    'Status codes that count as errors instead of 5xx.',
  ),
})

function outlierRule(outlier: OutlierDetection, report: Report): void {
  if (!outlier.splitExternalLocalOriginErrors && (outlier.consecutiveLocalOriginFailures ?? 0) > 0)
    report(
      ['consecutiveLocalOriginFailures'],
      'consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors: true',
    )
  for (const field of ['maxEjectionPercent', 'minHealthPercent'] as const) {
    const value = outlier[field] ?? 0
    if (value < 0 || value > 100) report([field], `percentage ${value} is not in range 0..100`)
  }
}

/** When an endpoint that fails is taken out of the pool. */
export const outlierDetection = checked(outlierDetectionFields, outlierRule)
export type OutlierDetection = z.infer<typeof outlierDetectionFields>
