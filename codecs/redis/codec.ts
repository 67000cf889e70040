import { type Codec, emptyRef, type FieldInfo, FrameError, FrameKind } from '../contract.ts'
import { joinBytes } from '../layout/node.ts'
import { defaultErrorCodes, fieldValue } from '../values.ts'

/**
 * RESP: a command or reply is one value. @see https://redis.io/docs/latest/develop/reference/protocol-spec/
 *
 *   +OK\r\n  -ERR text\r\n  :42\r\n  $5\r\nhello\r\n  *2\r\n<value><value>
 *   RESP3: _ null, # boolean, , double, ( big number, ! blob error, = verbatim, % map, ~ set, > push, | attributes of the next value
 *   A line that starts with none of these is an inline command.
 *
 * There are no ids: replies come in the order of the commands.
 */
const maxFrame = 64 * 1024 * 1024
const maxLine = 64 * 1024
const maxDepth = 32
const maxElements = 1024 * 1024

const CR = 13
const LF = 10
const types = new Uint8Array(256)
for (const byte of Buffer.from('+-:_#,(')) types[byte] = 1
for (const byte of Buffer.from('$!=')) types[byte] = 2
for (const byte of Buffer.from('*~>')) types[byte] = 3
for (const byte of Buffer.from('%|')) types[byte] = 4

/** Values still to come on each level of the walk. */
const pending = new Int32Array(maxDepth)

/** The number read last by `lengthAt`. */
let said = 0

/**
 * Walks values with an explicit stack of counts. For a frame that is cut off it returns how many bytes must be there at least
 * (every element still to come takes three), so that a long reply in small pieces is not walked again for each piece.
 */
function frameLength(b: Uint8Array, at: number, end: number): number {
  if (at >= end) return 1
  if (types[b[at]!] === 0) return inlineLength(b, at, end)
  let depth = 0
  let left = 1
  let elements = 0
  let p = at
  for (;;) {
    while (left === 0) {
      if (depth === 0) return p - at > maxFrame ? FrameError.tooLong : p - at
      left = pending[--depth]!
    }
    if (p >= end) return needs(at, p, end, left, depth)
    const form = types[b[p]!]!
    if (form === 0) return FrameError.malformed
    const line = lineEnd(b, p, end)
    if (line < 0) return line
    if (line === 0) return needs(at, p, end, left, depth)
    left--
    if (form === 1) {
      p = line
      continue
    }
    const attribute = b[p] === 0x7c
    if (!lengthAt(b, p + 1, line - 2)) return FrameError.malformed
    p = line
    if (form === 2) {
      if (said < 0) continue
      if (said > maxFrame) return FrameError.tooLong
      const next = p + said + 2
      if (next - at > maxFrame) return FrameError.tooLong
      if (next > end) return needs(at, next, end, left, depth)
      if (b[next - 2] !== CR || b[next - 1] !== LF) return FrameError.malformed
      p = next
      continue
    }
    // Attributes are pairs in front of the value they belong to: one more value follows on the same level.
    if (attribute) left++
    const count = said < 0 ? 0 : form === 4 ? said * 2 : said
    elements += count
    if (elements > maxElements) return FrameError.tooLong
    if (count === 0) continue
    if (depth >= maxDepth) return FrameError.malformed
    pending[depth++] = left
    left = count
  }
}

/** At least so many bytes: up to `p`, three for every value behind it, and one more than there are. */
function needs(at: number, p: number, end: number, left: number, depth: number): number {
  let values = left
  for (let i = 0; i < depth; i++) values += pending[i]!
  const bytes = Math.max(p - at + values * 3, end - at + 1)
  return bytes > maxFrame ? FrameError.tooLong : bytes
}

function inlineLength(b: Uint8Array, at: number, end: number): number {
  // Redis takes only printable text here; anything else is not its protocol.
  const first = b[at]!
  if (first < 32 && first !== CR && first !== LF && first !== 9) return FrameError.badMagic
  if (first > 126) return FrameError.badMagic
  for (let p = at; p < end; p++) if (b[p] === LF) return p + 1 - at
  return end - at >= maxLine ? FrameError.tooLong : end - at + 1
}

