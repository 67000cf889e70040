import { emptyRef, type FieldValue } from '../contract.ts'
import type { FrameChecksum } from './frame-checksum.ts'
import { countsInto, type LengthPlan, lengthNumber } from './length.ts'
import { type Node, type Patch, padded, roundUp, sameBytes, textBytes } from './node.ts'
import { last, numberBytes, readNumber } from './numbers.ts'
import { isVariable } from './types.ts'

/** What a change of a frame must keep right. */
export interface FrameRules {
  readonly length: LengthPlan
  readonly checksum: FrameChecksum | undefined
  readonly maxFrame: number
  /** Texts or frames end with delimiters. */
  readonly searched: boolean
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
  const result = applyPatch(rules, frame, node, patch)
  return result && rules.searched && !readsBack(rules, result, node, value) ? undefined : result
}

/** Whether a frame still ends where it did, and the field says what was written: a text may have a delimiter in it. */
function readsBack({ length }: FrameRules, frame: Uint8Array, node: Node, value: FieldValue | undefined): boolean {
  if (length.total(frame, 0, frame.length) !== frame.length) return false
  const ref = emptyRef()
  const found = node.read(frame, 0, frame.length, ref)
  if (value === undefined || !found) return found === (value !== undefined)
  return node.number !== undefined || sameBytes(frame, ref.start, ref.end, textBytes(value))
}

function applyPatch(rules: FrameRules, frame: Uint8Array, node: Node, patch: Patch): Uint8Array | undefined {
  const delta = growth(patch)
  const { counted = delta, start, bytes } = patch
  if (delta === 0 && counted === 0) {
    frame.set(bytes, start)
    return frame
  }
  const patches = [patch]
  let total = delta
  // Whoever says how long this field, or a field around it, is.
  let owner: Node | undefined = node
  for (; owner && (owner === node || !owner.whole); owner = owner.container) {
    const padding = owner === node ? null : paddingPatch(frame, owner, total)
    if (padding === undefined) return undefined
    const size = sizePatch(frame, owner, owner === node, owner === node ? counted : total)
    if (size === undefined) return undefined
    // A prefix stands outside what it counts, but inside everything further out; so does padding.
    for (const extra of [size, padding]) {
      if (!extra) continue
      patches.push(extra)
      total += growth(extra)
    }
  }
  if (owner) return applyInside(rules, frame, owner, patches)
  // The padding of the last field may be the frame's, which its length does not count.
  const inside = patch.end <= rules.length.announced(frame, 0, frame.length)
  const length = frameLengthPatch(
    rules,
    frame,
    patches,
    rules.length.align === 1 || inside ? total : total - delta + counted,
  )
  if (length === undefined) return undefined
  if (length) patches.push(length)
  const spliced = splice(frame, patches)
  const result = spliced && padFrame(rules, spliced)
  return result && result.length <= rules.maxFrame ? result : undefined
}

/** Changes in a field that has to be written as a whole. */
function applyInside(
  rules: FrameRules,
  frame: Uint8Array,
  holder: Node,
  patches: readonly Patch[],
): Uint8Array | undefined {
  const ref = emptyRef()
  if (!holder.read(frame, 0, frame.length, ref)) return undefined
  const { start, end } = ref
  if (patches.some((patch) => patch.start < start || patch.end > end)) return undefined
  const inside = patches.map((patch) => ({ ...patch, start: patch.start - start, end: patch.end - start }))
  const content = splice(frame.subarray(start, end), inside)
  const patch = content && holder.patch?.(frame, 0, frame.length, content)
  return patch && applyPatch(rules, frame, holder, patch)
}

/** Puts the padding behind what the frame's length says. */
export function padFrame({ length }: FrameRules, frame: Uint8Array): Uint8Array | undefined {
  if (length.align === 1) return frame
  const end = length.announced(frame, 0, frame.length)
  return end < 0 || end > frame.length ? undefined : padded(frame.subarray(0, end), length.align)
}

/** The padding behind a field around the changed one, whose content grows by `delta`; null when there is none. */
function paddingPatch(frame: Uint8Array, owner: Node, delta: number): Patch | null | undefined {
  if (owner.align === 1) return null
  const ref = { start: 0, end: 0, lo: 0, hi: 0 }
  const start = owner.start(frame, 0, frame.length)
  const end = owner.end(frame, 0, frame.length)
  if (start < 0 || end < 0 || !owner.read(frame, 0, frame.length, ref)) return undefined
  // The number in front takes as many bytes as before: a varint that grew would move the boundary.
  if (owner.prefix && isVariable(owner.prefix)) return undefined
  const size = ref.end - start + delta
  return { start: ref.end, end, bytes: new Uint8Array(roundUp(size, owner.align) - size) }
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
  if (length.until) return null
  const counted = length.terms.filter(({ node }) => {
    const start = node.start(frame, 0, frame.length)
    return patches.some((patch) => patch.start === start)
  })
  if (counted.length > 0) return counted.every(({ node }) => countsInto(length, node)) ? null : undefined
  // What changes in front of the bytes that are counted changes where they start.
  const start = length.behind?.end(frame, 0, frame.length) ?? 0
  const before = patches.filter(({ end }) => end <= start).reduce((sum, patch) => sum + growth(patch), 0)
  if (delta === before) return null
  const said = length.announced(frame, 0, frame.length)
  const number = lengthNumber(length, frame, 0, frame.length, said + delta - before)
  const node = length.single?.node
  if (number === undefined || !node) return undefined
  const patch = node.patch?.(frame, 0, frame.length, number)
  // A varint that counts itself and grows would have to count once more; such layouts are not offered as writable.
  return patch
}

const growth = ({ start, end, bytes }: Patch) => bytes.length - (end - start)

/** The frame with all patches; undefined when two of them are about the same bytes. */
function splice(frame: Uint8Array, patches: readonly Patch[]): Uint8Array | undefined {
  const sorted = [...patches].sort((a, b) => a.start - b.start)
  if (sorted.some(({ start }, i) => i > 0 && start < sorted[i - 1]!.end)) return undefined
  const size = sorted.reduce((sum, patch) => sum + growth(patch), frame.length)
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
