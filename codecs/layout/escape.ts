import { delimiterBytes } from './delimiter.ts'
import type { IssuePath, Issues } from './issue.ts'
import type { FrameSpec } from './schema.ts'

/**
 * Frames between delimiters whose bytes are escaped where they stand in the content:
 *
 *   [opens] content, each escaped byte as `by` and one more [until]
 *
 * SLIP (https://www.rfc-editor.org/rfc/rfc1055), HDLC in bytes (https://www.rfc-editor.org/rfc/rfc1662#section-4), DLE stuffing.
 */
export interface Escape {
  /** Bytes a frame ends with, any of them, the longest first. */
  readonly ends: readonly Uint8Array[]
  /** Those that frames of the proxy get. */
  readonly first: Uint8Array
  /** Bytes a frame begins with; of `flags` any number up to `mostFlags`, or none. */
  readonly opens: Uint8Array
  readonly flags: boolean
  /** The byte in front of one that is escaped; -1 without. */
  readonly by: number
  /** What `by` and this byte stand for; -1: they stand for nothing. */
  readonly decoded: Int16Array
  /** How a byte of the content is written behind `by`; -1: as it is. */
  readonly encoded: Int16Array
}

/** As HDLC fills silence with; more of them are no frame. */
const mostFlags = 64

/** What `frame.opens` and `frame.escape` say; undefined where something is wrong, which `issues` are told. */
export function escapePlan(
  frame: Pick<FrameSpec, 'opens' | 'escape'>,
  { ends, bytes: first }: { readonly ends: readonly Uint8Array[]; readonly bytes: Uint8Array },
  path: IssuePath,
  issues: Issues,
): Escape | undefined {
  const wrong = (key: 'opens' | 'escape', message: string, hint?: string) => {
    issues.error([...path, key], message, hint)
    return undefined
  }
  const opens = frame.opens === undefined ? new Uint8Array(0) : delimiterBytes(frame.opens)
  if (!opens) return wrong('opens', `${JSON.stringify(frame.opens)} is no beginning: 1 to 16 bytes`)
  const flags = ends.some((end) => same(end, opens))
  const decoded = new Int16Array(256).fill(-1)
  const encoded = new Int16Array(256).fill(-1)
  const said = frame.escape
  if (!said) return { ends, first, opens, flags, by: -1, decoded, encoded }
  const by = oneByte(said.by)
  if (by === undefined) return wrong('escape', `${JSON.stringify(said.by)} is not one byte`, 'by: 0xdb')
  if (said.is && said.xor !== undefined) return wrong('escape', 'an escape has "is" or "xor"', 'keep one of them')
  const pairs = pairsOf(said, by, ends)
  for (const [written, meant] of pairs) {
    if (written === undefined || meant === undefined)
      return wrong('escape', '"is" has a byte for each byte', 'is: {0xdc: 0xc0, 0xdd: 0xdb}')
    decoded[written] = meant
    encoded[meant] = written
  }
  if (said.is === undefined) for (let byte = 0; byte < 256; byte++) decoded[byte] = byte ^ (said.xor ?? 0)
  // What is escaped by another byte leaves no delimiter behind `by`: there it is a broken frame.
  if (said.xor !== undefined) for (const byte of [by, ...ends.map(([first]) => first!)]) decoded[byte] = -1
  if (pairs.some(([written, meant]) => decoded[written!] !== meant))
    return wrong('escape', 'what is escaped looks like a delimiter or like the escape', 'another `xor`, or `is`')
  if (encoded[by] === -1)
    return wrong('escape', 'nothing stands for the escape itself', `a value of "is" must be ${by}`)
  for (const end of ends)
    if (end.every((byte) => encoded[byte] === -1))
      return wrong('escape', `nothing stands for ${shown(end)}: content with it would end the frame`, 'add it to "is"')
  for (const [written] of pairs)
    if (ends.some((end) => end[0] === by && (end.length === 1 || end[1] === written)))
      return wrong('escape', `an escaped byte begins as ${shown(ends[0]!)}, with which frames end`, 'choose others')
  return { ends, first, opens, flags, by, decoded, encoded }
}

/** Bytes as they are written behind `by`, and what they mean. */
function pairsOf(
  { is, xor = 0 }: NonNullable<FrameSpec['escape']>,
  by: number,
  ends: readonly Uint8Array[],
): readonly (readonly [number | undefined, number | undefined])[] {
  if (is)
    return Object.entries(is).map(([key, value]) => [oneByte(/^\d+$/.test(key) ? Number(key) : key), oneByte(value)])
  // A delimiter that begins with the escape stands in no content, where that is doubled.
  return [by, ...ends.map(([first]) => first!)].map((byte) => [byte ^ xor, byte])
}

function oneByte(written: string | number): number | undefined {
  if (typeof written === 'number') return written >= 0 && written <= 255 ? written : undefined
  const bytes = delimiterBytes(written)
  return bytes?.length === 1 ? bytes[0] : undefined
}

const shown = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString('hex')}`
const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i])

/** How many bytes of `bytes` stand at `p`, as far as there are any up to `end`; -1 when others do. */
export function standing(b: Uint8Array, p: number, end: number, bytes: Uint8Array): number {
  const there = Math.min(bytes.length, end - p)
  for (let i = 0; i < there; i++) if (b[p + i] !== bytes[i]) return -1
  return there
}

/** Where the content begins, -1 where a frame begins otherwise; `end` when that is not all there. */
export function contentStart({ opens, flags }: Escape, b: Uint8Array, at: number, end: number): number {
  const size = opens.length
  if (size === 0) return at
  if (!flags) {
    const there = standing(b, at, end, opens)
    return there < 0 ? -1 : at + there
  }
  let p = at
  while (standing(b, p, end, opens) === size) {
    p += size
    if (p - at > mostFlags * size) return -1
  }
  return p
}

/** Bytes of the delimiter at the end of a whole frame. */
export function endSize({ ends }: Escape, b: Uint8Array, from: number, limit: number): number {
  for (const end of ends)
    if (limit - end.length >= from && standing(b, limit - end.length, limit, end) === end.length) return end.length
  return 0
}

/** The content `b[from..end)` as it is meant, in `out`. @returns how many bytes that are */
export function plainContent(
  { by, decoded }: Escape,
  b: Uint8Array,
  from: number,
  end: number,
  out: Uint8Array,
): number {
  let n = 0
  for (let p = from; p < end; p++) {
    const byte = b[p]!
    out[n++] = byte === by ? decoded[b[++p]!]! : byte
  }
  return n
}

/** Where the byte stands that is the `index`th of the content. */
export function placeOf({ by }: Escape, b: Uint8Array, from: number, index: number): number {
  let p = from
  for (let i = 0; i < index; i++) p += b[p] === by ? 2 : 1
  return p
}

/** Whether a byte of it is escaped. */
export function isEscaped({ by }: Escape, b: Uint8Array, from: number, end: number): boolean {
  for (let p = from; p < end; p++) if (b[p] === by) return true
  return false
}

/** A frame of some content, with this beginning and end. */
export function escapedFrame(
  { by, encoded }: Escape,
  content: Uint8Array,
  opens: Uint8Array,
  end: Uint8Array,
): Uint8Array {
  let more = 0
  for (let i = 0; i < content.length; i++) if (encoded[content[i]!]! >= 0) more++
  const out = new Uint8Array(opens.length + content.length + more + end.length)
  out.set(opens)
  let n = opens.length
  for (const byte of content) {
    const written = encoded[byte]!
    if (written >= 0) out[n++] = by
    out[n++] = written >= 0 ? written : byte
  }
  out.set(end, n)
  return out
}
