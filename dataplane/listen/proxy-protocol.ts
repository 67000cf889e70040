import { isIPv4, isIPv6, SocketAddress as NetAddress } from 'node:net'

/** @see https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt */

export interface Endpoint {
  readonly host: string
  readonly port: number
}
export interface Addresses {
  readonly source: Endpoint
  readonly destination: Endpoint
}

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const longestLine = 107

export type ProxyHeader =
  | { readonly state: 'more' }
  | { readonly state: 'bad'; readonly reason: string }
  /** `length` bytes are the header. Without addresses the connection is the proxy's own (LOCAL, UNKNOWN). */
  | { readonly state: 'done'; readonly length: number; readonly addresses?: Addresses }

const bad = (reason: string): ProxyHeader => ({ state: 'bad', reason })
const more: ProxyHeader = { state: 'more' }

/** Reads the header, of either version, at the start of a connection. */
export function readProxyHeader(b: Uint8Array): ProxyHeader {
  const buffer = Buffer.from(b.buffer, b.byteOffset, b.length)
  const seen = Math.min(b.length, signature.length)
  if (buffer.subarray(0, seen).equals(signature.subarray(0, seen))) {
    return seen < signature.length || b.length < 16 ? more : readV2(buffer)
  }
  const word = buffer.subarray(0, Math.min(6, b.length)).toString('latin1')
  return 'PROXY '.startsWith(word) ? readV1(buffer) : bad('no PROXY protocol header')
}

function readV1(b: Buffer): ProxyHeader {
  const end = b.subarray(0, longestLine).indexOf('\r\n')
  if (end < 0) return b.length >= longestLine ? bad('the line is longer than 107 bytes') : more
  const parts = b.subarray(0, end).toString('latin1').split(' ')
  const length = end + 2
  if (parts[1] === 'UNKNOWN') return { state: 'done', length }
  const [, family, source, destination, sourcePort, destinationPort] = parts
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined
  if (!isAddress || parts.length !== 6)
    return bad('a line of PROXY, TCP4 or TCP6, two addresses and two ports expected')
  if (!isAddress(source!) || !isAddress(destination!)) return bad('an address is none of its family')
  const ports = [sourcePort!, destinationPort!].map((text) => (/^\d{1,5}$/.test(text) ? Number(text) : Number.NaN))
  if (!ports.every((port) => port <= 65535)) return bad('a port is not 0 to 65535')
  return {
    state: 'done',
    length,
    addresses: { source: { host: source!, port: ports[0]! }, destination: { host: destination!, port: ports[1]! } },
  }
}

function readV2(b: Buffer): ProxyHeader {
  const versionCommand = b[12]!
  if (versionCommand >> 4 !== 2) return bad(`version ${versionCommand >> 4} is not 2`)
  const size = b.readUInt16BE(14)
  if (size > 4096) return bad(`a header of ${size} bytes`)
  const length = 16 + size
  if (b.length < length) return more
  const command = versionCommand & 15
  if (command === 0) return { state: 'done', length }
  if (command !== 1) return bad(`command ${command}`)
  const family = b[13]! >> 4
  if (family === 1) {
    if (size < 12) return bad('addresses of IPv4 take 12 bytes')
    const host = (at: number) => [...b.subarray(at, at + 4)].join('.')
    return {
      state: 'done',
      length,
      addresses: {
        source: { host: host(16), port: b.readUInt16BE(24) },
        destination: { host: host(20), port: b.readUInt16BE(26) },
      },
    }
  }
  if (family === 2) {
    if (size < 36) return bad('addresses of IPv6 take 36 bytes')
    const host = (at: number) => {
      const groups = Array.from({ length: 8 }, (_, i) => b.readUInt16BE(at + i * 2).toString(16))
      return new NetAddress({ address: groups.join(':'), family: 'ipv6' }).address
    }
    return {
      state: 'done',
      length,
      addresses: {
        source: { host: host(16), port: b.readUInt16BE(48) },
        destination: { host: host(32), port: b.readUInt16BE(50) },
      },
    }
  }
  // Unix sockets and what is not said.
  return { state: 'done', length }
}

/** A header for a connection of ours; without addresses it says that nobody is behind it. */
export function encodeProxyHeader(version: 'v1' | 'v2', addresses: Addresses | undefined): Buffer {
  const same = addresses && isIPv4(addresses.source.host) === isIPv4(addresses.destination.host)
  if (version === 'v1') {
    if (!addresses || !same) return Buffer.from('PROXY UNKNOWN\r\n')
    const { source, destination } = addresses
    const family = isIPv4(source.host) ? 'TCP4' : 'TCP6'
    return Buffer.from(`PROXY ${family} ${source.host} ${destination.host} ${source.port} ${destination.port}\r\n`)
  }
  if (!addresses || !same) return Buffer.concat([signature, Buffer.from([0x20, 0, 0, 0])])
  const { source, destination } = addresses
  const v4 = isIPv4(source.host)
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(source.port, 0)
  ports.writeUInt16BE(destination.port, 2)
  const body = Buffer.concat([addressBytes(source.host), addressBytes(destination.host), ports])
  return Buffer.concat([signature, Buffer.from([0x21, v4 ? 0x11 : 0x21, 0, body.length]), body])
}

function addressBytes(host: string): Buffer {
  if (isIPv4(host)) return Buffer.from(host.split('.').map(Number))
  // Only an end in dotted form (::ffff:10.0.0.1) is not hexadecimal.
  const plain = host.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [(Number(a) << 8) | Number(b), (Number(c) << 8) | Number(d)].map((group) => group.toString(16)).join(':'),
  )
  const [left = '', right] = plain.split('::')
  const groups = (text: string | undefined) => (text ? text.split(':') : [])
  const head = groups(left)
  const tail = groups(right)
  const zeros = new Array<string>(right === undefined ? 0 : 8 - head.length - tail.length).fill('0')
  const bytes = Buffer.alloc(16)
  ;[...head, ...zeros, ...tail].forEach((group, i) => {
    bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2)
  })
  return bytes
}
