import type { FieldRef, FieldType, FieldValue } from '../contract.ts'
import { joinBytes, sameBytes, textBytes } from './node.ts'
import { halvesOf, highAt, last, lowAt, putInt, readNumber, varintBytes } from './numbers.ts'
import type { VarintType } from './types.ts'

/** Fields of a protobuf message by tag path, without its schema. @see https://protobuf.dev/programming-guides/encoding/ */

const varint64: VarintType = { form: 'varint', coding: 'leb128', bits: 64 }
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

export interface ScalarType {
  readonly wire: 0 | 1 | 2 | 5
  readonly type: FieldType
  readonly signed: boolean
  readonly zigzag: boolean
  readonly bits: 1 | 32 | 64
}

const integer = (bits: 1 | 32 | 64, signed: boolean, wire: 0 | 1 | 5 = 0, zigzag = false): ScalarType => ({
  wire,
  type: bits === 64 ? 'bigint' : 'number',
  signed,
  zigzag,
  bits,
})
const text = (type: FieldType): ScalarType => ({ wire: 2, type, signed: false, zigzag: false, bits: 64 })

/** Types as protobuf calls them; `message` stands for any submessage, as bytes. */
export const scalarTypes: ReadonlyMap<string, ScalarType> = new Map(
  Object.entries({
    int32: integer(32, true),
    int64: integer(64, true),
    uint32: integer(32, false),
    uint64: integer(64, false),
    sint32: integer(32, true, 0, true),
    sint64: integer(64, true, 0, true),
    bool: integer(1, false),
    fixed32: integer(32, false, 5),
    sfixed32: integer(32, true, 5),
    fixed64: integer(64, false, 1),
    sfixed64: integer(64, true, 1),
    string: text('string'),
    bytes: text('bytes'),
    message: text('bytes'),
  }),
)

/** The field found last: its tag, value and end. */
const hit = { tag: 0, start: 0, end: 0, lo: 0, hi: 0 }

/** Reads the field at `p` into `hit`; returns its number, or -1 when the bytes are no field. */
function fieldAt(b: Uint8Array, p: number, limit: number): number {
  if (readNumber(varint64, b, p, limit) < 0 || last.hi !== 0) return -1
  const wire = last.lo & 7
  const number = last.lo >>> 3
  hit.tag = p
  hit.start = last.next
  hit.lo = hit.hi = 0
  if (number === 0) return -1
  if (wire === WIRE.varint) {
    if (readNumber(varint64, b, hit.start, limit) < 0) return -1
    hit.lo = last.lo
    hit.hi = last.hi
    hit.end = last.next
  } else if (wire === WIRE.bytes) {
    if (readNumber(varint64, b, hit.start, limit) < 0 || last.hi !== 0 || last.lo < 0) return -1
    hit.start = last.next
    hit.end = last.next + last.lo
  } else if (wire === WIRE.fixed32) hit.end = hit.start + 4
  else if (wire === WIRE.fixed64) hit.end = hit.start + 8
  else return -1
  if (hit.end > limit) return -1
  if (wire === WIRE.fixed32 || wire === WIRE.fixed64) {
    hit.lo = lowAt(b, hit.start, hit.end - hit.start, true)
    hit.hi = highAt(b, hit.start, hit.end - hit.start, true)
  }
  return number * 8 + wire
}

/**
 * Keys and places of one message, kept while one frame is inspected: kind, id, status and timeout ask for several fields of it. Only
 * `inspect` switches this on, because nothing writes to the frame meanwhile.
 */
const index = { on: false, b: undefined as Uint8Array | undefined, start: 0, end: 0, count: 0, broken: false }
const indexKeys = new Int32Array(32)
const indexPlaces = new Int32Array(32)

/** Begins or ends the time in which nothing writes to a message, so that what was found in it stays true. */
export function keepIndex(on: boolean): void {
  index.on = on
  index.b = undefined
}

function buildIndex(b: Uint8Array, start: number, end: number): void {
  index.b = b
  index.start = start
  index.end = end
  index.count = 0
  index.broken = false
  for (let p = start; p < end; p = hit.end) {
    const key = fieldAt(b, p, end)
    if (key < 0) {
      index.broken = true
      return
    }
    if (index.count === indexKeys.length) {
      index.count = -1
      return
    }
    indexKeys[index.count] = key
    indexPlaces[index.count++] = p
  }
}

