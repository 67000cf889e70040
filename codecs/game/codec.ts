import { type Codec, emptyRef, type FieldInfo, FrameError, FrameKind } from '../contract.ts'
import { highAt, lowAt, putInt, word } from '../layout/numbers.ts'
import { defaultErrorCodes, fieldValue } from '../values.ts'

/**
 * The game protocol written by hand: the same codec as protocol.yaml, as an example of a codec in TypeScript, as the yardstick of
 * the compiled one's speed, and as a second opinion on every byte.
 *
 *   0 u32 length (all) | 4 u16 0x4d47 | 6 u8 kind | 7 u8 flags | 8 u32 msgid | 12 u32 seq | 16 u64 uid | 24 body
 */
const header = 24
const maxFrame = 1024 * 1024

const field = (
  name: string,
  slot: number,
  type: FieldInfo['type'],
  writable: boolean,
  role?: NonNullable<FieldInfo['role']>,
): FieldInfo => ({ name, slot, type, signed: false, writable, ...(role && { role }) })

const kinds = { request: 1, response: 2, oneway: 3, heartbeat: 4, push: 5 }
const kindOf = [
  0,
  FrameKind.request,
  FrameKind.response,
  FrameKind.oneway,
  FrameKind.heartbeat,
  FrameKind.push,
] as const
const fields: readonly FieldInfo[] = [
  field('length', 0, 'number', false, 'length'),
  field('check', 1, 'number', false, 'check'),
  { ...field('kind', 2, 'number', false, 'kind'), values: kinds },
  field('id', 3, 'number', false, 'id'),
  field('flags', 4, 'number', true, 'flags'),
  field('msgid', 5, 'number', true),
  field('uid', 6, 'bigint', true),
  field('body', 7, 'bytes', true),
]
const offsets = [0, 4, 6, 12, 7, 8, 16] as const
const widths = [4, 2, 1, 4, 1, 4, 8] as const
const ref = emptyRef()

const read: Codec['read'] = (slot, b, at, length, out) => {
  if (slot === 7) {
    out.start = at + header
    out.end = at + length
    return true
  }
  const offset = offsets[slot]
  const width = widths[slot]
  if (offset === undefined || width === undefined) return false
  const p = at + offset
  out.start = p
  out.end = p + width
  out.lo = lowAt(b, p, width, false)
  out.hi = highAt(b, p, width, false)
  return true
}

export const codec: Codec = {
  name: 'game',
  headerMin: header,
  maxFrame,
  modes: ['shared', 'bound', 'exclusive'],
  ordered: false,
  idBits: 32,
  fields,
  replies: ['error', 'heartbeat', 'ping'],
  errorCodes: defaultErrorCodes(),
  slot: (name) => fields.findIndex((info) => info.name === name),

  frameLength: (b, at, end) => {
    if (end - at < 6) return 6
    if (((b[at + 4]! << 8) | b[at + 5]!) !== 0x4d47) return FrameError.badMagic
    const length = word(b, at)
    if (length < 0) return FrameError.malformed
    if (length < header) return FrameError.belowHeader
    return length > maxFrame ? FrameError.tooLong : length
  },

  inspect: (b, at, length, out) => {
    if (length < header) return FrameError.belowHeader
    const kind = b[at + 6]!
    const frameKind = kindOf[kind]
    if (!frameKind) return FrameError.unknownKind
    out.kind = frameKind
    out.idLo = word(b, at + 12)
    out.idAt = 12
    out.idHi = 0
    out.status = 0
    out.timeout = 0
    out.error = frameKind === FrameKind.response && (b[at + 7]! & 0x80) !== 0 ? 1 : 0
    return 0
  },

  read,

  field: (slot, b, at, length) => {
    const info = fields[slot]
    return info && read(slot, b, at, length, ref) ? fieldValue(info, b, ref) : undefined
  },

  writeId: (b, at, _length, lo) => {
    putInt(b, at + 12, 4, false, lo, 0)
    return true
  },

  mutate: (b, at, length, edits) => {
    let frame: Uint8Array = b.slice(at, at + length)
    for (const { slot, value } of edits) {
      if (value === undefined || !fields[slot]?.writable) return undefined
      if (slot === 7) {
        const body = value instanceof Uint8Array ? value : new TextEncoder().encode(String(value))
        if (header + body.length > maxFrame) return undefined
        const next = new Uint8Array(header + body.length)
        next.set(frame.subarray(0, header))
        next.set(body, header)
        putInt(next, 0, 4, false, next.length, 0)
        frame = next
        continue
      }
      const number = typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : value
      if (typeof number !== 'bigint' && !(typeof number === 'number' && Number.isSafeInteger(number))) return undefined
      const wide = BigInt(number)
      const width = widths[slot]!
      if (wide < 0n || wide >> BigInt(width * 8) !== 0n) return undefined
      putInt(frame, offsets[slot]!, width, false, Number(wide & 0xffffffffn) | 0, Number(wide >> 32n) | 0)
    }
    return frame
  },

  reply: (kind, b, at, length, code) => {
    if (kind === 'goaway') return undefined
    if (kind === 'ping') {
      const ping = new Uint8Array(header)
      ping.set([0, 0, 0, header, 0x4d, 0x47, kinds.heartbeat])
      return ping
    }
    if (length < header) return undefined
    const frame = new Uint8Array(kind === 'error' ? header + 4 : header)
    frame.set(b.subarray(at, at + header))
    putInt(frame, 0, 4, false, frame.length, 0)
    frame[6] = kind === 'error' ? kinds.response : kinds.heartbeat
    if (kind === 'error') {
      frame[7] = 0x80
      putInt(frame, header, 4, false, code, 0)
    }
    return frame
  },
}
