/**
 * Reads captures (pcap and pcapng) and puts TCP payloads in order, one stream per direction. IPv4 and IPv6 over Ethernet (VLAN too),
 * Linux cooked, loopback and raw IP. @see https://www.tcpdump.org/linktypes.html, https://ietf-opsawg-wg.github.io/draft-ietf-opsawg-pcap/
 */

/** One direction of a TCP connection. */
export interface Flow {
  /** `address:port` */
  readonly from: string
  readonly to: string
  /** The payload in order, without what was sent twice. */
  readonly bytes: Uint8Array
  /** Offsets in `bytes` before which the capture lacks some: decoding across them makes no sense. */
  readonly gaps: readonly number[]
  /** ms since 1970 of the first packet with payload. */
  readonly start: number
}

interface Packet {
  readonly data: Uint8Array
  readonly link: number
  readonly time: number
}

interface Segment {
  readonly seq: number
  readonly data: Uint8Array
}

interface Stream {
  readonly from: string
  readonly to: string
  readonly start: number
  readonly segments: Segment[]
  /** Sequence number of the first payload byte, when the SYN was seen. */
  first: number | undefined
}

/** @throws SyntaxError when the bytes are no capture. A capture that ends within a packet is read up to there. */
export function readPcap(bytes: Uint8Array): readonly Flow[] {
  const streams = new Map<string, Stream>()
  for (const packet of packets(bytes)) addPacket(streams, packet)
  return [...streams.values()].filter(({ segments }) => segments.length > 0).map(assemble)
}

function* packets(bytes: Uint8Array): Generator<Packet> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 12) throw new SyntaxError('no capture: the file is shorter than any header')
  const magic = view.getUint32(0, false)
  if (magic === 0x0a0d0d0a) return yield* pcapng(bytes, view)
  const formats: Record<number, readonly [boolean, number]> = {
    2712847316: [false, 1e3],
    3569595041: [true, 1e3],
    2712812621: [false, 1e6],
    1295823521: [true, 1e6],
  }
  const format = formats[magic]
  if (!format)
    throw new SyntaxError(`no capture: it starts with ${magic.toString(16).padStart(8, '0')}, neither pcap nor pcapng`)
  const [le, ticks] = format
  if (bytes.length < 24) return
  const link = view.getUint32(20, le) & 0xffff
  for (let at = 24; at + 16 <= bytes.length; ) {
    const captured = view.getUint32(at + 8, le)
    const end = at + 16 + captured
    if (end > bytes.length) return
    yield {
      link,
      data: bytes.subarray(at + 16, end),
      time: view.getUint32(at, le) * 1000 + view.getUint32(at + 4, le) / ticks,
    }
    at = end
  }
}

function* pcapng(bytes: Uint8Array, view: DataView): Generator<Packet> {
  let le = false
  let links: { readonly link: number; readonly perMs: number }[] = []
  for (let at = 0; at + 12 <= bytes.length; ) {
    const section = view.getUint32(at, false) === 0x0a0d0d0a
    if (section) {
      le = view.getUint32(at + 8, false) === 0x4d3c2b1a
      links = []
    }
    const type = section ? 0 : view.getUint32(at, le)
    const size = view.getUint32(at + 4, le)
    if (size < 12 || size % 4 !== 0 || at + size > bytes.length) return
    if (type === 1 && size >= 20)
      links.push({ link: view.getUint16(at + 8, le), perMs: resolution(view, at + 16, at + size - 4, le) })
    if (type === 6 && size >= 32) {
      const on = links[view.getUint32(at + 8, le)]
      const captured = view.getUint32(at + 20, le)
      const time = view.getUint32(at + 12, le) * 2 ** 32 + view.getUint32(at + 16, le)
      if (on && captured <= size - 32)
        yield { link: on.link, data: bytes.subarray(at + 28, at + 28 + captured), time: time / on.perMs }
    }
    if (type === 3 && links[0] && size >= 16) {
      const captured = Math.min(view.getUint32(at + 8, le), size - 16)
      yield { link: links[0].link, data: bytes.subarray(at + 12, at + 12 + captured), time: 0 }
    }
    at += size
  }
}

/** Ticks per ms of an interface: option 9, default microseconds. */
function resolution(view: DataView, at: number, end: number, le: boolean): number {
  while (at + 4 <= end) {
    const code = view.getUint16(at, le)
    const length = view.getUint16(at + 2, le)
    if (code === 9 && length >= 1 && at + 5 <= end) {
      const value = view.getUint8(at + 4)
      return (value & 0x80 ? 2 ** (value & 0x7f) : 10 ** value) / 1000
    }
    if (code === 0) break
    at += 4 + Math.ceil(length / 4) * 4
  }
  return 1000
}

