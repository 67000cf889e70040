import type { Codec, FieldInfo } from '../contract.ts'
import { emptyRef } from '../contract.ts'
import { hessianString, hessianStringEnd } from '../layout/hessian.ts'
import { fieldValue } from '../values.ts'
import { type Cursor, skipValue } from './hessian-walk.ts'

/**
 * Attachments of a Dubbo request: the map at the very end of the body, behind the arguments. Reaching it takes a walk over every
 * argument, so it is done only when an attachment is asked for or written.
 */
const names = [
  'group',
  'version',
  'timeout',
  'interface',
  'path',
  'token',
  'application',
  'dubbo.tag',
  'tag',
  'traceparent',
] as const
const prefix = 'attachment.'

/** The layout codec with a field `attachment.<key>` for every key; the usual ones are listed, others appear when asked for. */
export function extendCodec(layout: Codec): Codec {
  const typesSlot = layout.slot('parameterTypes')
  const base = layout.fields.length
  const fields: FieldInfo[] = [...layout.fields]
  const keys: Uint8Array[] = []
  const encoder = new TextEncoder()
  const add = (key: string): number => {
    const slot = fields.length
    fields.push({ name: `${prefix}${key}`, slot, type: 'string', signed: false, writable: layout.mutate !== undefined })
    keys.push(encoder.encode(key))
    return slot
  }
  for (const name of names) add(name)
  const types = emptyRef()
  const out = emptyRef()
  const read: Codec['read'] = (slot, buf, at, length, ref) => {
    if (slot < base) return layout.read(slot, buf, at, length, ref)
    const key = keys[slot - base]
    if (!key || !layout.read(typesSlot, buf, at, length, types)) return false
    return readAttachment(buf, types.start, types.end, at + length, key, ref)
  }
  const mutate: Codec['mutate'] = (buf, at, length, edits) => {
    const frame = layout.mutate?.(
      buf,
      at,
      length,
      edits.filter(({ slot }) => slot < base),
    )
    const own = edits.filter(({ slot }) => slot >= base)
    if (!frame || own.length === 0) return frame
    if (!layout.read(typesSlot, frame, 0, frame.length, types)) return undefined
    const changes = new Map<string, string | undefined>()
    for (const { slot, value } of own) {
      const key = fields[slot]?.name.slice(prefix.length)
      if (key === undefined || (value !== undefined && typeof value !== 'string')) return undefined
      changes.set(key, value)
    }
    const changed = writeAttachments(frame, types.start, types.end, changes)
    return changed && changed.length <= layout.maxFrame ? changed : undefined
  }
  return {
    ...layout,
    fields,
    read,
    ...(layout.mutate && { mutate }),
    slot: (name) => {
      const known = fields.findIndex((field) => field.name === name)
      if (known >= 0) return known
      return name.startsWith(prefix) && name.length > prefix.length ? add(name.slice(prefix.length)) : -1
    },
    field: (slot, buf, at, length) => {
      const info = fields[slot]
      return info && read(slot, buf, at, length, out) ? fieldValue(info, buf, out) : undefined
    },
  }
}

const mapTag = 0x48
const typedMapTag = 0x4d
const endTag = 0x5a
const nullTag = 0x4e

/** The index of the attachments' map, behind the arguments; -1 when the bytes are no such body. */
function attachmentsStart(
  buf: Uint8Array,
  typesStart: number,
  typesEnd: number,
  limit: number,
  cursor: Cursor,
): number {
  let p = typesEnd
  for (let left = countTypes(buf, typesStart, typesEnd); left > 0 && p >= 0; left--)
    p = skipValue(buf, p, limit, cursor)
  return p < limit ? p : -1
}

/** Walks over the map's entries. */
function readAttachment(
  buf: Uint8Array,
  typesStart: number,
  typesEnd: number,
  limit: number,
  key: Uint8Array,
  ref: { start: number; end: number },
): boolean {
  const cursor: Cursor = { classes: [], left: 10_000 }
  let p = attachmentsStart(buf, typesStart, typesEnd, limit, cursor)
  if (p < 0 || (buf[p] !== mapTag && buf[p] !== typedMapTag)) return false
  p = buf[p] === mapTag ? p + 1 : skipValue(buf, p + 1, limit, cursor)
  const name = { start: 0, end: 0 }
  let found = false
  while (p >= 0 && p < limit && buf[p] !== endTag) {
    const ours = hessianString(buf, p, limit, name) && same(buf, name.start, name.end, key)
    p = skipValue(buf, p, limit, cursor)
    if (p < 0) return false
    if (ours && hessianStringEnd(buf, p, limit) >= 0 && hessianString(buf, p, limit, name)) {
      ref.start = name.start
      ref.end = name.end
      found = true
    }
    p = skipValue(buf, p, limit, cursor)
  }
  return found && p >= 0
}

