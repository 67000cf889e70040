import { type Codec, emptyRef, FrameError } from '../contract.ts'
import { fieldValue } from '../values.ts'
import {
  contentStart,
  type Escape,
  endSize,
  escapedFrame,
  escapePlan,
  isEscaped,
  placeOf,
  plainContent,
} from './escape.ts'
import { escapedLength } from './escaped-length.ts'
import type { Issues } from './issue.ts'
import type { FrameSpec, ProtocolSpec } from './schema.ts'
import { otherEnd, untilEnds } from './until.ts'

/** Whether the layout is that of the content of frames, without what stands around it. */
export function isEnclosed(frame: Pick<FrameSpec, 'opens' | 'escape'>): boolean {
  return frame.opens !== undefined || frame.escape !== undefined
}

/** How contents are put into frames, where a document says that; null where it does not, undefined where it is wrong. */
export function enclosure({ frame = {}, variants = [] }: ProtocolSpec, issues: Issues): Escape | null | undefined {
  const own = variants.findIndex((variant) => variant.frame && isEnclosed(variant.frame))
  const path = ['spec', 'frame']
  const alike = 'frames are escaped alike in all variants'
  if (own >= 0) {
    issues.error(['spec', 'variants', own, 'frame'], alike, 'say "opens" and "escape" in the frame of the document')
    return undefined
  }
  if (!isEnclosed(frame)) return null
  const other = variants.findIndex(
    (variant) => variant.frame?.until !== undefined || variant.frame?.length !== undefined,
  )
  if (other >= 0) {
    issues.error(['spec', 'variants', other, 'frame'], alike, 'leave "until" and "length" out here')
    return undefined
  }
  const said = frame.escape === undefined ? 'opens' : 'escape'
  if (frame.until === undefined) {
    issues.error([...path, said], `"${said}" is for frames that end with a delimiter`, 'add `until`')
    return undefined
  }
  if (otherEnd(frame, [...path, 'until'], issues)) return undefined
  const ends = untilEnds(issues, frame.until, [...path, 'until'])
  return ends && escapePlan(frame, ends, path, issues)
}

/** Memory for contents that are read: the larger ones get their own. */
const usual = new Uint8Array(64 * 1024)

/**
 * The codec of frames whose contents `inner` reads. Content without an escape is read where it is. Of what is escaped a copy is read, and places are told in the
 * frame itself: numbers as they are meant, texts as they stand there, escaped.
 */
