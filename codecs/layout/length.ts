import type { Delimiter } from './delimiter.ts'
import { longestHeaderText } from './delimiter.ts'
import type { IssuePath } from './issue.ts'
import { type Node, type Position, roundUp } from './node.ts'
import type { BoundTerm } from './offset.ts'
import type { LengthSpec } from './schema.ts'
import type { Declaration, Scope } from './scope.ts'
import { largest } from './types.ts'

/** How a variant's frames say where they end. */
export interface LengthPlan {
  /** The announced length in bytes, NEED or BAD; any number, not yet compared with header and cap. */
  readonly announced: Position
  /** The same with the padding behind it. */
  readonly total: Position
  /** Frames take a multiple of so many bytes. */
  readonly align: number
  /** Bytes that must be there before `total` can answer. */
  readonly need: number
  /** The largest length the fields can say. */
  readonly most: number
  /** Fields whose numbers are added up. */
  readonly terms: readonly BoundTerm[]
  /** The one field that decides, whatever else stands in the sum. */
  readonly single: BoundTerm | undefined
  /** The constant a frame has when no field counts. */
  readonly constant: number
  /** The field behind whose end bytes are counted: what changes before it changes no number. */
  readonly behind: Node | undefined
  /** Frames say no length but end with these bytes. */
  readonly until?: Delimiter
}

/** The field `length` of a layout, when it is written as a field. */
export function lengthDeclaration(spec: LengthSpec | undefined, path: IssuePath): Declaration | undefined {
  if (typeof spec !== 'object') return undefined
  const { at, after, type, mask } = spec
  return {
    path,
    role: 'length',
    spec: {
      type,
      ...(at !== undefined && { at }),
      ...(after !== undefined && { after }),
      ...(mask !== undefined && { mask }),
    },
  }
}

/**
 * How the length of a frame, or of an entry of a list, is found, in bytes, rounded up to a multiple of `align`; undefined when the document is wrong, which
 * `scope` is told.
 */
export function lengthPlan(
  scope: Scope,
  spec: LengthSpec,
  path: IssuePath,
  align = 1,
  what: 'frame' | 'entry' = 'frame',
): LengthPlan | undefined {
  const expression =
    typeof spec === 'object'
      ? {
          constant: spec.plus ?? 0,
          terms: [
            ...(spec.counts === 'rest' ? [{ name: 'length', of: 'end' as const, scale: 1 }] : []),
            { name: 'length', of: 'value' as const, scale: spec.times ?? 1 },
          ],
        }
      : scope.expression(spec, path)
  const terms = expression && scope.terms(expression, path)
  if (!expression || !terms) return undefined
  const heads: Node[] = []
  for (const { node, of } of terms) {
    const head = of === 'value' && node.container ? headOf(node) : undefined
    if (head) heads.push(head)
    else if (node.container || (of === 'value' && node.place === undefined)) {
      scope.issues.error(
        path,
        `the ${what}'s length cannot depend on "${node.name}", which is only found inside the ${what}`,
      )
      return undefined
    }
    // An entry is looked at when all of it is there.
    const long = what === 'frame' ? longText(scope, head ?? node, of) : undefined
    if (long) {
      scope.issues.error(
        path,
        `the frame's length hangs on where "${long.name}" ends, which is searched from its start again with every piece that comes`,
        `max: 64 at "${long.name}" says how long it may be, at most ${longestHeaderText}`,
      )
      return undefined
    }
    if (of === 'value' && node.number && largest(node.number) > 2 ** 32 - 1) {
      scope.issues.error(
        [...node.path, 'type'],
        `a length field of ${Math.round(Math.log2(largest(node.number)))} bits is wider than any ${what} may be long`,
        'at most 32 bits; declare the low half and a check that the high half is 0',
      )
      return undefined
    }
  }
  const { constant } = expression
  const values = terms.filter(({ of }) => of === 'value')
  const ends = terms.filter(({ of }) => of === 'end')
  const base = ends.reduce((sum, { node }) => sum + node.minEnd, constant)
  const sum = terms.length === 0 ? () => constant : announced(constant, terms)
  const plain = heads.length === 0 ? sum : behindHeads(heads, sum)
  return {
    announced: plain,
    total:
      align === 1
        ? plain
        : (b, at, limit) => {
            const n = plain(b, at, limit)
            return n < 0 ? n : roundUp(n, align)
          },
    align,
    need: Math.max(1, ...terms.map(({ node }) => node.minEnd)),
    most: roundUp(
      values.reduce((sum, { node, scale }) => sum + scale * (node.number ? largest(node.number) : 0), base),
      align,
    ),
    terms: values,
    single: values.length === 1 ? values[0] : undefined,
    constant: base,
    behind: ends[0]?.node,
  }
}