/** A frame with attachments set (text) or taken out (undefined); undefined when there is no place for them. */
function writeAttachments(
  frame: Uint8Array,
  typesStart: number,
  typesEnd: number,
  changes: ReadonlyMap<string, string | undefined>,
): Uint8Array | undefined {
  const cursor: Cursor = { classes: [], left: 10_000 }
  const start = attachmentsStart(frame, typesStart, typesEnd, frame.length, cursor)
  const tag = frame[start]
  const left = new Map(changes)
  const added = () =>
    [...left].flatMap(([key, value]) =>
      value === undefined ? [] : [encodeHessianString(key), encodeHessianString(value)],
    )
  if (tag === nullTag) return replaceTail(frame, start, [Uint8Array.of(mapTag), ...added(), Uint8Array.of(endTag)])
  if (tag !== mapTag && tag !== typedMapTag) return undefined
  let p = tag === mapTag ? start + 1 : skipValue(frame, start + 1, frame.length, cursor)
  const kept: Uint8Array[] = [frame.subarray(start, p)]
  const decoder = new TextDecoder()
  const name = { start: 0, end: 0 }
  while (p >= 0 && p < frame.length && frame[p] !== endTag) {
    const named = hessianString(frame, p, frame.length, name)
    const key = named ? decoder.decode(frame.subarray(name.start, name.end)) : undefined
    const value = skipValue(frame, p, frame.length, cursor)
    const next = value < 0 ? -1 : skipValue(frame, value, frame.length, cursor)
    if (next < 0) return undefined
    if (key === undefined || !changes.has(key)) kept.push(frame.subarray(p, next))
    else {
      const text = changes.get(key)
      // In its place; what is there twice stays once.
      if (text !== undefined && left.has(key)) kept.push(frame.subarray(p, value), encodeHessianString(text))
      left.delete(key)
    }
    p = next
  }
  if (p < 0 || frame[p] !== endTag) return undefined
  return replaceTail(frame, start, [...kept, ...added(), frame.subarray(p)])
}

/** The frame up to `start` and other bytes behind, with the body's length put right. */
function replaceTail(frame: Uint8Array, start: number, tail: readonly Uint8Array[]): Uint8Array {
  const bytes = Buffer.concat([frame.subarray(0, start), ...tail])
  bytes.writeInt32BE(bytes.length - 16, 12)
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Hessian counts UTF-16 units; longer texts go in pieces. @see http://hessian.caucho.com/doc/hessian-serialization.html##string */
function encodeHessianString(text: string): Uint8Array {
  const parts: Uint8Array[] = []
  const most = 0x8000
  let rest = text
  while (rest.length > most) {
    // A pair of surrogates stays together.
    const cut = /[\uD800-\uDBFF]/.test(rest[most - 1]!) ? most - 1 : most
    parts.push(Uint8Array.of(0x52, cut >> 8, cut & 255), Buffer.from(rest.slice(0, cut)))
    rest = rest.slice(cut)
  }
  const { length } = rest
  parts.push(
    length < 32
      ? Uint8Array.of(length)
      : length < 1024
        ? Uint8Array.of(0x30 | (length >> 8), length & 255)
        : Uint8Array.of(0x53, length >> 8, length & 255),
    Buffer.from(rest),
  )
  return Buffer.concat(parts)
}

/** Arguments in a JVM descriptor: `Ljava/lang/String;I[J` are three. */
export function countTypes(buf: Uint8Array, start: number, end: number): number {
  let count = 0
  for (let p = start; p < end; p++) {
    if (buf[p] === 0x5b) continue
    if (buf[p] === 0x4c) while (p < end && buf[p] !== 0x3b) p++
    count++
  }
  return count
}

function same(buf: Uint8Array, start: number, end: number, key: Uint8Array): boolean {
  if (end - start !== key.length) return false
  for (let i = 0; i < key.length; i++) if (buf[start + i] !== key[i]) return false
  return true
}
