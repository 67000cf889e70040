import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { type RouteConfiguration, RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { encode, make } from '../../../proto/make.ts'
import { virtualHostBytes } from './virtual-host.ts'

const VIRTUAL_HOSTS = RouteConfigurationSchema.field.virtualHosts.number

/**
 * The same bytes as encoding the whole message, but virtual hosts that were encoded before are only copied: a table of
 * thousands changes in one of them. Fields stand in the order of their numbers, and only the name comes before the
 * virtual hosts.
 */
export function encodeTable(message: RouteConfiguration): Uint8Array {
  const writer = new BinaryWriter()
  writer.raw(encode(RouteConfigurationSchema, make(RouteConfigurationSchema, { name: message.name })))
  for (const host of message.virtualHosts)
    writer.tag(VIRTUAL_HOSTS, WireType.LengthDelimited).bytes(virtualHostBytes(host))
  writer.raw(encode(RouteConfigurationSchema, { ...message, name: '', virtualHosts: [] }))
  return writer.finish()
}
