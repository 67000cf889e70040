import type { FrameChecksum } from './frame-checksum.ts'
import type { Issues } from './issue.ts'
import type { Node, Place } from './node.ts'

/**
 * Refuses two fields that a filter may write and that share bits: a change of one would change the other. So it is with a
 * checksum on anything that is written or that says what the frame is.
 */
export function checkOverlaps(nodes: readonly Node[], checksum: FrameChecksum | undefined, issues: Issues): void {
  const written = nodes.filter((node) => node.place && (node.writable || node.role === 'length') && !node.container)
  written.forEach((node, i) => {
    for (const other of written.slice(0, i)) {
      // Two conditional fields may take turns at one place.
      if ((node.guarded && other.guarded) || !overlap(node.place!, other.place!)) continue
      issues.error(
        node.path,
        `"${node.name}" overlaps "${other.name}", and both can be written`,
        `mark one of them "writable: false"${other.place!.bytes === Number.POSITIVE_INFINITY ? `, or put it "after: ${other.name}"` : ''}`,
      )
    }
  })
  const sum = checksum?.place
  if (!sum) return
  const under = [...written, ...nodes.filter(({ role }) => role === 'check' || role === 'kind')].find(
    (node) => !(checksum.when && node.guarded) && overlap(node.place!, sum),
  )
  if (!under) return
  issues.error(
    checksum.path,
    `the checksum overlaps "${under.name}"`,
    under.role === undefined
      ? `put it elsewhere; if "${under.name}" is the checksum itself, mark it "writable: false"`
      : 'put it elsewhere',
  )
}

/** Whether two fields share bits for certain. */
export function overlap(a: Place, b: Place): boolean {
  if (a.anchor !== b.anchor) return false
  if (a.offset > b.offset) return overlap(b, a)
  if (a.offset + a.bytes <= b.offset) return false
  if (!Number.isFinite(a.bytes) || !Number.isFinite(b.bytes)) return true
  for (let p = b.offset; p < Math.min(a.offset + a.bytes, b.offset + b.bytes); p++) {
    if ((bitsAt(a, p) & bitsAt(b, p)) !== 0) return true
  }
  return false
}

/** The bits of byte `p` that belong to a field. */
function bitsAt({ offset, bytes, mask, le }: Place, p: number): number {
  if (mask === 0) return 0xff
  const index = p - offset
  return (mask >>> ((le ? index : bytes - 1 - index) * 8)) & 0xff
}
