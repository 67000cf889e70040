import type { Codec } from '../contract.ts'
import { FrameError, FrameKind } from '../contract.ts'
import type { Condition } from './condition.ts'
import type { LengthPlan } from './length.ts'
import type { Node, PlainText } from './node.ts'
import type { VariantPlan } from './variant-plan.ts'

/**
 * Layouts of fixed big-endian integers and texts, which most private protocols are, without a call of one closure from another: when a proxy
 * serves several protocols such calls see many targets and cost more than the reading. Each function here answers undefined when a
 * layout is not of its shape; the general closures do the same slower.
 */

/** Offset and width of a field that is a plain big-endian unsigned integer in every frame. */
function plain(node: Node | undefined): { readonly at: number; readonly bytes: number } | undefined {
  if (!node?.fixed || node.guarded || !node.required || node.mask !== 0 || node.number?.form !== 'int') return undefined
  const { bytes, le } = node.number
  return bytes === 1 || !le ? { at: node.minStart, bytes } : undefined
}

/** The low 32 bits of a big-endian integer of 1 to 4 bytes; of 4 bytes the value is negative from 2^31 on. */
function uintAt(b: Uint8Array, p: number, bytes: number): number {
  let value = b[p]!
  if (bytes === 4) return (value << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!
  for (let i = 1; i < bytes; i++) value = (value << 8) | b[p + i]!
  return value
}

interface PlainPlace {
  /** Offset in the frame, or behind the text. */
  readonly at: number
  readonly bytes: number
  readonly behind: PlainText | undefined
}

/** As `plain`, also for what stands right behind a text at one offset, or some bytes further. */
function plainOrBehind(node: Node | undefined, nodes: readonly Node[]): PlainPlace | undefined {
  const fixed = plain(node)
  if (fixed) return { ...fixed, behind: undefined }
  if (!node?.place || node.guarded || !node.required || node.mask !== 0 || node.number?.form !== 'int') return undefined
  const { anchor, offset } = node.place
  const text = nodes.find(({ name }) => anchor === `1*end:${name}`)
  const behind = text && plainText(text)
  const { bytes, le } = node.number
  return behind && offset >= 0 && (bytes === 1 || !le) ? { at: offset, bytes, behind } : undefined
}

function plainText({ text, fixed, guarded, container }: Node): PlainText | undefined {
  return fixed && !guarded && !container ? text : undefined
}

/** Length = constant + one u16, u24 or u32, and at most one fixed value to check. */
export function simpleLength(
  plan: VariantPlan,
  min: number,
  checks: readonly Condition[],
): Codec['frameLength'] | undefined {
  const { length, maxFrame } = plan
  const field = singleTerm(length)
  const [check] = checks
  const checked = plain(check?.node)
  if (
    !field ||
    length.align > 1 ||
    checks.length > 1 ||
    (check && (!checked || checked.bytes > 4 || check.marks.length !== 1))
  )
    return undefined
  const { at: lengthAt, bytes, base } = field
  const wanted = Number(check?.marks[0] ?? 0) | 0
  const checkAt = checked?.at ?? 0
  const checkBytes = checked?.bytes ?? 0
  const need = Math.max(lengthAt + bytes, checkAt + checkBytes)
  return (b, at, end) => {
    if (end - at < need) return need
    if (checkBytes !== 0) {
      const c = at + checkAt
      let value = b[c]!
      for (let i = 1; i < checkBytes; i++) value = (value << 8) | b[c + i]!
      if (value !== wanted) return FrameError.badMagic
    }
    const p = at + lengthAt
    let n = b[p]!
    if (bytes === 4) n = (n << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!
    else if (bytes === 2) n = (n << 8) | b[p + 1]!
    else n = (n << 16) | (b[p + 1]! << 8) | b[p + 2]!
    if (n < 0) return FrameError.malformed
    n += base
    return n < min ? FrameError.belowHeader : n > maxFrame ? FrameError.tooLong : n
  }
}

function singleTerm({ single, constant }: LengthPlan) {
  const field = single?.scale === 1 ? plain(single.node) : undefined
  if (!field || field.bytes < 2 || field.bytes > 4) return undefined
  // A signed length has to be looked at with its sign, which only 32 bits show without more work.
  if (single?.node.number?.form === 'int' && single.node.number.signed && field.bytes !== 4) return undefined
  return { ...field, base: constant }
}

/** Kind by a table over one byte, an id of 32 or 64 bits, error replies by the value of one byte, no status and no timeout. */
export function simpleInspect(plan: Omit<VariantPlan, 'inspect'>, tails: number): Codec['inspect'] | undefined {
  const { header, kind, ids, nodes, status, timeout, errorByte, rules } = plan
  if (ids.length > 1) return undefined
  const [idNode] = ids
  const id = plainOrBehind(idNode, nodes)
  if (!kind.table || status || timeout || tails > 0 || (plan.error && !errorByte)) return undefined
  if (idNode && (!id || (id.bytes !== 4 && id.bytes !== 8))) return undefined
  const { kinds, offset } = kind.table
  const idBytes = id?.bytes ?? 0
  const idAt = (id?.at ?? 0) + (idBytes === 8 ? 4 : 0)
  const says = idBytes === 4 && !rules.checksum
  const textAt = id?.behind?.at ?? 0
  const textBytes = id?.behind?.bytes ?? 0
  const textMax = id?.behind?.max ?? 0
  const errorAt = errorByte?.at ?? offset
  const errors = errorByte?.values ?? new Uint8Array(256)
  return (b, at, length, out) => {
    if (length < header) return FrameError.belowHeader
    const frameKind = kinds[b[at + offset]!]!
    if (frameKind === 0) return FrameError.unknownKind
    out.kind = frameKind
    out.idLo = 0
    out.idHi = 0
    if (idBytes !== 0) {
      let p = at + idAt
      if (textBytes !== 0) {
        const n = uintAt(b, at + textAt, textBytes)
        if (n < 0 || n > textMax) return FrameError.malformed
        p += textAt + textBytes + n
        if (p + 4 > at + length) return FrameError.malformed
      }
      out.idLo = (b[p]! << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!
      if (says) out.idAt = p - at
      if (idBytes === 8) out.idHi = (b[p - 4]! << 24) | (b[p - 3]! << 16) | (b[p - 2]! << 8) | b[p - 1]!
    }
    out.timeout = 0
    out.status = 0
    const answered = frameKind === FrameKind.response || frameKind === FrameKind.either
    out.error = answered ? errors[b[at + errorAt]!]! : 0
    return 0
  }
}

/** The index of a frame's variant, -1 when none fits. */
export type Picker = (b: Uint8Array, at: number, limit: number) => number

/** Variants in order, where the first ones are told apart by an integer at one place: it is read once, and no closure is asked. */
export function simplePicker(plans: readonly VariantPlan[]): Picker | undefined {
  const marks = plans.map(({ selectors }) => mark(selectors))
  const [first] = marks
  if (!first) return undefined
  const end = marks.findIndex((other) => other?.at !== first.at || other.bytes !== first.bytes)
  const quick = end < 0 ? marks.length : end
  const wanted = Int32Array.from(marks.slice(0, quick), (each) => each!.value)
  const tests = plans.map(({ selected }) => selected)
  const { at: markAt, bytes } = first
  return (b, at, limit) => {
    const p = at + markAt
    if (p + bytes <= limit) {
      const value = uintAt(b, p, bytes)
      for (let i = 0; i < wanted.length; i++) if (wanted[i] === value) return i
    }
    for (let i = quick; i < tests.length; i++) if (tests[i]!(b, at, limit)) return i
    return -1
  }
}

/** The one value of one plain field that selects a variant. */
function mark(selectors: readonly Condition[]) {
  const [only] = selectors
  const field = plain(only?.node)
  if (selectors.length !== 1 || !only || !field || field.bytes > 4 || only.bits || !only.plain) return undefined
  const [value] = only.marks
  // A `not` names a value, too.
  if (only.marks.length !== 1 || typeof value !== 'number' || !only.holds(value)) return undefined
  return { ...field, value: value | 0 }
}

/** What a slot is in one variant. From `texts` on: a text behind a length of so many bytes more. */
const general = 0
const absent = 16
const texts = 32

/**
 * Fields by slot and variant: plain integers and texts read in place, the others by their own reader. `nodes[slot][variant]`; `pick` where there are
 * several variants.
 */
export function slotReader(nodes: readonly (readonly (Node | undefined)[])[], pick: Picker | undefined): Codec['read'] {
  // Slots are added while routes are loaded; the tables follow.
  let slots = 0
  let variants = 1
  let forms = new Uint8Array(0)
  let offsets = new Int32Array(0)
  let most = new Float64Array(0)
  const grow = () => {
    const all = nodes.flat()
    slots = nodes.length
    variants = nodes[0]?.length ?? 1
    forms = Uint8Array.from(all, formOf)
    offsets = Int32Array.from(all, (node, i) => (forms[i]! >= texts ? node!.text!.at : (node?.minStart ?? 0)))
    most = Float64Array.from(all, (node) => node?.text?.max ?? 0)
  }
  return (slot, b, at, length, out) => {
    if (slot >= slots) {
      if (slot >= nodes.length) return false
      grow()
    }
    const limit = at + length
    const variant = pick === undefined ? 0 : pick(b, at, limit)
    if (variant < 0) return false
    const place = slot * variants + variant
    const form = forms[place]
    if (form === undefined || form === absent) return false
    if (form === general) return nodes[slot]![variant]!.read(b, at, limit, out)
    const p = at + offsets[place]!
    if (form >= texts) {
      const start = p + form - texts
      if (start > limit) return false
      const n = uintAt(b, p, form - texts)
      if (n < 0 || n > most[place]! || start + n > limit) return false
      out.start = start
      out.end = start + n
      return true
    }
    out.start = p
    out.end = p + form
    if (out.end > limit) return false
    out.hi = 0
    if (form === 4) out.lo = (b[p]! << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!
    else if (form === 1) out.lo = b[p]!
    else if (form === 2) out.lo = (b[p]! << 8) | b[p + 1]!
    else {
      out.hi = (b[p]! << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!
      out.lo = (b[p + 4]! << 24) | (b[p + 5]! << 16) | (b[p + 6]! << 8) | b[p + 7]!
    }
    return true
  }
}

function formOf(node: Node | undefined): number {
  if (!node) return absent
  const text = plainText(node)
  if (text) return texts + text.bytes
  const field = plain(node)
  const signed = node.number?.form === 'int' && node.number.signed
  return field && !signed && field.bytes !== 3 ? field.bytes : general
}

/** Writes the one id of a layout, a plain integer of 32 bits. */
export function simpleWriteId({ ids, nodes, rules }: VariantPlan): NonNullable<Codec['writeId']> | undefined {
  const id = ids.length === 1 && !rules.checksum ? plainOrBehind(ids[0], nodes) : undefined
  if (id?.bytes !== 4) return undefined
  const { at: idAt } = id
  const textAt = id.behind?.at ?? 0
  const textBytes = id.behind?.bytes ?? 0
  const textMax = id.behind?.max ?? 0
  return (b, at, length, lo) => {
    let p = at + idAt
    if (textBytes !== 0) {
      if (length < textAt + textBytes) return false
      const n = uintAt(b, at + textAt, textBytes)
      if (n < 0 || n > textMax) return false
      p += textAt + textBytes + n
    }
    if (p + 4 > at + length) return false
    b[p] = lo >>> 24
    b[p + 1] = lo >>> 16
    b[p + 2] = lo >>> 8
    b[p + 3] = lo
    return true
  }
}
