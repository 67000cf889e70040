import type { JsonObject } from '@bufbuild/protobuf'
import { checkDocument } from '../../codecs/document.ts'
import { shippedProtocols } from '../../codecs/load.ts'
import type { Protocol } from '../../proto/gen/meshgate/v1/protocol_pb.ts'
import type { ProtocolSource } from '../configuration.ts'
import { refuse } from './refusal.ts'

/**
 * A protocol. Layouts are compiled here once more: whatever made the resource, nothing that cannot be safe gets in. Code is never
 * taken over the network.
 * @throws Refusal
 */
export function readProtocol({ name, codec }: Protocol): ProtocolSource {
  if (codec.case === 'shipped') {
    if (!(shippedProtocols as readonly string[]).includes(codec.value))
      refuse('shipped', `this proxy brings no protocol "${codec.value}", only ${shippedProtocols.join(', ')}`)
    return { name, shipped: codec.value }
  }
  if (codec.case === 'local') {
    const { layout } = codec.value
    return { name, local: true, ...(layout && { layout: readLayout(name, layout) }) }
  }
  if (codec.case !== 'layout')
    return refuse('codec', 'a layout, the name of a shipped protocol, or a codec of the proxy itself is needed')
  return { name, layout: readLayout(name, codec.value) }
}

function readLayout(name: string, layout: JsonObject): JsonObject {
  if ('module' in layout) refuse('layout.module', 'codecs in code are not taken from a control plane')
  const document = { apiVersion: 'meshgate.io/v1', kind: 'Protocol', metadata: { name }, spec: layout }
  const { issues } = checkDocument(document)
  const errors = issues.filter(({ severity }) => severity === 'error')
  const [first] = errors
  if (first) {
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''
    refuse(['layout', ...first.path.slice(1)].join('.'), `${first.message}${more}`)
  }
  return layout
}
