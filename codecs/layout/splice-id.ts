import { type Codec, emptyRef } from '../contract.ts'
import { renewChecksum } from './frame-checksum.ts'
import { countsInto } from './length.ts'
import type { Node } from './node.ts'
import { highAt, lowAt, putInt } from './numbers.ts'
import { largest } from './types.ts'
import type { VariantPlan } from './variant-plan.ts'

/**
 * Ids that are varints, written for every message of a shared connection: one new frame, the numbers that count the id corrected in
 * place. Answers undefined at load for layouts that need more (the general edit does those), and at run time for frames that do.
 */
export function fastSplice(plan: VariantPlan): NonNullable<Codec['spliceId']> | undefined {
  const { ids, length, rules, maxFrame } = plan
  const elastic = ids.filter((node) => node.elastic)
  const others = ids.filter((node) => !node.elastic)
  const [id] = elastic
  // Padding moves with the id.
  if (length.align > 1 || id?.container?.container || (id?.container?.align ?? 1) > 1) return undefined
  if (!id || elastic.length !== 1 || !plainVarint(id) || !others.every(fixedInt)) return undefined
  const counters: Node[] = []
  for (let owner: Node | undefined = id.container; owner; owner = owner.container) {
    if (owner.prefix || !owner.sizeNode) return undefined
    counters.push(owner.sizeNode)
  }
  if (!counters.some((node) => countsInto(length, node))) {
    if (length.single?.scale !== 1) return undefined
    counters.push(length.single.node)
  }
  if (!counters.every(fixedInt)) return undefined
  const wide = id.type === 'bigint'
  const ref = emptyRef()
  return (b, at, size, lo, hi) => {
    if (!id.read(b, at, at + size, ref)) return undefined
    const start = ref.start - at
    const high = wide ? hi : 0
    const low = partOf(plan, ids.indexOf(id), lo, hi)
    const delta = varintSize(low, high) - (ref.end - ref.start)
    if (size + delta > maxFrame) return undefined
    const out = new Uint8Array(size + delta)
    out.set(b.subarray(at, at + start))
    const end = putVarint(out, start, low, high)
    out.set(b.subarray(ref.end, at + size), end)
    for (let i = 0; delta !== 0 && i < counters.length; i++) if (!add(counters[i]!, out, delta)) return undefined
    for (let i = 0; i < others.length; i++) put(others[i]!, out, partOf(plan, ids.indexOf(others[i]!), lo, hi), hi)
    renewChecksum(rules, out, 0, out.length)
    return out
  }
}

/** The low half of the id in the `i`th of its places; `hi` says in which bits ids of up to 32 bits differ (`Frame.idHi`). */
export function partOf({ idBits }: Pick<VariantPlan, 'idBits'>, i: number, lo: number, hi: number): number {
  return i === 1 && idBits <= 32 ? lo ^ hi : lo
}

function plainVarint({ number, signed, guarded }: Node): boolean {
  return number?.form === 'varint' && number.coding === 'leb128' && !signed && !guarded
}

function fixedInt(node: Node): boolean {
  return node.fixed && node.number?.form === 'int' && node.mask === 0 && !node.guarded
}

function add(node: Node, frame: Uint8Array, delta: number): boolean {
  if (node.number?.form !== 'int') return false
  const { bytes, le } = node.number
  const value = (lowAt(frame, node.minStart, bytes, le) >>> 0) + delta
  if (value < 0 || value > largest(node.number)) return false
  putInt(frame, node.minStart, bytes, le, value | 0, highAt(frame, node.minStart, bytes, le))
  return true
}

function put(node: Node, frame: Uint8Array, lo: number, hi: number): void {
  if (node.number?.form === 'int') putInt(frame, node.minStart, node.number.bytes, node.number.le, lo, hi)
}

/** Bytes of a LEB128 of an unsigned 64-bit value. */
export function varintSize(lo: number, hi: number): number {
  if (hi === 0) return lo >>> 7 === 0 ? 1 : lo >>> 14 === 0 ? 2 : lo >>> 21 === 0 ? 3 : lo >>> 28 === 0 ? 4 : 5
  const rest = hi >>> 3
  return rest === 0
    ? 5
    : rest >>> 7 === 0
      ? 6
      : rest >>> 14 === 0
        ? 7
        : rest >>> 21 === 0
          ? 8
          : rest >>> 28 === 0
            ? 9
            : 10
}

/** Writes it at `p`. @returns the index behind it. */
export function putVarint(b: Uint8Array, p: number, lo: number, hi: number): number {
  while (hi !== 0 || lo >>> 0 > 0x7f) {
    b[p++] = (lo & 0x7f) | 0x80
    lo = (lo >>> 7) | (hi << 25)
    hi >>>= 7
  }
  b[p++] = lo
  return p
}
