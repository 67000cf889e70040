import type { MessageInitShape } from '@bufbuild/protobuf'
import type { DirectResponseActionSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import type { HttpDirectResponse } from '../../config/kinds/http/direct-response.ts'

/** Largest body of a direct response, as in Istio; Envoy's own limit is 4 KiB. */
export const MAX_DIRECT_RESPONSE_BYTES = 1024 * 1024

/** A fixed answer; `bytes` is base64, as protobuf JSON writes it. */
export function directResponseAction(
  response: HttpDirectResponse,
): MessageInitShape<typeof DirectResponseActionSchema> {
  const { status, body } = response
  if (body?.string !== undefined) return { status, body: { specifier: { case: 'inlineString', value: body.string } } }
  if (body?.bytes !== undefined)
    return { status, body: { specifier: { case: 'inlineBytes', value: Buffer.from(body.bytes, 'base64') } } }
  return { status }
}
