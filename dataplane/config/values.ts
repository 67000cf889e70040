import { isIPv6, SocketAddress as NodeAddress } from 'node:net'
import type { Duration } from '@bufbuild/protobuf/wkt'
import type { Address } from '../../proto/gen/envoy/config/core/v3/address_pb.ts'
import type { SocketAddress } from '../configuration.ts'
import { refuse } from './refusal.ts'

/** The longest time a timer can wait; one that is given more fires at once. */
export const MOST_MS = 2 ** 31 - 1

/** Milliseconds of a duration; undefined when it is absent. @throws Refusal for what no timer can wait */
export function milliseconds(path: string, duration: Duration | undefined): number | undefined {
  if (!duration) return undefined
  const ms = Number(duration.seconds) * 1000 + duration.nanos / 1e6
  if (!(ms >= 0)) refuse(path, `${ms} ms is negative`)
  return Math.min(ms, MOST_MS)
}

/** A part of a whole in millionths as percent. @throws Refusal */
export function percentage(path: string, millionths: number): number {
  if (millionths > 1_000_000) refuse(path, `${millionths} millionths are more than the whole`)
  return millionths / 10_000
}

/** Where to listen or connect. @throws Refusal for addresses that are neither TCP nor a Unix socket */
export function socketAddress(path: string, address: Address | undefined): SocketAddress {
  const of = address?.address
  if (of?.case === 'pipe') {
    if (of.value.path === '') refuse(path, 'the path of the Unix socket is empty')
    return { path: of.value.path.startsWith('@') ? `\0${of.value.path.slice(1)}` : of.value.path }
  }
  if (of?.case !== 'socketAddress') return refuse(path, 'a socket address or a pipe is needed')
  const { address: host, portSpecifier } = of.value
  if (host === '') refuse(path, 'the address is empty')
  if (portSpecifier.case !== 'portValue') return refuse(path, 'the port must be a number')
  if (portSpecifier.value > 65_535) refuse(path, `${portSpecifier.value} is no port`)
  return { host: canonical(host), port: portSpecifier.value }
}

/** IPv6 in its shortest form: Envoy hashes addresses so, whatever was written. Zones are left as they are. */
function canonical(host: string): string {
  return isIPv6(host) && !host.includes('%') ? new NodeAddress({ address: host, family: 'ipv6' }).address : host
}

/** Leaves out what is undefined: the configuration says nothing instead. */
export function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never
}
