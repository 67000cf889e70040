import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { type RouteConfiguration, RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { encode, make } from '../../../proto/make.ts'
import { putVarint, varintSize } from './varint.ts'

/** What stands before each virtual host and its length. */
const TAG = new BinaryWriter()
  .tag(RouteConfigurationSchema.field.virtualHosts.number, WireType.LengthDelimited)
  .finish()

/**
 * The same bytes as encoding the whole message, but virtual hosts that were encoded before are only copied: a table of
 * thousands changes in one of them. Fields stand in the order of their numbers, and only the name comes before the
 * virtual hosts.
 * @param head the table without virtual hosts
 * @param hosts encoded
 */
export function encodeTable(head: RouteConfiguration, hosts: readonly Uint8Array[]): Uint8Array {
  const before = encode(RouteConfigurationSchema, make(RouteConfigurationSchema, { name: head.name }))
  const after = encode(RouteConfigurationSchema, { ...head, name: '' })
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
