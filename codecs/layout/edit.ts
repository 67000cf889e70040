import { crc32 } from 'node:zlib'
import type { FieldValue } from '../contract.ts'
import { countsInto, type LengthPlan, lengthNumber } from './length.ts'
import type { Node, Patch, Position, Test } from './node.ts'
import { last, numberBytes, putInt, readNumber } from './numbers.ts'

/** What a change of a frame must keep right. */
export interface FrameRules {
  readonly length: LengthPlan
  readonly checksum: { readonly at: Position; readonly when: Test | undefined; readonly le: boolean } | undefined
  readonly maxFrame: number
}

/**
 * Puts a value into a field of `frame` and corrects every length around it. @returns the new frame (the same bytes changed in
 * place when no length changes), undefined when the field is not there, cannot hold the value, or the frame would be too long.
 */
export function setField(
  rules: FrameRules,
  frame: Uint8Array,
  node: Node,
  value: FieldValue | undefined,
): Uint8Array | undefined {
  const patch = node.patch?.(frame, 0, frame.length, value)
  if (!patch || patch.end > frame.length) return undefined
  return applyPatch(rules, frame, node, patch)
}

export function applyPatch(rules: FrameRules, frame: Uint8Array, node: Node, patch: Patch): Uint8Array | undefined {
  const delta = patch.bytes.length - (patch.end - patch.start)
  if (delta === 0) {
    frame.set(patch.bytes, patch.start)
    return frame
  }
  const patches = [patch]
  let total = delta
  // Whoever says how long this field, or a field around it, is.
  for (let owner: Node | undefined = node; owner; owner = owner.container) {
    const size = sizePatch(frame, owner, owner === node, total)
    if (size === undefined) return undefined
    if (size === null) continue
    patches.push(size)
    // A prefix stands outside what it counts, but inside everything further out.
    total += size.bytes.length - (size.end - size.start)
  }
  const length = frameLengthPatch(rules, frame, patches, total)
  if (length === undefined) return undefined
  if (length) patches.push(length)
  const result = splice(frame, patches)
  return result.length > rules.maxFrame ? undefined : result
}

/** The change of the number that counts `owner`; null when there is none, undefined when it cannot be written. */
function sizePatch(frame: Uint8Array, owner: Node, self: boolean, delta: number): Patch | null | undefined {
  if (owner.sizeNode) {
    const { sizeNode } = owner
    const value = sizeNode.value(frame, 0, frame.length)
    return value < 0 ? undefined : sizeNode.patch?.(frame, 0, frame.length, value + delta)
  }
  // The field itself brings its own prefix along.
  if (!owner.prefix || self) return null
  const start = owner.start(frame, 0, frame.length)
  if (start < 0 || readNumber(owner.prefix, frame, start, frame.length) < 0) return undefined
  const end = last.next
  const bytes = numberBytes(owner.prefix, last.lo + delta, 0)
  return bytes && { start, end, bytes }
}

function frameLengthPatch(
  { length }: FrameRules,
  frame: Uint8Array,
  patches: readonly Patch[],
  delta: number,
): Patch | null | undefined {
  const counted = length.terms.filter(({ node }) => {
    const start = node.start(frame, 0, frame.length)
    return patches.some((patch) => patch.start === start)
  })
  if (counted.length > 0) return counted.every(({ node }) => countsInto(length, node)) ? null : undefined
  const number = lengthNumber(length, frame, 0, frame.length, frame.length + delta)
  const node = length.single?.node
  if (number === undefined || !node) return undefined
  const patch = node.patch?.(frame, 0, frame.length, number)
  // A varint that counts itself and grows would have to count once more; such layouts are not offered as writable.
  return patch
}

function splice(frame: Uint8Array, patches: readonly Patch[]): Uint8Array {
  const sorted = [...patches].sort((a, b) => a.start - b.start)
  const size = sorted.reduce((sum, { start, end, bytes }) => sum + bytes.length - (end - start), frame.length)
  const out = new Uint8Array(size)
  let from = 0
  let to = 0
  for (const { start, end, bytes } of sorted) {
    out.set(frame.subarray(from, start), to)
    to += start - from
    out.set(bytes, to)
    to += bytes.length
    from = end
  }
  out.set(frame.subarray(from), to)
  return out
}

/** Bytes a CRC-32 takes. */
export const checksumBytes = 4

/** Whether this frame has a checksum. */
export function hasChecksum({ checksum }: FrameRules, b: Uint8Array, at: number, limit: number): boolean {
  return checksum !== undefined && (!checksum.when || checksum.when(b, at, limit))
}

/** Computes the checksum anew, in place. */
export function renewChecksum(rules: FrameRules, b: Uint8Array, at: number, limit: number): void {
  const { checksum } = rules
  if (!checksum || !hasChecksum(rules, b, at, limit)) return
  const place = checksum.at(b, at, limit)
  if (place < 0 || place + checksumBytes > limit) return
  putInt(b, place, checksumBytes, checksum.le, crc32(b.subarray(at, place)) | 0, 0)
}
