import { emptyRef, FrameError, FrameKind } from '../contract.ts'
import { trailerTest } from './frame-checksum.ts'
import type { Node, Position } from './node.ts'
import type { VariantPlan } from './variant-plan.ts'

/** What a whole frame is: kind, id, status, and whether all that must be in it is there. */

export function inspector(plan: Omit<VariantPlan, 'inspect'>): VariantPlan['inspect'] {
  const { header, kind, ids, idBits, status, error, timeout } = plan
  const wide = idBits > 32
  const [id, second] = ids
  // An id is its bits, whatever sign the field has.
  const idBitsOnly =
    id?.number?.form === 'int' && id.signed && id.number.bytes < 4 ? 2 ** (id.number.bytes * 8) - 1 : -1
  const { kindOf, table, constant } = kind
  const readId = id?.read
  const readSecond = wide ? undefined : second?.read
  const idNeeded = id?.required === true
  const readStatus = status?.read
  const readTimeout = timeout?.read
  const ref = emptyRef()
  const tails = tailsOf(plan)
  const trailer = trailerTest(plan.rules.checksum)
  const kinds = table?.kinds
  const kindAt = table?.offset ?? 0
  return (b, at, length, out) => {
    if (length < header) return FrameError.belowHeader
    const limit = at + length
    const frameKind = constant ?? (kinds ? kinds[b[at + kindAt]!]! : kindOf(b, at, limit))
    if (frameKind <= 0) return FrameError.unknownKind
    out.kind = frameKind
    if (readId?.(b, at, limit, ref)) {
      out.idLo = ref.lo & idBitsOnly
      out.idHi = wide ? ref.hi : 0
      if (readSecond?.(b, at, limit, ref)) out.idHi = out.idLo ^ (ref.lo & idBitsOnly)
    } else {
      if (idNeeded) return FrameError.malformed
      out.idLo = 0
      out.idHi = 0
    }
    for (let i = 0; i < tails.length; i++) if (tails[i]!(b, at, limit) < 0) return FrameError.malformed
    if (trailer && !trailer(b, at, limit)) return FrameError.malformed
    out.timeout = readTimeout?.(b, at, limit, ref) && ref.hi === 0 && ref.lo > 0 ? ref.lo : 0
    out.status = 0
    out.error = 0
    if (frameKind === FrameKind.response || frameKind === FrameKind.either) {
      if (readStatus?.(b, at, limit, ref)) out.status = ref.lo
      if (error?.(b, at, limit)) out.error = 1
    }
    return 0
  }
}

/**
 * Ends of the fields every frame must have and whose place or length varies: a frame too short for them is malformed. Of a chain of
 * fields the last one is enough, and the id is read anyway.
 */
export function tailsOf({ nodes, ids }: Pick<VariantPlan, 'nodes' | 'ids'>): readonly Position[] {
  const moving = nodes.filter(
    (node) => node.required && !(node.fixed && (node.rest || Number.isFinite(node.place?.bytes))),
  )
  const followed = (node: Node) =>
    nodes.some((other) => other.required && other.place?.anchor.includes(`end:${node.name}`))
  const read = ids[0]
  return moving.filter((node) => node !== read && node.role !== 'length' && !followed(node)).map(({ end }) => end)
}