/** A text without end that must be looked through before a place in the frame is known: the end of a field, or its start. */
function longText(scope: Scope, node: Node, of: 'end' | 'value'): Node | undefined {
  if (of === 'end' && node.searched !== undefined && node.searched > longestHeaderText) return node
  for (const [, what, name] of (node.place?.anchor ?? '').matchAll(/\*(end|value):([\w-]+)/g)) {
    const other = scope.node(name!)
    const long = other && longText(scope, other, what as 'end' | 'value')
    if (long) return long
  }
  return undefined
}

/** The field of the frame that a number lies in, where that is a text with an end of its own: a header of lines. */
function headOf(node: Node): Node | undefined {
  let head = node
  while (head.container) head = head.container
  return head.searched === undefined || head.guarded ? undefined : head
}

/** Numbers in a header can be looked for when it is whole. */
function behindHeads(heads: readonly Node[], sum: Position): Position {
  return (b, at, limit) => {
    for (let i = 0; i < heads.length; i++) {
      const end = heads[i]!.end(b, at, limit)
      if (end < 0) return end
    }
    return sum(b, at, limit)
  }
}

/** The sum itself, not bounded by the bytes there are (as an offset would be). */
function announced(constant: number, terms: readonly BoundTerm[]): Position {
  const [first, second] = terms
  if (terms.length === 1 && first?.of === 'value') {
    const { value } = first.node
    const { scale } = first
    return (b, at, limit) => {
      const v = value(b, at, limit)
      return v < 0 ? v : constant + scale * v
    }
  }
  if (terms.length === 2 && first?.of === 'end' && second?.of === 'value' && first.node.fixed) {
    const { value } = second.node
    const { scale } = second
    const fixed = !first.node.guarded && first.node.place && Number.isFinite(first.node.place.bytes)
    if (fixed) {
      const base = constant + first.node.minEnd
      return (b, at, limit) => {
        const v = value(b, at, limit)
        return v < 0 ? v : base + scale * v
      }
    }
  }
  return (b, at, limit) => {
    let sum = constant
    for (let i = 0; i < terms.length; i++) {
      const { node, of, scale } = terms[i]!
      const v = of === 'end' ? node.end(b, at, limit) : node.value(b, at, limit)
      if (v < 0) return v
      sum += of === 'end' ? v - at : scale * v
    }
    return sum
  }
}

/** The number to write into the length field of a frame that is `total` bytes long without its padding; undefined when it cannot be said. */
export function lengthNumber(
  plan: LengthPlan,
  b: Uint8Array,
  at: number,
  limit: number,
  total: number,
): number | undefined {
  const { single } = plan
  if (!single) return undefined
  const now = plan.announced(b, at, limit)
  const value = single.node.value(b, at, limit)
  if (now < 0 || value < 0) return undefined
  const number = value + (total - now) / single.scale
  if (!Number.isInteger(number) || number < 0 || (single.node.number && number > largest(single.node.number)))
    return undefined
  return number
}

/** Whether a node's number counts into the length by itself, byte for byte. */
export function countsInto(plan: LengthPlan, node: Node | undefined): boolean {
  return node !== undefined && plan.terms.some((term) => term.node === node && term.scale === 1)
}