/** The index behind the line's \r\n; 0: not there yet; negative: never. */
function lineEnd(b: Uint8Array, p: number, end: number): number {
  const stop = Math.min(end, p + maxLine)
  for (let i = p + 1; i < stop; i++) {
    if (b[i] !== CR) {
      if (b[i] === LF) return FrameError.malformed
      continue
    }
    if (i + 1 >= end) return 0
    return b[i + 1] === LF ? i + 2 : FrameError.malformed
  }
  return stop === p + maxLine ? FrameError.tooLong : 0
}

function lengthAt(b: Uint8Array, p: number, end: number): boolean {
  if (end - p === 2 && b[p] === 0x2d && b[p + 1] === 0x31) {
    said = -1
    return true
  }
  if (end <= p || end - p > 10) return false
  let value = 0
  for (; p < end; p++) {
    const digit = b[p]! - 48
    if (digit < 0 || digit > 9) return false
    value = value * 10 + digit
  }
  said = value
  return true
}

const field = (name: string, slot: number, doc: string): FieldInfo => ({
  name,
  slot,
  type: 'string',
  signed: false,
  writable: false,
  doc,
})
const fields: readonly FieldInfo[] = [
  field('command', 0, 'First word of a command, as the client wrote it.'),
  field('key', 1, 'Second word.'),
  field('argument', 2, 'Third word.'),
  field('error', 3, 'Text of an error reply.'),
]
const ref = emptyRef()

/** The n-th element of an array of bulk strings, or word of an inline command. */
function word(n: number, b: Uint8Array, at: number, limit: number, out: { start: number; end: number }): boolean {
  if (b[at] !== 0x2a) return types[b[at]!] === 0 && inlineWord(n, b, at, limit, out)
  let p = lineEnd(b, at, limit)
  if (p <= 0 || !lengthAt(b, at + 1, p - 2) || n >= said) return false
  for (let i = 0; ; i++) {
    if (p >= limit || b[p] !== 0x24) return false
    const line = lineEnd(b, p, limit)
    if (line <= 0 || !lengthAt(b, p + 1, line - 2) || said < 0) return false
    p = line + said + 2
    if (p > limit) return false
    if (i === n) {
      out.start = line
      out.end = line + said
      return true
    }
  }
}

function inlineWord(n: number, b: Uint8Array, at: number, limit: number, out: { start: number; end: number }): boolean {
  let p = at
  for (let i = 0; ; i++) {
    while (p < limit && b[p]! <= 32) p++
    if (p >= limit) return false
    const start = p
    while (p < limit && b[p]! > 32) p++
    if (i !== n) continue
    out.start = start
    out.end = p
    return true
  }
}

const read: Codec['read'] = (slot, b, at, length, out) => {
  if (slot < 3) return slot >= 0 && word(slot, b, at, at + length, out)
  if (slot !== 3) return false
  const blob = b[at] === 0x21
  if (!blob && b[at] !== 0x2d) return false
  const line = lineEnd(b, at, at + length)
  if (line <= 0) return false
  out.start = blob ? line : at + 1
  out.end = blob ? at + length - 2 : line - 2
  return true
}

export const codec: Codec = {
  name: 'redis',
  headerMin: 1,
  maxFrame,
  // Commands such as MULTI, SELECT and SUBSCRIBE change the connection, so connections are never shared by clients.
  modes: ['bound', 'exclusive'],
  ordered: true,
  idBits: 0,
  fields,
  replies: ['error', 'ping'],
  errorCodes: defaultErrorCodes(),
  slot: (name) => fields.findIndex((info) => info.name === name),
  frameLength,
  inspect: (b, at, _length, out) => {
    const first = b[at]!
    out.kind = first === 0x3e ? FrameKind.push : FrameKind.either
    out.idLo = 0
    out.idHi = 0
    out.status = 0
    out.error = first === 0x2d || first === 0x21 ? 1 : 0
    out.timeout = 0
    return 0
  },
  read,
  field: (slot, b, at, length) => {
    const info = fields[slot]
    return info && read(slot, b, at, length, ref) ? fieldValue(info, b, ref) : undefined
  },
  reply: (kind, _b, _at, _length, code, message) => {
    if (kind === 'ping') return Buffer.from('*1\r\n$4\r\nPING\r\n')
    if (kind !== 'error') return undefined
    // A line break in the text would end the reply early.
    const text = (message || `error ${code}`).replace(/[\r\n]+/g, ' ').slice(0, 1024)
    return joinBytes(Buffer.from('-ERR '), Buffer.from(text), Buffer.from('\r\n'))
  },
}
