import { type Codec, emptyRef } from '../contract.ts'
import { renewChecksum } from './frame-checksum.ts'
import type { Node } from './node.ts'
import { partOf, putVarint, varintSize } from './splice-id.ts'
import type { VariantPlan } from './variant-plan.ts'

/** Ids written in place. */

/** The id as a value of the field's own sign and width. */
export function idValue(node: Node, lo: number, hi: number): number | bigint {
  if (node.type === 'number') return node.signed ? lo : lo >>> 0
  const bits = (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)
  return node.signed ? BigInt.asIntN(64, bits) : bits
}

/** `writeId` of a layout, for ids of any form. */
export function writer(plan: VariantPlan): NonNullable<Codec['writeId']> {
  const { ids, rules } = plan
  const puts = ids.map((node) => idPut(node))
  const [first] = puts
  if (!first) return () => false
  if (puts.length === 1 && !rules.checksum) return (b, at, length, lo, hi) => first(b, at, at + length, lo, hi)
  return (b, at, length, lo, hi) => {
    const limit = at + length
    // All places are looked at before the first is written: a frame must not end up with two ids.
    for (let i = 0; i < puts.length; i++) if (!puts[i]!(b, at, limit, partOf(plan, i, lo, hi), hi, true)) return false
    for (let i = 0; i < puts.length; i++) puts[i]!(b, at, limit, partOf(plan, i, lo, hi), hi)
    renewChecksum(rules, b, at, limit)
    return true
  }
}

type Put = (b: Uint8Array, at: number, limit: number, lo: number, hi: number, dry?: boolean) => boolean

function idPut(node: Node): Put {
  const { number, start, patch } = node
  if (number?.form === 'int' && !node.elastic && node.mask === 0) {
    const { bytes, le } = number
    return (b, at, limit, lo, hi, dry) => {
      const p = start(b, at, limit)
      if (p < 0 || p + bytes > limit) return false
      if (dry) return true
      if (bytes === 4 && !le) {
        b[p] = lo >>> 24
        b[p + 1] = lo >>> 16
        b[p + 2] = lo >>> 8
        b[p + 3] = lo
        return true
      }
      for (let i = 0; i < bytes; i++) {
        const half = i < 4 ? lo : hi
        b[le ? p + i : p + bytes - 1 - i] = half >>> ((i & 3) * 8)
      }
      return true
    }
  }
  const ref = emptyRef()
  const wide = node.type === 'bigint'
  if (number?.form === 'varint' && number.coding === 'leb128' && !node.signed) {
    return (b, at, limit, lo, hi, dry) => {
      const high = wide ? hi : 0
      if (!node.read(b, at, limit, ref) || ref.end - ref.start !== varintSize(lo, high)) return false
      if (!dry) putVarint(b, ref.start, lo, high)
      return true
    }
  }
  return (b, at, limit, lo, hi, dry) => {
    const made = patch?.(b, at, limit, idValue(node, lo, hi))
    if (!made || made.bytes.length !== made.end - made.start) return false
    if (!dry) b.set(made.bytes, made.start)
    return true
  }
}
