import type { FieldRef } from '../contract.ts'
import type { FrameChecksum } from './frame-checksum.ts'
import { inner } from './inner-node.ts'
import type { IssuePath } from './issue.ts'
import type { LengthPlan } from './length.ts'
import type { Node, Position } from './node.ts'
import { BAD } from './numbers.ts'
import type { Scope } from './scope.ts'
import type { FrameSuffix } from './suffix.ts'

/** What stands at the end of frames. */
interface FrameEnds {
  /** Of frames that are padded. */
  readonly frame: LengthPlan | undefined
  readonly checksum: FrameChecksum | undefined
  readonly suffix: FrameSuffix | null
}

/** Fields for the bytes that fill fields and frames up, for the checksum and the suffix, so that nothing of a decoded frame is without a name. */
export function paddingNodes(
  scope: Scope,
  nodes: readonly Node[],
  { frame, checksum, suffix }: FrameEnds,
  path: IssuePath,
): readonly Node[] {
  const ref = { start: 0, end: 0, lo: 0, hi: 0 }
  const made = nodes
    .filter(({ align }) => align > 1)
    .map((node) =>
      paddingNode(
        `${node.name}-padding`,
        node.path,
        node,
        (b, at, limit) => (node.read(b, at, limit, ref) ? ref.end : BAD),
        node.end,
      ),
    )
  if (frame) {
    const start: Position = (b, at, limit) => {
      const n = frame.announced(b, at, limit)
      return n < 0 ? n : at + n
    }
    made.push(paddingNode('padding', path, undefined, start, (_b, _at, limit) => limit))
  }
  if (checksum) {
    const { at: place, when, width, form } = checksum
    const start: Position = (b, at, limit) => (when && !when(b, at, limit) ? BAD : place(b, at, limit))
    const end: Position = (b, at, limit) => {
      const e = place(b, at, limit) + width
      return e > limit ? BAD : e
    }
    const node = paddingNode('checksum', path, undefined, start, end)
    made.push({ ...node, role: 'checksum', type: form === 'bytes' ? 'bytes' : 'string' })
  }
  if (suffix) {
    const { start, bytes } = suffix
    const end: Position = (b, at, limit) => {
      const s = start(b, at, limit)
      return s < 0 ? s : s + bytes.length
    }
    made.push({ ...paddingNode('suffix', path, undefined, start, end), role: 'check' })
  }
  return made.filter(({ name }) => !scope.declarations.has(name))
}

function paddingNode(name: string, path: IssuePath, of: Node | undefined, start: Position, end: Position): Node {
  const read = (b: Uint8Array, at: number, limit: number, out: FieldRef) => {
    const s = start(b, at, limit)
    const e = s < 0 ? s : end(b, at, limit)
    if (e <= s) return false
    out.start = s
    out.end = e
    return true
  }
  return {
    ...inner,
    name,
    path,
    type: 'bytes',
    elastic: false,
    writable: false,
    minStart: of?.minEnd ?? 0,
    minEnd: of?.minEnd ?? 0,
    container: of?.container,
    start,
    end,
    read,
    patch: undefined,
  }
}
