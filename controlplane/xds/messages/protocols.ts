import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ProtocolSchema } from '../../../proto/gen/meshgate/v1/protocol_pb.ts'
import type { ApplicationProtocolSpec } from '../../config/kinds/application-protocol.ts'
import type { ProtocolSpec } from '../../config/kinds/protocol.ts'
import type { Origin } from '../../config/object.ts'
import { documentInfo, isShipped, numberedSpec, type ProtocolInfo, shippedInfo } from '../../config/protocols.ts'
import { portProtocolName } from '../../config/syntax/protocol-name.ts'
import type { World } from '../../model/index.ts'
import type { PortProtocol } from '../../model/service.ts'

/** A protocol that ports may be named for. */
export interface KnownProtocol {
  readonly name: string
  readonly info: ProtocolInfo
  readonly codec: NonNullable<MessageInitShape<typeof ProtocolSchema>['codec']>
  readonly origins: readonly Origin[]
}

/**
 * The protocol of a name: a Protocol document, else what an ApplicationProtocol names as its codec (the last word of Aeraki's
 * codec names is the protocol), else one that comes with the package. A codec in code is only named: the proxy has it or refuses the protocol.
 */
function findProtocol(world: World, name: string): KnownProtocol | undefined {
  const alias = world
    .all<ApplicationProtocolSpec>('ApplicationProtocol')
    .find(({ spec }) => spec.protocol.toLowerCase() === name)
  const own = named(world, name)
  if (own || !alias) return own
  const codec = named(world, alias.spec.codec.toLowerCase().split('.').at(-1)!)
  return codec && { ...codec, name, origins: [{ object: alias, path: ['spec', 'codec'] }, ...codec.origins] }
}

function named(world: World, name: string): KnownProtocol | undefined {
  const document = world.all<ProtocolSpec>('Protocol').find((object) => object.name === name)
  const info = document && documentInfo(document)
  if (info) {
    const { module, ...spec } = numberedSpec(document)
    const layout = spec.frame && plainJson(spec)
    return {
      name,
      info,
      codec: module !== undefined || !layout ? { case: 'local', value: { layout } } : { case: 'layout', value: layout },
      origins: [{ object: document, path: ['spec'] }],
    }
  }
  if (!isShipped(name)) return undefined
  return { name, info: shippedInfo(name), codec: { case: 'shipped', value: name }, origins: [] }
}

/** google.protobuf.Struct holds JSON only. */
function plainJson(value: unknown) {
  return JSON.parse(JSON.stringify(value)) as Record<string, never>
}

/** A port as a ServiceEntry, Gateway or Sidecar declares it. */
export interface NamedPort {
  readonly name: string
  /** As the port's protocol says, with Istio's rule where it says nothing. */
  readonly protocol: PortProtocol
  readonly protocolName: string
}

const L7: ReadonlySet<PortProtocol> = new Set(['http', 'http2', 'grpc', 'grpc-web', 'https', 'udp'])

/**
 * The private protocol a port is named for, by `<protocol>[-suffix]` or Aeraki's `tcp-metaprotocol-<protocol>[-suffix]`. A port
 * whose `protocol` field says HTTP or UDP is none, whatever its name.
 */
export function protocolOfPort(world: World, port: NamedPort): KnownProtocol | undefined {
  if (L7.has(port.protocol)) return undefined
  for (const candidate of [portProtocolName(port.name), port.protocolName]) {
    const found = candidate ? findProtocol(world, candidate) : undefined
    if (found) return found
  }
  return undefined
}
