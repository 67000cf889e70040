import { readHuffman } from './huffman.ts'

/** The static table (https://www.rfc-editor.org/rfc/rfc7541#appendix-A), from index 1 on. */
const STATIC: readonly (readonly [name: string, value: string])[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language', ''],
  ['accept-ranges', ''],
  ['accept', ''],
  ['access-control-allow-origin', ''],
  ['age', ''],
  ['allow', ''],
  ['authorization', ''],
  ['cache-control', ''],
  ['content-disposition', ''],
  ['content-encoding', ''],
  ['content-language', ''],
  ['content-length', ''],
  ['content-location', ''],
  ['content-range', ''],
  ['content-type', ''],
  ['cookie', ''],
  ['date', ''],
  ['etag', ''],
  ['expect', ''],
  ['expires', ''],
  ['from', ''],
  ['host', ''],
  ['if-match', ''],
  ['if-modified-since', ''],
  ['if-none-match', ''],
  ['if-range', ''],
  ['if-unmodified-since', ''],
  ['last-modified', ''],
  ['link', ''],
  ['location', ''],
  ['max-forwards', ''],
  ['proxy-authenticate', ''],
  ['proxy-authorization', ''],
  ['range', ''],
  ['referer', ''],
  ['refresh', ''],
  ['retry-after', ''],
  ['server', ''],
  ['set-cookie', ''],
  ['strict-transport-security', ''],
  ['transfer-encoding', ''],
  ['user-agent', ''],
  ['vary', ''],
  ['via', ''],
  ['www-authenticate', ''],
]

/** Octets of the dynamic table of a client's headers, as long as nobody says otherwise: nor do we. */
const TABLE_SIZE = 4096
/** What an entry counts for beside its texts (https://www.rfc-editor.org/rfc/rfc7541#section-4.1). */
const ENTRY = 32
const NOTHING: Buffer = Buffer.alloc(0)
/** Longest list of headers, counted like entries. */
export const MOST_HEADERS = 64 * 1024

/** The block is not HPACK, or too long: the connection cannot go on, since its table is not known any more. */
export class HeadersUnreadable extends Error {
  override readonly name = 'HeadersUnreadable'
}

export type Header = readonly [name: string, value: string]

/** Reads the header blocks of one connection, in their order (RFC 7541). */
export class HeaderReader {
  /** Newest first. */
  private table: Header[] = []
  private size = 0
  private grown = false
  private most = TABLE_SIZE
  private bytes = NOTHING
  private at = 0

  /** @throws HeadersUnreadable */
  read(block: Buffer): Header[] {
    this.bytes = block
    this.at = 0
    const headers: Header[] = []
    let length = 0
    while (this.at < block.length) {
      const first = block[this.at]!
      if ((first & 0xe0) === 0x20) {
        if (headers.length > 0) throw new HeadersUnreadable('the size of the table changes after a header')
        this.resize(this.integer(5))
        continue
      }
      const header = first & 0x80 ? this.entry(this.integer(7)) : this.literal(first)
      length += sizeOf(header)
      if (length > MOST_HEADERS) throw new HeadersUnreadable(`more than ${MOST_HEADERS} bytes of headers`)
      headers.push(header)
    }
    this.bytes = NOTHING
    // Exactly as long as it must be: a thousand connections rest with theirs.
    if (this.grown) this.table = this.table.slice()
    this.grown = false
    return headers
  }

  private literal(first: number): Header {
    const indexed = (first & 0x40) !== 0
    const index = this.integer(indexed ? 6 : 4)
    const name = index > 0 ? this.entry(index)[0] : this.text()
    const value = this.text()
    if (!indexed) return [name, value]
    const header = shared(name, value)
    this.add(header)
    return header
  }

  private entry(index: number): Header {
    const header = index <= STATIC.length ? STATIC[index - 1] : this.table[index - STATIC.length - 1]
    if (!header) throw new HeadersUnreadable(`there is no entry ${index} in the table`)
    return header
  }

  private add(header: Header): void {
    this.size += sizeOf(header)
    this.table.unshift(header)
    this.grown = true
    this.evict()
  }

  private resize(most: number): void {
    if (most > TABLE_SIZE) throw new HeadersUnreadable(`a table of ${most} bytes; ${TABLE_SIZE} are offered`)
    this.most = most
    this.evict()
  }

  private evict(): void {
    while (this.size > this.most) this.size -= sizeOf(this.table.pop()!)
  }

  /** An integer with a prefix of so many bits (https://www.rfc-editor.org/rfc/rfc7541#section-5.1). */
  private integer(prefix: number): number {
    const full = (1 << prefix) - 1
    let value = this.byte() & full
    if (value < full) return value
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.byte()
      value += (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new HeadersUnreadable('a number above 2^28')
  }

  private text(): string {
    const huffman = (this.bytes[this.at]! & 0x80) !== 0
    const length = this.integer(7)
    const start = this.at
    this.at += length
    if (this.at > this.bytes.length) throw new HeadersUnreadable('a text that goes on behind the end of the block')
    const text = huffman ? readHuffman(this.bytes, start, this.at) : this.bytes.toString('latin1', start, this.at)
    if (text === undefined) throw new HeadersUnreadable('a text that is no Huffman code')
    return text
  }

  private byte(): number {
    const byte = this.bytes[this.at++]
    if (byte === undefined) throw new HeadersUnreadable('the block ends within a header')
    return byte
  }
}

/** Headers in tables by name and value: those of a thousand proxies of one kind are the same but for a few. */
const known = new Map<string, Map<string, Header>>()
let knownCount = 0
const MOST_KNOWN = 1000
/** Longer ones are nobody else's, in characters. */
const LONGEST_KNOWN = 200

function shared(name: string, value: string): Header {
  if (name.length + value.length > LONGEST_KNOWN) return [name, value]
  const found = known.get(name)?.get(value)
  if (found) return found
  if (knownCount++ >= MOST_KNOWN) {
    known.clear()
    knownCount = 1
  }
  const header: Header = [name, value]
  const values = known.get(name)
  if (values) values.set(value, header)
  else known.set(name, new Map([[value, header]]))
  return header
}

function sizeOf([name, value]: Header): number {
  return name.length + value.length + ENTRY
}

/**
 * A header block that leaves the client's table alone, so that it is the same on every connection. Values are Latin-1.
 * @see https://www.rfc-editor.org/rfc/rfc7541#section-6.2.2
 */
export function writeHeaders(headers: Iterable<Header>): Buffer {
  const parts: Buffer[] = []
  for (const [name, value] of headers) parts.push(Buffer.of(0), textBytes(name), textBytes(value))
  return Buffer.concat(parts)
}

function textBytes(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  const head: number[] = []
  if (bytes.length < 0x7f) head.push(bytes.length)
  else {
    head.push(0x7f)
    let rest = bytes.length - 0x7f
    for (; rest >= 0x80; rest >>>= 7) head.push((rest & 0x7f) | 0x80)
    head.push(rest)
  }
  return Buffer.concat([Buffer.from(head), bytes])
}
