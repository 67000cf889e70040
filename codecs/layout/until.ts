import { FrameError } from '../contract.ts'
import { type Delimiter, delimiterBytes, seek, seekAny } from './delimiter.ts'
import type { IssuePath, Issues } from './issue.ts'
import type { LengthPlan } from './length.ts'
import { type Node, type Position, sameBytes } from './node.ts'
import { NEED } from './numbers.ts'
import type { FrameSpec } from './schema.ts'
import type { Scope } from './scope.ts'
import { type NumberType, parseType, type TypeInfo } from './types.ts'

/** How frames end that are read up to a delimiter; `nodes` are all fields. undefined when a delimiter could stand in one of them. */
export function untilPlan(scope: Scope, written: Ends, nodes: readonly Node[]): LengthPlan | undefined {
  let from = 0
  let safe = true
  for (const node of nodes)
    for (const bytes of written.ends) {
      const may = mayHave(scope, node, bytes)
      if (!may) continue
      const { fixed, required, place } = node
      if (fixed && required && place && Number.isFinite(place.bytes)) from = Math.max(from, node.minEnd)
      else {
        safe = false
        scope.issues.error(
          node.path,
          `frames go up to ${shown(bytes)}, and that may stand in "${node.name}", ${may}: the frame would end there`,
          'in such frames numbers and texts with a length stand at fixed offsets in every frame; others are decimal (dec) or end with a delimiter (until)',
        )
      }
    }
  if (!safe) return undefined
  written.from = from
  const { ends, bytes } = written
  const hit = { size: 0 }
  const total: LengthPlan['total'] = (b, at, limit) => {
    const found = seekAny(b, at + from, limit, ends, hit)
    return found < 0 ? NEED : found + hit.size - at
  }
  const shortest = Math.min(...ends.map(({ length }) => length))
  return { ...endless(total, from + shortest), until: { ends, bytes, from } }
}

/**
 * Frames whose bytes are given as a whole: what is between their marks. undefined when a delimiter could stand in one of the fields: `ends` are those of frames
 * without an escape.
 */
export function givenPlan(scope: Scope, ends: readonly Uint8Array[], nodes: readonly Node[]): LengthPlan | undefined {
  const unsafe = nodes.filter((node) => ends.some((end) => mayHave(scope, node, end)))
  for (const { path, name } of unsafe)
    scope.issues.error(
      path,
      `the end of a frame may stand in "${name}": the frame would end there`,
      'add an `escape`, if bytes are escaped; else numbers are decimal (dec), and texts end with a delimiter (until)',
    )
  if (unsafe.length > 0) return undefined
  const none = new Uint8Array(0)
  return { ...endless((_b, at, limit) => limit - at, 0), until: { ends: [], bytes: none, from: 0 } }
}

/** A length that no number says. */
function endless(total: LengthPlan['total'], least: number): LengthPlan {
  return {
    announced: total,
    total,
    align: 1,
    need: Math.max(1, least),
    most: Number.POSITIVE_INFINITY,
    terms: [],
    single: undefined,
    constant: least,
    behind: undefined,
  }
}

/** The delimiters of a document. */
export interface Ends extends Pick<Delimiter, 'ends' | 'bytes'> {
  /** As `Delimiter.from`, when the fields are known. */
  from: number
}

/** What `frame.until` says; undefined when that is no delimiter, which `issues` are told. */
export function untilEnds(issues: Issues, written: NonNullable<FrameSpec['until']>, path: IssuePath): Ends | undefined {
  const all = [written].flat().map((one) => delimiterBytes(one))
  const bad = all.indexOf(undefined)
  if (bad >= 0) {
    issues.error(
      path,
      `${JSON.stringify([written].flat()[bad])} is no delimiter: 1 to 16 bytes`,
      String.raw`until: "\n", "\r\n", "\x03", or one byte as a number`,
    )
    return undefined
  }
  const ends = all as Uint8Array[]
  for (const [i, end] of ends.entries())
    for (const [j, other] of ends.entries()) {
      const found = i === j ? -1 : seek(end, 0, end.length, other)
      // One that another ends with is the shorter form of it, as \n of \r\n.
      if (found < 0 || (found + other.length === end.length && found > 0)) continue
      issues.error(path, `no frame ends with ${shown(end)}: ${shown(other)} in it comes first`, 'leave one of them out')
      return undefined
    }
  return { ends: [...ends].sort((a, b) => b.length - a.length), bytes: ends[0]!, from: 0 }
}

