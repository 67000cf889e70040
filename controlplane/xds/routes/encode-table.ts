import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { type RouteConfiguration, RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { encode, make } from '../../../proto/make.ts'
import { virtualHostBytes } from './virtual-host.ts'

/** What stands before each virtual host and its length. */
const TAG = new BinaryWriter()
  .tag(RouteConfigurationSchema.field.virtualHosts.number, WireType.LengthDelimited)
  .finish()

/**
 * The same bytes as encoding the whole message, but virtual hosts that were encoded before are only copied: a table of
 * thousands changes in one of them. Fields stand in the order of their numbers, and only the name comes before the
 * virtual hosts.
 */
export function encodeTable(message: RouteConfiguration): Uint8Array {
  const before = encode(RouteConfigurationSchema, make(RouteConfigurationSchema, { name: message.name }))
  const after = encode(RouteConfigurationSchema, { ...message, name: '', virtualHosts: [] })
  const hosts = message.virtualHosts.map(virtualHostBytes)
  let size = before.length + after.length
  for (const { length } of hosts) size += TAG.length + varintSize(length) + length
  const table = new Uint8Array(size)
  table.set(before)
  let at = before.length
  for (const host of hosts) {
    table.set(TAG, at)
    at = putVarint(table, at + TAG.length, host.length)
    table.set(host, at)
    at += host.length
  }
  table.set(after, at)
  return table
}

/** https://protobuf.dev/programming-guides/encoding/#varints */
function varintSize(value: number): number {
  let size = 1
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) size++
  return size
}

function putVarint(into: Uint8Array, at: number, value: number): number {
  let rest = value
  let position = at
  for (; rest > 127; rest >>>= 7) into[position++] = (rest & 127) | 128
  into[position++] = rest
  return position
}
