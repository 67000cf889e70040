import type { IssuePath } from './issue.ts'
import { type Node, type Place, roundUp } from './node.ts'
import { BAD } from './numbers.ts'
import type { FieldSpec } from './schema.ts'
import type { Scope } from './scope.ts'
import { sizedText } from './text-node.ts'

/** A field whose start is known and whose type is not looked at yet. */
export type Placed = Omit<
  Node,
  'type' | 'writable' | 'minEnd' | 'place' | 'end' | 'read' | 'value' | 'patch' | 'elastic'
>

/** Bytes of a `size` that the document says, as a field of bytes; undefined when it is wrong, which `scope` is told. */
export function sizedRegion(
  scope: Scope,
  base: Placed,
  spec: FieldSpec,
  path: IssuePath,
  align: number,
  max: number,
  before: number | undefined,
  place: (bytes: number) => Place,
): Node | undefined {
  const { size: said = 'rest' } = spec
  const expression = said === 'rest' ? undefined : scope.expression(said, [...path, 'size'])
  if (said !== 'rest' && !expression) return undefined
  const size = expression && scope.count(expression, [...path, 'size'], before)
  if (expression && !size) return undefined
  const [term] = expression?.terms ?? []
  const single = expression?.terms.length === 1 && term?.of === 'value' && term.scale === 1
  const elastic = !expression || single
  // In a frame that is padded the rest goes to where its length says.
  const edge = base.container === undefined ? scope.edge : undefined
  return {
    ...base,
    align,
    ...sizedText(base.start, size?.position, elastic, max, align, edge),
    type: 'bytes',
    writable: (spec.writable ?? true) && elastic,
    value: () => BAD,
    rest: expression === undefined,
    minEnd: base.minStart + roundUp(size?.min ?? 0, align),
    place: place(
      expression && expression.terms.length === 0 ? roundUp(expression.constant, align) : Number.POSITIVE_INFINITY,
    ),
    sizeNode: single && term ? scope.node(term.name) : undefined,
    elastic,
  }
}
