import type { MessageInitShape } from '@bufbuild/protobuf'
import type { RateLimit } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import type { LocalRateLimitDescriptorSchema } from '../../../proto/gen/envoy/extensions/common/ratelimit/v3/ratelimit_pb.ts'
import type { Origin } from '../../config/object.ts'

export type LocalDescriptor = MessageInitShape<typeof LocalRateLimitDescriptorSchema>

/** A limit of a virtual host, with its place in a document. */
export interface CompiledRateLimit {
  readonly limit: RateLimit
  readonly origin: Origin
  /** What the proxy counts by itself; undefined for a limit the service counts. */
  readonly local: readonly LocalDescriptor[] | undefined
}
