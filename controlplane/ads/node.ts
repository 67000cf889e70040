import { fromBinary } from '@bufbuild/protobuf'
import { type Node, NodeSchema } from '../../proto/gen/envoy/config/core/v3/base_pb.ts'
import type { Form } from '../subscription/request.ts'
import type { NodeInfo } from '../xds/resource.ts'

/** What a client said about itself, before anybody checked whether it may. @throws Error when the bytes are no Node. */
export function readNode(bytes: Uint8Array, protocol: Form): NodeInfo {
  const node = fromBinary(NodeSchema, bytes)
  return {
    id: node.id,
    cluster: node.cluster,
    metadata: node.metadata ?? {},
    locality: {
      region: node.locality?.region ?? '',
      zone: node.locality?.zone ?? '',
      subZone: node.locality?.subZone ?? '',
    },
    userAgent: userAgent(node),
    protocol,
    secretsAllowed: false,
  }
}

/** `envoy/1.39.3`, `gRPC Node Pure JS/1.14.7`; empty when the client keeps it to itself. */
function userAgent(node: Node): string {
  const { userAgentName: name, userAgentVersionType: version } = node
  if (version.case === 'userAgentVersion') return `${name}/${version.value}`
  const number = version.case === 'userAgentBuildVersion' ? version.value.version : undefined
  return number ? `${name}/${number.majorNumber}.${number.minorNumber}.${number.patch}` : name
}
