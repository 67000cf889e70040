import type { Node, Position, Test } from './node.ts'
import { BAD } from './numbers.ts'
import type { Region } from './offset.ts'

/** Nodes made of other nodes: bounded by a container, or there only under a condition. */

/** A field in a container ends with it at the latest, and `rest` is the rest of the container. */
export function within(node: Node, container: Node, region: Region): Node {
  const { start, end, read, value, patch } = node
  const ref = { start: 0, end: 0, lo: 0, hi: 0 }
  // The container is looked for in the whole frame, the field in the container.
  const edge: Position = (b, at, limit) => {
    if (!container.read(b, at, limit, ref)) return BAD
    region.start = ref.start
    region.end = ref.end
    region.limit = limit
    return ref.end
  }
  const bounded =
    (position: Position): Position =>
    (b, at, limit) => {
      const e = edge(b, at, limit)
      return e < 0 ? e : position(b, at, e)
    }
  return {
    ...node,
    start: bounded(start),
    end: bounded(end),
    value: bounded(value),
    read: (b, at, limit, out) => {
      const e = edge(b, at, limit)
      return e >= 0 && read(b, at, e, out)
    },
    patch:
      patch &&
      ((b, at, limit, wanted) => {
        const e = edge(b, at, limit)
        return e < 0 ? undefined : patch(b, at, e, wanted)
      }),
  }
}

/** A field that is there only when a test holds; it takes no bytes otherwise. */
export function guarded(node: Node, present: Test): Node {
  const { start, end, read, patch } = node
  return {
    ...node,
    guarded: true,
    raw: undefined,
    minEnd: node.minStart,
    end: (b, at, limit) => (present(b, at, limit) ? end(b, at, limit) : start(b, at, limit)),
    read: (b, at, limit, out) => present(b, at, limit) && read(b, at, limit, out),
    value: (b, at, limit) => (present(b, at, limit) ? node.value(b, at, limit) : 0),
    patch: patch && ((b, at, limit, value) => (present(b, at, limit) ? patch(b, at, limit, value) : undefined)),
  }
}
