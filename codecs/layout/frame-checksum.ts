import { type ChecksumKind, checksumKinds } from './checksum.ts'
import { delimiterBytes } from './delimiter.ts'
import type { IssuePath } from './issue.ts'
import { joinBytes, type Node, type Place, type Position, sameBytes, type Test } from './node.ts'
import { BAD, putInt } from './numbers.ts'
import type { ProtocolSpec } from './schema.ts'
import type { Scope } from './scope.ts'

/** Where the checksum of a frame stands, what it covers, and how it is written. */

export interface FrameChecksum {
  /** Its first byte. */
  readonly at: Position
  /** Where that is in relation to fields; absent at the end of the frame. */
  readonly place?: Place
  readonly path: IssuePath
  /** It stands at the end of the frame. */
  readonly last: boolean
  /** The first byte it covers. */
  readonly from: number
  readonly when: Test | undefined
  readonly kind: ChecksumKind
  readonly form: 'bytes' | 'decimal' | 'hex'
  /** Bytes it takes. */
  readonly width: number
  /** Texts in front, which it does not cover, and behind. */
  readonly prefix: Uint8Array
  readonly suffix: Uint8Array
}

type ChecksumSpec = NonNullable<NonNullable<ProtocolSpec['frame']>['checksum']>

/** Whether a field, or one around it, goes up to the end of the frame. */
function endsWithFrame(node: Node | undefined): boolean {
  return node !== undefined && (node.container ? endsWithFrame(node.container) : node.rest)
}

/** undefined when the document is wrong. `padded`: zeros stand at the end of frames. */
export function frameChecksum(
  scope: Scope,
  spec: ChecksumSpec,
  path: IssuePath,
  padded: boolean,
): FrameChecksum | undefined {
  const { type, from = 0, as: form = 'bytes' } = spec
  const kind = checksumKinds[type]
  const when = spec.when && scope.presence(spec.when, [...path, 'when'])
  if (spec.at === undefined && spec.when) {
    const open = Object.keys(spec.when).find((name) => endsWithFrame(scope.node(name)))
    if (open !== undefined) {
      scope.issues.error([...path, 'when'], `"${open}" goes up to the checksum, so it cannot say whether there is one`)
      return undefined
    }
  }
  const text = (key: 'prefix' | 'suffix') => {
    const bytes = spec[key] ? delimiterBytes(spec[key]) : new Uint8Array(0)
    if (!bytes) scope.issues.error([...path, key], `${JSON.stringify(spec[key])} is no text of up to 16 bytes`)
    return bytes
  }
  const prefix = text('prefix')
  const suffix = text('suffix')
  if (!prefix || !suffix) return undefined
  const width =
    form === 'bytes' ? kind.bytes : form === 'hex' ? kind.bytes * 2 : String(2 ** (kind.bytes * 8) - 1).length
  const expression = spec.at === undefined ? undefined : scope.expression(spec.at, [...path, 'at'])
  const offset = expression && scope.offset(expression, [...path, 'at'])
  if (spec.at !== undefined && !offset) return undefined
  if (offset ? suffix.length > 0 : padded) {
    scope.issues.error(
      path,
      offset
        ? 'a checksum with a suffix stands at the end of the frame, it can have no "at"'
        : 'zeros stand at the end of the frame: say where its checksum is',
      offset ? 'leave one of them out' : 'at: the offset behind what it covers',
    )
    return undefined
  }
  const { edge } = scope
  const last: Position = (b, at, limit) => {
    const end = edge ? edge(b, at, limit) : limit
    const start = end - suffix.length - width
    return end < 0 ? end : start < at ? BAD : start
  }
  if (offset?.fixed !== undefined && offset.fixed - prefix.length < from) {
    const covers = `it covers what stands before it, from byte ${from} on`
    scope.issues.error([...path, 'at'], `the checksum stands at ${offset.fixed} and covers nothing: ${covers}`)
    return undefined
  }
  const place = offset && { anchor: offset.anchor, offset: offset.constant, bytes: width, mask: 0, le: false }
  const where = { at: offset?.position ?? last, last: !offset, path, ...(place && { place }) }
  return { ...where, from, when, kind, form, width, prefix, suffix }
}

/** Where what goes up to the end of the frame ends: in front of the checksum there, and of the text in front of that. */
export function edgeBefore({ when, width, prefix, suffix }: FrameChecksum, outer: Position | undefined): Position {
  const bytes = prefix.length + width + suffix.length
  return (b, at, limit) => {
    const end = outer ? outer(b, at, limit) : limit
    if (end < 0 || (when && !when(b, at, limit))) return end
    return end - bytes < at ? BAD : end - bytes
  }
}

/** Bytes that a frame has at its end at least because of its checksum. */
export function trailerBytes(checksum: FrameChecksum | undefined): number {
  return !checksum?.last || checksum.when ? 0 : checksum.width + checksum.prefix.length + checksum.suffix.length
}

/** Whether the texts around the checksum are there; undefined when it has none. */
export function trailerTest(checksum: FrameChecksum | undefined): Test | undefined {
  if (!checksum || checksum.prefix.length + checksum.suffix.length === 0) return undefined
  const { at: position, when, prefix, suffix, width } = checksum
  return (b, at, limit) => {
    if (when && !when(b, at, limit)) return true
    const place = position(b, at, limit)
    const start = place - prefix.length
    const end = place + width
    if (place < 0 || start < at || end + suffix.length > limit) return false
    return sameBytes(b, start, place, prefix) && sameBytes(b, end, end + suffix.length, suffix)
  }
}

/** What a frame of our own gets at its end: room for its checksum, with the texts around it. */
export function withTrailer(checksum: FrameChecksum | undefined, frame: Uint8Array): Uint8Array {
  if (!checksum || (checksum.when && !checksum.when(frame, 0, frame.length))) return frame
  return joinBytes(frame, checksum.prefix, new Uint8Array(checksum.width), checksum.suffix)
}

/** Computes the checksum anew, in place. */
export function renewChecksum(
  { checksum }: { readonly checksum: FrameChecksum | undefined },
  b: Uint8Array,
  at: number,
  limit: number,
): void {
  if (!checksum || (checksum.when && !checksum.when(b, at, limit))) return
  const { kind, from, form, width, prefix } = checksum
  const place = checksum.at(b, at, limit)
  const end = place - prefix.length
  if (end < at + from || place + width > limit) return
  const sum = kind.of(b.subarray(at + from, end))
  if (form === 'bytes') {
    putInt(b, place, width, kind.le, sum, 0)
    return
  }
  const number = sum >>> 0
  const digits = (form === 'hex' ? number.toString(16).toUpperCase() : String(number)).padStart(width, '0')
  for (let i = 0; i < width; i++) b[place + i] = digits.charCodeAt(i)
}
