import type { MessageInitShape } from '@bufbuild/protobuf'
import type { TokenBucketSchema } from '../../../proto/gen/envoy/type/v3/token_bucket_pb.ts'
import type { MessageRateLimitSchema } from '../../../proto/gen/meshgate/v1/message_route_pb.ts'
import { duration } from '../../../proto/make.ts'
import { parseDuration } from '../../config/syntax/duration.ts'

export type RateLimit = MessageInitShape<typeof MessageRateLimitSchema>

interface Bucket {
  readonly maxTokens?: number | undefined
  readonly tokensPerFill?: number | undefined
  readonly fillInterval?: string | undefined
}

/** An empty bucket (`maxTokens: 0`, or none said) lets nothing through, as Envoy's does. */
export function tokenBucket(bucket: Bucket): MessageInitShape<typeof TokenBucketSchema> {
  return {
    maxTokens: bucket.maxTokens ?? 0,
    tokensPerFill: bucket.tokensPerFill ?? 1,
    fillInterval: duration(parseDuration(bucket.fillInterval ?? '1s') ?? 1000),
  }
}
