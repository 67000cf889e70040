import type { MessageInitShape } from '@bufbuild/protobuf'
import type { RuntimeFractionalPercentSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts'
import {
  FractionalPercent_DenominatorType as Denominator,
  type FractionalPercentSchema,
} from '../../../proto/gen/envoy/type/v3/percent_pb.ts'

/** A percentage (0 to 100, fractions allowed) in millionths, the finest Envoy knows. */
export function fractionalPercent(percentage: number): MessageInitShape<typeof FractionalPercentSchema> {
  const millionths = Math.round(Math.min(Math.max(percentage, 0), 100) * 10_000)
  return { numerator: millionths, denominator: Denominator.MILLION }
}

/** A fixed percentage where Envoy would also take a runtime key. */
export function fixedFraction(percentage: number): MessageInitShape<typeof RuntimeFractionalPercentSchema> {
  return { defaultValue: fractionalPercent(percentage) }
}