/** Whether a document says other things that do not go with a delimiter, which `issues` are told. */
export function otherEnd(frame: FrameSpec, path: IssuePath, issues: Issues): boolean {
  for (const other of ['length', 'align', 'suffix'] as const) {
    if (frame[other] === undefined || frame[other] === '') continue
    issues.error(path, `frames that end with a delimiter can have no "${other}"`, 'keep one of them')
    return true
  }
  return false
}

/** Where a whole frame's delimiter begins. */
export function beforeEnd(written: Ends): Position {
  const { ends } = written
  return (b, at, limit) => {
    for (const end of ends) {
      const start = limit - end.length
      if (start >= at + written.from && sameBytes(b, start, limit, end)) return start
    }
    return NEED
  }
}

/**
 * The length of a frame that ends with a delimiter. The bytes seen at the last call are not looked at again, but for the start of a delimiter at their end.
 */
export function untilLength({ ends, from }: Delimiter, min: number, maxFrame: number) {
  const longest = Math.max(...ends.map(({ length }) => length))
  const shortest = Math.min(...ends.map(({ length }) => length))
  const [only] = ends
  const hit = { size: longest }
  return (b: Uint8Array, at: number, end: number, seen: number): number => {
    const start = at + Math.max(from, seen - longest + 1)
    const stop = Math.min(end, at + maxFrame)
    const found = ends.length === 1 ? seek(b, start, stop, only!) : seekAny(b, start, stop, ends, hit)
    if (found < 0) return end - at >= maxFrame ? FrameError.tooLong : Math.max(end - at + 1, from + shortest)
    const length = found + hit.size - at
    return length < min ? FrameError.belowHeader : length
  }
}

/** Why the delimiter may stand in a field; undefined when it cannot. */
function mayHave(scope: Scope, node: Node, delimiter: Uint8Array): string | undefined {
  const { number, prefix, name } = node
  const spec = scope.declarations.get(name)?.spec
  // A part of a text, or an entry of a map, is looked at with it.
  if (!spec || spec.of !== undefined || spec.key !== undefined) return undefined
  if (spec.pb !== undefined) return 'a field of protobuf'
  if (number) return isText(number, delimiter) ? undefined : 'a binary number'
  const type = parseType(spec.type ?? '')
  if (prefix) return 'a text with its own length'
  if (type?.form === 'hessian') return 'a text of Hessian'
  const parts = type?.form === 'map' && (type.list ? [spec.items] : spec.entry ? [undefined] : [spec.keys, spec.values])
  if (parts && !parts.every((part) => isEnded(parseType(part ?? '')))) return 'a map with lengths in it'
  return node.rest || isEnded(type) ? undefined : 'bytes of a length of their own'
}

const isEnded = (type: TypeInfo | undefined) => type?.form === 'text' && type.ends !== undefined

/** Digits cannot have the delimiter unless it is made of digits. */
function isText(type: NumberType, delimiter: Uint8Array): boolean {
  const digits = type.form === 'decimal' || (type.form === 'digits' && type.coding === 'ascii')
  return digits && delimiter.some((byte) => byte < 48 || byte > 57)
}

function shown(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes)
  return /^[\x21-\x7e]+$/.test(text) ? `"${text}"` : `0x${Buffer.from(bytes).toString('hex')}`
}
