import type { FieldInfo, FieldRef, FieldType, FieldValue } from '../contract.ts'
import type { IssuePath } from './issue.ts'
import type { NumberType } from './types.ts'

/** An index in `b`, a count, or NEED / BAD. `at` is the frame's first byte, `limit` the index behind its last. */
export type Position = (b: Uint8Array, at: number, limit: number) => number
export type Reader = (b: Uint8Array, at: number, limit: number, out: FieldRef) => boolean
export type Test = (b: Uint8Array, at: number, limit: number) => boolean

/** Bytes `start`..`end` of a frame become `bytes`. */
export interface Patch {
  readonly start: number
  readonly end: number
  readonly bytes: Uint8Array
  /** By how much the number that counts the field changes, where that is not the difference in bytes: padding is not counted. */
  readonly counted?: number
}

/** `bytes` rounded up to a multiple of `align`. */
export function roundUp(bytes: number, align: number): number {
  return Math.ceil(bytes / align) * align
}

/** The bytes with zeros behind them up to a multiple of `align`. */
export function padded(bytes: Uint8Array, align: number): Uint8Array {
  const size = roundUp(bytes.length, align)
  if (size === bytes.length) return bytes
  const out = new Uint8Array(size)
  out.set(bytes)
  return out
}

/** A place that two fields can be compared by: fields of one anchor lie `offset` bytes behind it, for certain. */
export interface Place {
  readonly anchor: string
  readonly offset: number
  /** Infinity when the length varies. */
  readonly bytes: number
  /** Bits of a fixed integer; 0: all. */
  readonly mask: number
  readonly le: boolean
}

/** A text at one offset behind a plain big-endian length. */
export interface PlainText {
  /** Offset and width of the length. */
  readonly at: number
  readonly bytes: number
  /** The longest value in bytes. */
  readonly max: number
}

/** A declared field, compiled for one variant. */
export interface Node {
  readonly name: string
  readonly path: IssuePath
  readonly role: FieldInfo['role']
  readonly type: FieldType
  readonly signed: boolean
  /** Values by name; the first is the one written. */
  readonly values: ReadonlyMap<string, readonly number[]> | undefined
  readonly doc: string | undefined
  /** Part of every frame of the variant, so that it counts as header. */
  readonly required: boolean
  readonly writable: boolean
  /** Only there when a condition holds. */
  readonly guarded: boolean
  /** The least offset it can start and end at, in bytes from the frame's start. */
  readonly minStart: number
  readonly minEnd: number
  /** Whether `minStart` is the only one. */
  readonly fixed: boolean
  readonly place: Place | undefined
  readonly number: NumberType | undefined
  readonly mask: number
  readonly start: Position
  readonly end: Position
  readonly read: Reader
  /** As a count of bytes: 0 or more, NEED or BAD. */
  readonly value: Position
  /** The low 32 bits of a required integer at a fixed offset, for tests that run for every message. */
  readonly raw: Position | undefined
  readonly container: Node | undefined
  /** The field that says how long this one is, when nothing else goes into its length. */
  readonly sizeNode: Node | undefined
  /** The number that stands in front of the value and says its length. */
  readonly prefix: NumberType | undefined
  readonly bias: number
  /** The field takes a multiple of so many bytes; 1: as many as it has. */
  readonly align: number
  /** The bytes that put a value in; undefined when it does not fit. Lengths around it are the caller's. */
  readonly patch:
    | ((b: Uint8Array, at: number, limit: number, value: FieldValue | undefined) => Patch | undefined)
    | undefined
  /** A text behind a plain length at one offset; `guarded` and `container` still count. */
  readonly text?: PlainText | undefined
  /** Its end is found by looking at every byte: the longest value there can be, in bytes; Infinity where nothing says. */
  readonly searched?: number
  /** Goes up to the end of the frame or container. */
  readonly rest: boolean
  /** Whether a new value can have another length. */
  readonly elastic: boolean
  /** Only `patch` can write how long it is (an entry, a protobuf field): what changes in it is written by writing all of it. */
  readonly whole?: true
  /** Maps: a field for one key of `map`, which is this node with all that was put around it (a container, a condition). */
  readonly entry: ((key: string, map: Node) => Node | undefined) | undefined
}

const encoder = new TextEncoder()

/** A value for a text field; undefined when it is a number. */
export function textBytes(value: FieldValue): Uint8Array {
  if (value instanceof Uint8Array) return value
  return encoder.encode(String(value))
}

/** One array of the bytes of all parts. */
export function joinBytes(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** As `sameBytes`; with `anyCase`, letters of ASCII are the same in both cases. */
export function sameText(b: Uint8Array, start: number, end: number, text: Uint8Array, anyCase: boolean): boolean {
  if (!anyCase) return sameBytes(b, start, end, text)
  if (end - start !== text.length) return false
  for (let i = 0; i < text.length; i++) if (lower(b[start + i]!) !== lower(text[i]!)) return false
  return true
}

const lower = (byte: number) => (byte >= 65 && byte <= 90 ? byte + 32 : byte)

/** Whether `b[start..end)` are the bytes of `text`. */
export function sameBytes(b: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  if (end - start !== text.length) return false
  for (let i = 0; i < text.length; i++) if (b[start + i] !== text[i]) return false
  return true
}
