import { type Codec, emptyRef, type FieldInfo, FrameError, FrameKind } from '../contract.ts'
import { joinBytes } from '../layout/node.ts'
import { last, putInt, readNumber, varintBytes, word } from '../layout/numbers.ts'
import type { VarintType } from '../layout/types.ts'
import { defaultErrorCodes, fieldValue } from '../values.ts'

/**
 * Framed Thrift, binary (strict) and compact, written by hand: a second opinion on what protocol.yaml is compiled to. No THeader.
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-rpc.md
 *
 *   binary   0 u32 length (rest) | 4 u16 0x8001 | 6 u8 | 7 u8 type | 8 i32 n | 12 name | i32 seqid | struct
 *   compact  0 u32 length (rest) | 4 u8 0x82 | 5 u8 type << 5 | 1 | varint seqid | varint n | name | struct
 */
const maxFrame = 16 * 1024 * 1024
const varint: VarintType = { form: 'varint', coding: 'leb128', bits: 32 }
const kinds = [0, FrameKind.request, FrameKind.response, FrameKind.response, FrameKind.oneway, 0, 0, 0] as const

const field = (name: string, slot: number): FieldInfo => ({
  name,
  slot,
  type: 'string',
  signed: false,
  writable: false,
})
const fields: readonly FieldInfo[] = [field('name', 0), field('service', 1), field('method', 2)]

/** The message header read last: type, name and seqid with its place. */
const head = { compact: false, type: 0, nameStart: 0, nameEnd: 0, seqid: 0, seqStart: 0, seqEnd: 0 }

function readHead(b: Uint8Array, at: number, limit: number): number {
  if (at + 8 > limit) return FrameError.belowHeader
  if (b[at + 4] === 0x80 && b[at + 5] === 1) {
    if (at + 16 > limit) return FrameError.belowHeader
    const n = word(b, at + 8)
    const end = at + 12 + n
    if (n < 0 || end + 4 > limit) return FrameError.malformed
    head.compact = false
    head.type = b[at + 7]!
    head.nameStart = at + 12
    head.nameEnd = head.seqStart = end
    head.seqEnd = end + 4
    head.seqid = word(b, end)
    return 0
  }
  if (b[at + 4] !== 0x82 || (b[at + 5]! & 0x1f) !== 1) return FrameError.unknownVariant
  head.compact = true
  head.type = b[at + 5]! >> 5
  if (readNumber(varint, b, at + 6, limit) < 0) return FrameError.malformed
  head.seqid = last.lo
  head.seqStart = at + 6
  head.seqEnd = last.next
  if (readNumber(varint, b, head.seqEnd, limit) < 0 || last.lo < 0) return FrameError.malformed
  head.nameStart = last.next
  head.nameEnd = last.next + last.lo
  return head.nameEnd > limit ? FrameError.malformed : 0
}

const ref = emptyRef()
const read: Codec['read'] = (slot, b, at, length, out) => {
  if (readHead(b, at, at + length) < 0) return false
  out.start = head.nameStart
  out.end = head.nameEnd
  if (slot === 0) return true
  const colon = b.subarray(head.nameStart, head.nameEnd).indexOf(58)
  if (slot === 1) out.end = head.nameStart + colon
  else if (colon >= 0) out.start = head.nameStart + colon + 1
  return slot === 2 || (slot === 1 && colon >= 0)
}

export const codec: Codec = {
  name: 'thrift',
  headerMin: 8,
  maxFrame,
  modes: ['shared', 'bound', 'exclusive'],
  ordered: false,
  idBits: 32,
  fields,
  replies: ['error'],
  errorCodes: defaultErrorCodes(),
  slot: (name) => fields.findIndex((info) => info.name === name),
  frameLength: (b, at, end) => {
    if (end - at < 4) return 4
    const rest = word(b, at)
    if (rest < 0) return FrameError.malformed
    if (rest + 4 < 8) return FrameError.belowHeader
    return rest + 4 > maxFrame ? FrameError.tooLong : rest + 4
  },
  inspect: (b, at, length, out) => {
    const result = readHead(b, at, at + length)
    if (result < 0) return result
    const kind = kinds[head.type & 7]!
    if (kind === 0 || head.type > 7) return FrameError.unknownKind
    out.kind = kind
    out.idLo = head.seqid
    out.idHi = 0
    if (!head.compact) out.idAt = head.seqStart - at
    out.status = 0
    out.timeout = 0
    out.error = head.type === 3 ? 1 : 0
    return 0
  },
  read,
  field: (slot, b, at, length) => {
    const info = fields[slot]
    return info && read(slot, b, at, length, ref) ? fieldValue(info, b, ref) : undefined
  },
  writeId: (b, at, length, lo) => {
    if (readHead(b, at, at + length) < 0) return false
    if (!head.compact) {
      putInt(b, head.seqStart, 4, false, lo, 0)
      return true
    }
    const bytes = varintBytes(lo, 0)
    if (bytes.length !== head.seqEnd - head.seqStart) return false
    b.set(bytes, head.seqStart)
    return true
  },
  spliceId: (b, at, length, lo) => {
    if (readHead(b, at, at + length) < 0) return undefined
    const id = head.compact ? varintBytes(lo, 0) : Uint8Array.of(lo >>> 24, lo >>> 16, lo >>> 8, lo)
    return framed(joinBytes(b.subarray(at, head.seqStart), id, b.subarray(head.seqEnd, at + length)))
  },
  reply: (kind, b, at, length, code, message) => {
    if (kind !== 'error' || readHead(b, at, at + length) < 0) return undefined
    const start = b.slice(at, head.compact ? head.nameEnd : head.seqEnd)
    const text = new TextEncoder().encode(message)
    if (head.compact) {
      start[5] = 0x61
      const zigzag = varintBytes((code << 1) ^ (code >> 31), 0)
      return framed(joinBytes(start, [0x18], varintBytes(text.length, 0), text, [0x15], zigzag, [0]))
    }
    start[7] = 3
    const numbers = new Uint8Array(8)
    putInt(numbers, 0, 4, false, text.length, 0)
    putInt(numbers, 4, 4, false, code, 0)
    const size = numbers.subarray(0, 4)
    return framed(joinBytes(start, [0x0b, 0, 1], size, text, [0x08, 0, 2], numbers.subarray(4), [0]))
  },
}

/** A frame with its length put right. */
function framed(frame: Uint8Array): Uint8Array {
  putInt(frame, 0, 4, false, frame.length - 4, 0)
  return frame
}
