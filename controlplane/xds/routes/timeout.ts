import type { MessageInitShape } from '@bufbuild/protobuf'
import type { RouteActionSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { duration } from '../../../proto/make.ts'
import { parseDuration } from '../../config/syntax/duration.ts'
import { isGrpcClient, type RouteContext } from './context.ts'

/**
 * Time for a whole request; none unless the rule sets one (Envoy's own default is 15 s). Without one a caller's
 * `grpc-timeout` is what holds; with one it holds for gRPC, too, and a shorter deadline is up to the caller, who keeps
 * it anyway.
 *
 * Istio sets `max_grpc_timeout` for this, which Envoy calls deprecated and warns of once for every route of every
 * update. Its successor cannot stand beside a time limit: Envoy then ignores `timeout`, with its 504 and its retries.
 * gRPC libraries read only the successor (gRFC A31).
 */
export function timeouts(
  text: string | undefined,
  context: RouteContext,
): Pick<MessageInitShape<typeof RouteActionSchema>, 'timeout' | 'maxStreamDuration'> {
  const ms = parseDuration(text ?? '0') ?? 0
  if (isGrpcClient(context)) return { maxStreamDuration: { maxStreamDuration: duration(ms) } }
  if (ms > 0) return { timeout: duration(ms) }
  return { timeout: duration(0), maxStreamDuration: { grpcTimeoutHeaderMax: duration(0) } }
}
