import type { Expression, Term } from './expression.ts'
import type { Node, Position } from './node.ts'
import { BAD, NEED } from './numbers.ts'

/** Sums of bytes as closures that give an index in a frame. */

export interface BoundTerm extends Term {
  readonly node: Node
}

/** Where a compiled expression stands: a base to count from, and the closures' own arguments. */
export interface Offset {
  readonly position: Position
  readonly min: number
  /** The only offset it can be, when there is one. */
  readonly fixed: number | undefined
  readonly anchor: string
  readonly constant: number
  /** Numbers alone say where it is, as a header that says how long it is: what lies before it cannot be told at load. */
  readonly said?: boolean
  /** Where the container is, for an offset in one. */
  readonly region?: Region
}

/** So many bytes behind the frame's start; NEED where the frame ends before. */
export function constantOffset(offset: number): Position {
  return (_b, at, limit) => (at + offset > limit ? NEED : at + offset)
}

/** Sums over the frame; the end of a field is an index already, so it takes the place of the frame's start. */
export function sumOffset(constant: number, terms: readonly BoundTerm[]): Position {
  const [first] = terms
  if (terms.length === 1 && first?.of === 'end') {
    const { end } = first.node
    return (b, at, limit) => {
      const e = end(b, at, limit)
      return e < 0 ? e : e + constant > limit ? NEED : e + constant < at ? BAD : e + constant
    }
  }
  if (terms.length === 1 && first) {
    const { value } = first.node
    const { scale } = first
    return (b, at, limit) => {
      const v = value(b, at, limit)
      if (v < 0) return v
      const p = at + constant + scale * v
      return p > limit ? NEED : p
    }
  }
  return (b, at, limit) => {
    let p = constant
    let base = at
    for (let i = 0; i < terms.length; i++) {
      const { node, of, scale } = terms[i]!
      const v = of === 'end' ? node.end(b, at, limit) : node.value(b, at, limit)
      if (v < 0) return v
      if (of === 'end') base = v
      else p += scale * v
    }
    p += base
    return p > limit ? NEED : p < at ? BAD : p
  }
}

/** The sum of numbers in the frame and nothing else; never before the numbers themselves. */
export function saidOffset(terms: readonly BoundTerm[]): Offset {
  const sum = sumOffset(0, terms)
  const floor = Math.max(...terms.map(({ node }) => node.minEnd))
  const position: Position = (b, at, limit) => {
    const p = sum(b, at, limit)
    return p >= 0 && p < at + floor ? BAD : p
  }
  const anchor = terms.map(({ scale, node }) => `${scale}*value:${node.name}`).join('+')
  return { position, min: floor, fixed: undefined, anchor, constant: 0, said: true }
}

/** The container of a field in the frame that is looked at: who asks for the field finds it first (`within`). */
export interface Region {
  start: number
  end: number
  /** Of the frame. */
  limit: number
}

/** Offsets in a container count from its first byte and end with it. */
export function insideOffset(container: Node, expression: Expression, terms: readonly BoundTerm[]): Offset {
  const region: Region = { start: 0, end: 0, limit: 0 }
  const { constant } = expression
  const position: Position = (b, at) => {
    const { start, end, limit } = region
    let p = start + constant
    for (let i = 0; i < terms.length; i++) {
      const { node, of, scale } = terms[i]!
      const v = of === 'end' ? node.end(b, at, limit) : node.value(b, at, limit)
      if (v < 0) return v
      p = of === 'end' ? v + p - start : p + scale * v
    }
    return p > end ? BAD : p
  }
  const anchor = `in:${container.name}+${terms.map(({ of, scale, node }) => `${scale}*${of}:${node.name}`).join('+')}`
  return { position, min: container.minStart + Math.max(0, constant), fixed: undefined, anchor, constant, region }
}
