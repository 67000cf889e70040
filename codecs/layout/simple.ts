import type { Codec } from '../contract.ts'
import { FrameError, FrameKind } from '../contract.ts'
import type { Condition } from './condition.ts'
import type { LengthPlan } from './length.ts'
import type { Node } from './node.ts'
import type { VariantPlan } from './variant.ts'

/**
 * Layouts of fixed big-endian integers, which most private protocols are, without a call of one closure from another: when a proxy
 * serves several protocols such calls see many targets and cost more than the reading. Each function here answers undefined when a
 * layout is not of its shape; the general closures do the same slower.
 */

/** Offset and width of a field that is a plain big-endian unsigned integer in every frame. */
function plain(node: Node | undefined): { readonly at: number; readonly bytes: number } | undefined {
  if (!node?.fixed || node.guarded || !node.required || node.mask !== 0 || node.number?.form !== 'int') return undefined
  const { bytes, le } = node.number
  return bytes === 1 || !le ? { at: node.minStart, bytes } : undefined
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
    (check && (!checked || checked.bytes > 4 || check.bits || check.marks.length !== 1))
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

/** Kind by a table over one byte, an id of 32 or 64 bits, error replies by bits of one byte, no status and no timeout. */
export function simpleInspect(plan: Omit<VariantPlan, 'inspect'>, tails: number): Codec['inspect'] | undefined {
  const { header, kind, ids, status, timeout, errorBits } = plan
  if (ids.length > 1) return undefined
  const [idNode] = ids
  const id = plain(idNode)
  if (!kind.table || status || timeout || tails > 0 || (plan.error && !errorBits)) return undefined
  if (idNode && (!id || (id.bytes !== 4 && id.bytes !== 8))) return undefined
  const { kinds, offset } = kind.table
  const idAt = (id?.at ?? 0) + (id?.bytes === 8 ? 4 : 0)
  const idBytes = id?.bytes ?? 0
  const errorAt = errorBits?.at ?? 0
  const errorMask = errorBits?.mask ?? 0
  return (b, at, length, out) => {
    if (length < header) return FrameError.belowHeader
    const frameKind = kinds[b[at + offset]!]!
    if (frameKind === 0) return FrameError.unknownKind
    out.kind = frameKind
    out.idLo = 0
    out.idHi = 0
    if (idBytes !== 0) {
      const p = at + idAt
      out.idLo = (b[p]! << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!
      if (idBytes === 8) out.idHi = (b[p - 4]! << 24) | (b[p - 3]! << 16) | (b[p - 2]! << 8) | b[p - 1]!
    }
    out.timeout = 0
    out.status = 0
    const answered = frameKind === FrameKind.response || frameKind === FrameKind.either
    out.error = answered && (b[at + errorAt]! & errorMask) !== 0 ? 1 : 0
    return 0
  }
}

/** Fields of one layout by slot: plain integers read in place, the others by their own reader. */
export function slotReader(nodes: readonly (readonly (Node | undefined)[])[]): Codec['read'] {
  // Slots are added while routes are loaded; the tables follow.
  let widths = new Uint8Array(0)
  let offsets = new Int32Array(0)
  const grow = () => {
    widths = Uint8Array.from(nodes, ([node]) => {
      const field = plain(node)
      const signed = node?.number?.form === 'int' && node.number.signed
      return field && !signed && field.bytes !== 3 ? field.bytes : 0
    })
    offsets = Int32Array.from(nodes, ([node]) => node?.minStart ?? 0)
  }
  return (slot, b, at, length, out) => {
    if (slot >= widths.length) {
      if (slot >= nodes.length) return false
      grow()
    }
    const width = widths[slot]
    if (width === 0) return nodes[slot]![0]?.read(b, at, at + length, out) ?? false
    if (width === undefined) return false
    const p = at + offsets[slot]!
    out.start = p
    out.end = p + width
    if (out.end > at + length) return false
    out.hi = 0
    if (width === 4) out.lo = (b[p]! << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!
    else if (width === 1) out.lo = b[p]!
    else if (width === 2) out.lo = (b[p]! << 8) | b[p + 1]!
    else {
      out.hi = (b[p]! << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!
      out.lo = (b[p + 4]! << 24) | (b[p + 5]! << 16) | (b[p + 6]! << 8) | b[p + 7]!
    }
    return true
  }
}

/** Writes the one id of a layout, a plain integer of 32 bits. */
export function simpleWriteId({ ids, rules }: VariantPlan): NonNullable<Codec['writeId']> | undefined {
  const id = ids.length === 1 && !rules.checksum ? plain(ids[0]) : undefined
  if (id?.bytes !== 4) return undefined
  const { at: idAt } = id
  return (b, at, length, lo) => {
    if (length < idAt + 4) return false
    const p = at + idAt
    b[p] = lo >>> 24
    b[p + 1] = lo >>> 16
    b[p + 2] = lo >>> 8
    b[p + 3] = lo
    return true
  }
}
