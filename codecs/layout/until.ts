import { FrameError } from '../contract.ts'
import { type Delimiter, delimiterBytes, seek } from './delimiter.ts'
import type { IssuePath } from './issue.ts'
import type { LengthPlan } from './length.ts'
import type { Node } from './node.ts'
import { NEED } from './numbers.ts'
import type { Scope } from './scope.ts'
import { type NumberType, parseType, type TypeInfo } from './types.ts'

/** How frames end that are read up to a delimiter; `nodes` are all fields. undefined when the delimiter could stand in one of them. */
export function untilPlan(scope: Scope, bytes: Uint8Array, nodes: readonly Node[]): LengthPlan | undefined {
  let from = 0
  let safe = true
  for (const node of nodes) {
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
  const until = { bytes, from }
  const total: LengthPlan['total'] = (b, at, limit) => {
    const found = seek(b, at + from, limit, bytes)
    return found < 0 ? NEED : found + bytes.length - at
  }
  return {
    announced: total,
    total,
    align: 1,
    need: from + bytes.length,
    most: Number.POSITIVE_INFINITY,
    terms: [],
    single: undefined,
    constant: from + bytes.length,
    behind: undefined,
    until,
  }
}

/** What `frame.until` says, in bytes. */
export function untilBytes(scope: Scope, written: string | number, path: IssuePath): Uint8Array | undefined {
  const bytes = delimiterBytes(written)
  if (!bytes)
    scope.issues.error(
      path,
      `${JSON.stringify(written)} is no delimiter: 1 to 16 bytes`,
      String.raw`until: "\n", "\r\n", "\x03", or one byte as a number`,
    )
  return bytes
}

/**
 * The length of a frame that ends with a delimiter. The bytes seen at the last call are not looked at again, but for the start of a delimiter at their end.
 */
export function untilLength({ bytes, from }: Delimiter, min: number, maxFrame: number) {
  const size = bytes.length
  return (b: Uint8Array, at: number, end: number, seen: number): number => {
    const start = at + Math.max(from, seen - size + 1)
    const found = seek(b, start, Math.min(end, at + maxFrame), bytes)
    if (found < 0) return end - at >= maxFrame ? FrameError.tooLong : Math.max(end - at + 1, from + size)
    const length = found + size - at
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
