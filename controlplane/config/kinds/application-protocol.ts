import type * as z from 'zod'
import type { KindDefinition } from '../kind.ts'
import { message, required } from '../schema.ts'
import { text } from '../syntax/values.ts'

const applicationProtocolSpec = message({
  protocol: required(text.min(1), 'Name of the protocol; ports named tcp-metaprotocol-NAME use it.'),
  codec: required(text.min(1), 'Name of the codec.'),
})
export type ApplicationProtocolSpec = z.infer<typeof applicationProtocolSpec>

export const applicationProtocol: KindDefinition<ApplicationProtocolSpec> = {
  kind: 'ApplicationProtocol',
  group: 'metaprotocol.aeraki.io',
  versions: ['v1alpha1'],
  doc: 'Names a private protocol and its codec.',
  compiled: true,
  schema: applicationProtocolSpec,
}
