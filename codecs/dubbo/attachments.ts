import type { Codec, FieldInfo } from '../contract.ts'
import { emptyRef } from '../contract.ts'
import { hessianString, hessianStringEnd } from '../layout/hessian.ts'
import { fieldValue } from '../values.ts'
import { type Cursor, skipValue } from './hessian-walk.ts'

/**
 * Attachments of a Dubbo request: the map at the very end of the body, behind the arguments. Reaching it takes a walk over every
 * argument, so it is done only when an attachment is asked for. Attachments are read, never written.
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
    fields.push({ name: `${prefix}${key}`, slot, type: 'string', signed: false, writable: false })
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
  return {
    ...layout,
    fields,
    read,
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

/** Walks from the end of the parameter types over the arguments to the map, then over its entries. */
function readAttachment(
  buf: Uint8Array,
  typesStart: number,
  typesEnd: number,
  limit: number,
  key: Uint8Array,
  ref: { start: number; end: number },
): boolean {
  const count = countTypes(buf, typesStart, typesEnd)
  const cursor: Cursor = { classes: [], left: 10_000 }
  let p = typesEnd
  for (let i = 0; i < count; i++) {
    p = skipValue(buf, p, limit, cursor)
    if (p < 0) return false
  }
  const tag = buf[p]
  if (p >= limit || (tag !== 0x48 && tag !== 0x4d)) return false
  p = tag === 0x48 ? p + 1 : skipValue(buf, p + 1, limit, cursor)
  const name = { start: 0, end: 0 }
  let found = false
  while (p >= 0 && p < limit && buf[p] !== 0x5a) {
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