/** Offset of the IP header, -1 when the packet carries none. */
function ipOffset(link: number, data: Uint8Array): number {
  const u16 = (at: number) => (data[at]! << 8) | data[at + 1]!
  if (link === 1) {
    let at = 12
    while (at + 2 <= data.length && (u16(at) === 0x8100 || u16(at) === 0x88a8)) at += 4
    return u16(at) === 0x0800 || u16(at) === 0x86dd ? at + 2 : -1
  }
  if (link === 0 || link === 108) return 4
  if (link === 12 || link === 14 || link === 101 || link === 228 || link === 229) return 0
  if (link === 113) return u16(14) === 0x0800 || u16(14) === 0x86dd ? 16 : -1
  if (link === 276) return u16(0) === 0x0800 || u16(0) === 0x86dd ? 20 : -1
  return -1
}

function addPacket(streams: Map<string, Stream>, { data, link, time }: Packet): void {
  const ip = ipOffset(link, data)
  if (ip < 0 || ip + 20 > data.length) return
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const version = data[ip]! >> 4
  const tcp = version === 4 ? tcpOfIpv4(data, view, ip) : version === 6 ? tcpOfIpv6(data, view, ip) : undefined
  if (!tcp || tcp.at + 20 > tcp.end) return
  const { at, end, source, target } = tcp
  const from = `${source}:${view.getUint16(at, false)}`
  const to = `${target}:${view.getUint16(at + 2, false)}`
  const seq = view.getUint32(at + 4, false)
  const payload = data.subarray(at + (data[at + 12]! >> 4) * 4, end)
  const syn = (data[at + 13]! & 0x02) !== 0
  const key = `${from} ${to}`
  let stream = streams.get(key)
  // A SYN on used ports is another connection.
  if (stream && syn && stream.segments.length > 0 && stream.first !== (seq + 1) >>> 0) {
    streams.set(`${key} ${streams.size}`, stream)
    stream = undefined
  }
  if (!stream) {
    stream = { from, to, start: time, segments: [], first: undefined }
    streams.set(key, stream)
  }
  if (syn) stream.first = (seq + 1) >>> 0
  if (payload.length > 0) stream.segments.push({ seq: syn ? (seq + 1) >>> 0 : seq, data: payload })
}

function tcpOfIpv4(data: Uint8Array, view: DataView, ip: number) {
  const header = (data[ip]! & 15) * 4
  const total = view.getUint16(ip + 2, false)
  // Fragments beyond the first have no TCP header.
  if (data[ip + 9] !== 6 || (view.getUint16(ip + 6, false) & 0x1fff) !== 0 || header < 20) return undefined
  // Offloading leaves the total at 0.
  const end = Math.min(data.length, total === 0 ? data.length : ip + total)
  const address = (at: number) => [...data.subarray(at, at + 4)].join('.')
  return { at: ip + header, end, source: address(ip + 12), target: address(ip + 16) }
}

function tcpOfIpv6(data: Uint8Array, view: DataView, ip: number) {
  if (ip + 40 > data.length) return undefined
  const length = view.getUint16(ip + 4, false)
  const end = Math.min(data.length, length === 0 ? data.length : ip + 40 + length)
  let next = data[ip + 6]!
  let at = ip + 40
  while ((next === 0 || next === 43 || next === 60) && at + 8 <= end) {
    next = data[at]!
    at += (data[at + 1]! + 1) * 8
  }
  if (next !== 6) return undefined
  const address = (from: number) => {
    const words = Array.from({ length: 8 }, (_, i) => view.getUint16(from + i * 2, false).toString(16))
    return `[${words.join(':').replace(/(^|:)0(:0)+(:|$)/, '::')}]`
  }
  return { at, end, source: address(ip + 8), target: address(ip + 24) }
}

/** Orders segments by sequence number (which wraps), drops what overlaps, and marks what is missing. */
function assemble(stream: Stream): Flow {
  const origin = stream.first ?? stream.segments[0]!.seq
  const placed = stream.segments
    .map(({ seq, data }) => ({ at: (seq - origin) | 0, data }))
    .filter(({ at, data }) => at + data.length > 0)
    .sort((a, b) => a.at - b.at)
  const parts: Uint8Array[] = []
  const gaps: number[] = []
  let next = stream.first === undefined ? (placed[0]?.at ?? 0) : 0
  let size = 0
  for (const { at, data } of placed) {
    if (at + data.length <= next) continue
    if (at > next) gaps.push(size)
    const fresh = at < next ? data.subarray(next - at) : data
    parts.push(fresh)
    size += fresh.length
    next = at + data.length
  }
  const bytes = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return { from: stream.from, to: stream.to, start: stream.start, bytes, gaps }
}
