import type { MessageInitShape } from '@bufbuild/protobuf'
import type { RouteActionSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { duration } from '../../../proto/make.ts'
import { parseDuration } from '../../config/syntax/duration.ts'
import { isGrpcClient, type RouteContext } from './context.ts'

/**
 * Time for a whole request; none unless the rule sets one (Envoy's own default is 15 s). A caller's `grpc-timeout` holds up to the same
 * limit. Envoy calls `max_grpc_timeout` deprecated, but what replaces it resets the stream where this answers 504; gRPC
 * libraries read only the replacement (gRFC A31).
 */
export function timeouts(
  text: string | undefined,
  context: RouteContext,
): Pick<MessageInitShape<typeof RouteActionSchema>, 'timeout' | 'maxGrpcTimeout' | 'maxStreamDuration'> {
  const limit = duration(parseDuration(text ?? '0') ?? 0)
  if (isGrpcClient(context)) return { maxStreamDuration: { maxStreamDuration: limit } }
  return { timeout: limit, maxGrpcTimeout: limit }
}