/** `find` for the outermost message of a path. */
function findTop(b: Uint8Array, start: number, end: number, number: number, wire: number): boolean {
  if (!index.on) return find(b, start, end, number, wire)
  if (index.b !== b || index.start !== start || index.end !== end) buildIndex(b, start, end)
  if (index.broken) return false
  if (index.count < 0) return find(b, start, end, number, wire)
  const wanted = number * 8 + wire
  for (let i = index.count - 1; i >= 0; i--) {
    if (indexKeys[i] !== wanted) continue
    fieldAt(b, indexPlaces[i]!, end)
    return true
  }
  return false
}

/** Finds field `number` in the message b[p..limit) into `hit`. The last one counts, as protobuf has it. */
function find(b: Uint8Array, p: number, limit: number, number: number, wire: number): boolean {
  const wanted = number * 8 + wire
  let tag = -1
  while (p < limit) {
    const key = fieldAt(b, p, limit)
    if (key < 0) return false
    if (key === wanted) tag = p
    p = hit.end
  }
  if (tag < 0) return false
  fieldAt(b, tag, limit)
  return true
}

/** Reads the scalar at `path` in the message b[start..end). */
export function readPath(
  b: Uint8Array,
  start: number,
  end: number,
  path: readonly number[],
  scalar: ScalarType,
  out: FieldRef,
): boolean {
  for (let i = 0; i < path.length - 1; i++) {
    const inside = i === 0 ? findTop(b, start, end, path[i]!, WIRE.bytes) : find(b, start, end, path[i]!, WIRE.bytes)
    if (!inside) return false
    start = hit.start
    end = hit.end
  }
  const number = path[path.length - 1]!
  const found =
    path.length === 1 ? findTop(b, start, end, number, scalar.wire) : find(b, start, end, number, scalar.wire)
  if (!found) return false
  out.start = hit.start
  out.end = hit.end
  out.lo = hit.lo
  out.hi = hit.hi
  if (scalar.zigzag) {
    const sign = -(hit.lo & 1)
    out.lo = ((hit.lo >>> 1) | (hit.hi << 31)) ^ sign
    out.hi = (hit.hi >>> 1) ^ sign
  }
  if (scalar.bits === 32) out.hi = scalar.signed ? out.lo >> 31 : 0
  return true
}

/** Finds the entry `name` (UTF-8) of the map at `path` in the message b[start..end): entries are messages {1: key, 2: value}; the last entry of a key counts. */
export function readMapEntry(
  b: Uint8Array,
  start: number,
  end: number,
  path: readonly number[],
  name: Uint8Array,
  out: FieldRef,
): boolean {
  for (let i = 0; i < path.length - 1; i++) {
    if (!find(b, start, end, path[i]!, WIRE.bytes)) return false
    start = hit.start
    end = hit.end
  }
  const wanted = path[path.length - 1]! * 8 + WIRE.bytes
  let found = false
  for (let p = start; p < end; ) {
    const key = fieldAt(b, p, end)
    if (key < 0) return false
    p = hit.end
    if (key !== wanted) continue
    const from = hit.start
    if (!find(b, from, p, 1, WIRE.bytes) || !sameBytes(b, hit.start, hit.end, name)) continue
    out.start = out.end = p
    if (find(b, from, p, 2, WIRE.bytes)) {
      out.start = hit.start
      out.end = hit.end
    }
    found = true
  }
  return found
}

/** A copy of `message` with its inner message `number` made anew; undefined when it has none, or `write` gives none. */
function rewritten(
  message: Uint8Array,
  number: number,
  write: (inner: Uint8Array) => Uint8Array | undefined,
): Uint8Array | undefined {
  if (!find(message, 0, message.length, number, WIRE.bytes)) return undefined
  const { tag, start, end } = hit
  const inner = write(message.subarray(start, end))
  return inner && joinBytes(message.subarray(0, tag), lengthField(number, inner), message.subarray(end))
}