export function enclosed(inner: Codec, rules: Escape): Codec {
  const { opens, flags, by } = rules
  const shortest = Math.min(...rules.ends.map(({ length }) => length))
  const headerMin = Math.min(inner.maxFrame, inner.headerMin + (flags ? 0 : opens.length) + shortest)
  const whole = escapedLength(rules, headerMin, inner.maxFrame)
  // Where the content of a frame begins and ends, and the same in what is read.
  const span = { from: 0, to: 0, end: 0 }
  const find = (b: Uint8Array, at: number, length: number): boolean => {
    const limit = at + length
    span.from = contentStart(rules, b, at, limit)
    if (span.from < 0) return false
    span.to = limit - endSize(rules, b, span.from, limit)
    return true
  }
  /** The content by itself. */
  const content = (b: Uint8Array, out?: Uint8Array): Uint8Array => {
    const size = span.to - span.from
    const room = out && size <= out.length ? out : new Uint8Array(size)
    span.end = plainContent(rules, b, span.from, span.to, room)
    return room
  }
  const escapes = (b: Uint8Array) => by >= 0 && isEscaped(rules, b, span.from, span.to)
  const ref = emptyRef()

  const read: Codec['read'] = (slot, b, at, length, out) => {
    if (!find(b, at, length)) return false
    const { from, to } = span
    if (!escapes(b)) return inner.read(slot, b, from, to - from, out)
    if (!inner.read(slot, content(b, usual), 0, span.end, out)) return false
    out.start = placeOf(rules, b, from, out.start)
    out.end = placeOf(rules, b, from, out.end)
    return true
  }
  const field: Codec['field'] = (slot, b, at, length) => {
    const info = inner.fields[slot]
    return info && read(slot, b, at, length, ref) ? fieldValue(info, b, ref) : undefined
  }
  /** What becomes of a frame when its content is changed; its beginning and its end stay. */
  const changed = (
    b: Uint8Array,
    at: number,
    length: number,
    change: (content: Uint8Array) => Uint8Array | undefined,
  ): Uint8Array | undefined => {
    if (!find(b, at, length)) return undefined
    const { from, to } = span
    const plain = content(b)
    const result = change(plain.subarray(0, span.end))
    return result && framed(result, b.subarray(at, from), b.subarray(to, at + length))
  }
  /** Without an escape a content may have what ends the frame; then there is none. */
  const framed = (plain: Uint8Array, start: Uint8Array, end: Uint8Array): Uint8Array | undefined => {
    const frame = escapedFrame(rules, plain, start, end)
    if (frame.length > inner.maxFrame || whole(frame, 0, frame.length, 0) !== frame.length) return undefined
    return contentStart(rules, frame, 0, frame.length) === start.length ? frame : undefined
  }
  const written = (b: Uint8Array, at: number, length: number, lo: number, hi: number) =>
    changed(b, at, length, (plain) =>
      inner.writeId?.(plain, 0, plain.length, lo, hi) ? plain : inner.spliceId?.(plain, 0, plain.length, lo, hi),
    )

  return {
    ...inner,
    headerMin,
    delimited: true,
    frameLength: (b, at, end, seen = 0) => {
      const length = whole(b, at, end, seen)
      if (length <= 0 || length > end - at || !find(b, at, length)) return length
      const direct = !escapes(b)
      const size = span.to - span.from
      const said = direct ? inner.frameLength(b, span.from, span.to) : inner.frameLength(content(b, usual), 0, span.end)
      if (said < 0) return said
      return said === (direct ? size : span.end) ? length : FrameError.belowHeader
    },
    inspect: (b, at, length, out) => {
      if (!find(b, at, length)) return FrameError.badMagic
      const result = escapes(b)
        ? inner.inspect(content(b, usual), 0, span.end, out)
        : inner.inspect(b, span.from, span.to - span.from, out)
      // Whoever writes four bytes there would have to know which of them are escaped.
      out.idAt = -1
      return result
    },
    read,
    field,
    ...(inner.mutate && {
      mutate: (b, at, length, edits) => {
        const frame = changed(b, at, length, (plain) => inner.mutate!(plain, 0, plain.length, edits))
        // Texts are told as they stand in the frame: one that is escaped there, before or afterwards, is not written.
        for (const { slot, value } of edits) {
          const info = inner.fields[slot]
          if (!frame || info?.type === 'number' || info?.type === 'bigint') continue
          if (holdsEscape(rules, b, read(slot, b, at, length, ref) ? ref : undefined)) return undefined
          if (value === undefined) continue
          if (holdsEscape(rules, frame, read(slot, frame, 0, frame.length, ref) ? ref : undefined)) return undefined
        }
        return frame
      },
    }),
    ...(inner.writeId && {
      writeId: (b, at, length, lo, hi) => {
        const frame = written(b, at, length, lo, hi)
        if (frame?.length !== length) return false
        b.set(frame, at)
        return true
      },
      spliceId: written,
    }),
    ...(inner.reply && {
      reply: (kind, b, at, length, code, message) => {
        if (length > 0 && !find(b, at, length)) return undefined
        const request = length > 0 ? content(b) : b
        const made = inner.reply!(kind, request, 0, length > 0 ? span.end : 0, code, message)
        return made && framed(made, opens, rules.first)
      },
    }),
  }
}

function holdsEscape(rules: Escape, b: Uint8Array, place: { start: number; end: number } | undefined): boolean {
  return place !== undefined && rules.by >= 0 && isEscaped(rules, b, place.start, place.end)
}
