import type { MessageInitShape } from '@bufbuild/protobuf'
import type { DirectResponseActionSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'

/**
 * The answer for a destination that does not exist: says so at once, instead of a cluster name nobody knows, for which
 * Envoy answers an empty 503 (and an on-demand client waits). See docs/decisions/missing-destinations.md.
 */
export function missingAnswer(reason: string): MessageInitShape<typeof DirectResponseActionSchema> {
  return { status: 503, body: { specifier: { case: 'inlineString', value: `meshgate: ${reason}\n` } } }
}