/** A copy of `message` with the field at `path` set, or taken out without a value; undefined when a message on the way is missing or broken. */
export function writePath(
  message: Uint8Array,
  path: readonly number[],
  scalar: ScalarType,
  value: FieldValue | undefined,
): Uint8Array | undefined {
  const [number, ...deeper] = path
  if (number === undefined) return undefined
  if (deeper.length > 0) return rewritten(message, number, (inner) => writePath(inner, deeper, scalar, value))
  const bytes = value === undefined ? new Uint8Array(0) : scalarField(number, scalar, value)
  if (!bytes) return undefined
  if (!find(message, 0, message.length, number, scalar.wire))
    return wellFormed(message) ? joinBytes(message, bytes) : undefined
  const { tag, end } = hit
  return joinBytes(message.subarray(0, tag), bytes, message.subarray(end))
}

/** A copy of `message` with the entry `name` of the string map at `path` set, or taken out without a value; undefined when it is broken. */
export function writeMapEntry(
  message: Uint8Array,
  path: readonly number[],
  name: Uint8Array,
  value: FieldValue | undefined,
): Uint8Array | undefined {
  const [number, ...deeper] = path
  if (number === undefined) return undefined
  if (deeper.length > 0) return rewritten(message, number, (inner) => writeMapEntry(inner, deeper, name, value))
  const kept: Uint8Array[] = []
  for (let p = 0; p < message.length; ) {
    const key = fieldAt(message, p, message.length)
    if (key < 0) return undefined
    const from = hit.start
    const next = hit.end
    const ours =
      key === number * 8 + WIRE.bytes &&
      find(message, from, next, 1, WIRE.bytes) &&
      sameBytes(message, hit.start, hit.end, name)
    if (!ours) kept.push(message.subarray(p, next))
    p = next
  }
  if (value !== undefined)
    kept.push(lengthField(number, joinBytes(lengthField(1, name), lengthField(2, textBytes(value)))))
  return joinBytes(...kept)
}

/** What replaces a field at the top of a message, when it is there: nothing around it has to be copied or counted anew. */
export function patchTop(
  b: Uint8Array,
  start: number,
  end: number,
  number: number,
  scalar: ScalarType,
  value: FieldValue | undefined,
): { readonly start: number; readonly end: number; readonly bytes: Uint8Array } | undefined {
  if (value === undefined || !find(b, start, end, number, scalar.wire)) return undefined
  const { tag, end: to } = hit
  const bytes = scalarField(number, scalar, value)
  return bytes && { start: tag, end: to, bytes }
}

function wellFormed(message: Uint8Array): boolean {
  for (let p = 0; p < message.length; p = hit.end) if (fieldAt(message, p, message.length) < 0) return false
  return true
}

/** A length-delimited field with its tag. */
export function lengthField(number: number, content: Uint8Array): Uint8Array {
  return joinBytes(varintBytes((number << 3) | WIRE.bytes, 0), varintBytes(content.length, 0), content)
}

function scalarField(number: number, scalar: ScalarType, value: FieldValue): Uint8Array | undefined {
  if (scalar.wire === WIRE.bytes) return lengthField(number, textBytes(value))
  const given = typeof value === 'string' && /^-?\d+$/.test(value) ? BigInt(value) : value
  if (typeof given !== 'number' && typeof given !== 'bigint') return undefined
  const halves = halvesOf(given)
  if (!halves) return undefined
  let { lo, hi } = halves
  if (scalar.bits === 1 && (hi !== 0 || lo >>> 1 !== 0)) return undefined
  if (scalar.bits === 32 && hi !== 0 && !(scalar.signed && hi === lo >> 31)) return undefined
  if (scalar.bits === 32 && scalar.signed && hi !== lo >> 31) return undefined
  const tag = varintBytes((number << 3) | scalar.wire, 0)
  if (scalar.wire === WIRE.varint) {
    if (scalar.zigzag) {
      const sign = hi >> 31
      hi = ((hi << 1) | (lo >>> 31)) ^ sign
      lo = (lo << 1) ^ sign
    }
    return joinBytes(tag, varintBytes(lo, hi))
  }
  const fixed = new Uint8Array(scalar.wire === WIRE.fixed32 ? 4 : 8)
  putInt(fixed, 0, fixed.length, true, lo, hi)
  return joinBytes(tag, fixed)
}
