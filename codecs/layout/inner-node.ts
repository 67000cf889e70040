import type { FieldInfo, FieldRef, FieldValue } from '../contract.ts'
import { seek } from './delimiter.ts'
import type { IssuePath } from './issue.ts'
import { namedValues } from './named-values.ts'
import { joinBytes, type Node, textBytes } from './node.ts'
import { BAD, last, lastAsLength, readNumber } from './numbers.ts'
import { patchTop, readMapEntry, readPath, scalarTypes, writeMapEntry, writePath } from './protobuf.ts'
import type { FieldSpec } from './schema.ts'
import type { Scope } from './scope.ts'
import { type DecimalType, parseType } from './types.ts'

/** Fields that are found by search inside another one: protobuf paths, map entries, parts of a text. */

/** What fields have that have no place of their own. */
export const inner = {
  role: undefined,
  values: undefined,
  doc: undefined,
  required: false,
  guarded: false,
  rest: false,
  fixed: false,
  place: undefined,
  number: undefined,
  mask: 0,
  raw: undefined,
  sizeNode: undefined,
  prefix: undefined,
  bias: 0,
  align: 1,
  entry: undefined,
  signed: false,
  elastic: true,
  whole: true,
  value: () => BAD,
} as const

/** How the entries of a map or list are found in its bytes. */
export interface EntryAccess {
  readonly type: 'string' | 'bytes'
  readonly writable: boolean
  /** The index behind the list that begins at `start`, -1 where it has no end before `end`. Absent: lists do not say where they end. */
  readonly end: ((b: Uint8Array, start: number, end: number) => number) | undefined
  /** The entry called so; undefined when there can be no such key. */
  find(key: string): OneEntry | undefined
}

interface OneEntry {
  read(b: Uint8Array, start: number, end: number, out: FieldRef): boolean
  /** A copy of the map's bytes with the entry set, or taken out without a value; undefined when it cannot be written. */
  readonly write: ((region: Uint8Array, value: FieldValue | undefined) => Uint8Array | undefined) | undefined
}

/** The entry `key` of a map; undefined when there can be no such key. */
export function entryNode(map: Node, key: string, access: EntryAccess): Node | undefined {
  const entry = access.find(key)
  if (!entry) return undefined
  const { write } = entry
  const ref = { start: 0, end: 0, lo: 0, hi: 0 }
  const find: Node['read'] = (b, at, limit, out) =>
    map.read(b, at, limit, ref) && entry.read(b, ref.start, ref.end, out)
  return {
    ...inner,
    name: `${map.name}.${key}`,
    path: map.path,
    type: access.type,
    writable: map.elastic && access.writable,
    minStart: map.minStart,
    minEnd: map.minStart,
    container: map,
    start: (b, at, limit) => (find(b, at, limit, ref) ? ref.start : BAD),
    end: (b, at, limit) => (find(b, at, limit, ref) ? ref.end : BAD),
    read: find,
    patch:
      write &&
      ((b, at, limit, value) => {
        if (!map.read(b, at, limit, ref)) return undefined
        const { start, end } = ref
        const region = write(b.subarray(start, end), value)
        return region && { start, end, bytes: region }
      }),
  }
}

/** A protobuf field by path; of type map, its entries are fields too. */
export function protobufNode(
  scope: Scope,
  name: string,
  spec: FieldSpec,
  path: IssuePath,
  container: Node,
  role: FieldInfo['role'],
): Node | undefined {
  const tags = (Array.isArray(spec.pb) ? spec.pb : String(spec.pb).split('.').map(Number)) as readonly number[]
  if (spec.at !== undefined || spec.after !== undefined) {
    scope.issues.error(path, `"${name}" is found by its protobuf path, it can have no "at" or "after"`)
    return undefined
  }
  if (typeof spec.pb === 'string' && !/^\d/.test(spec.pb)) {
    scope.issues.error([...path, 'pb'], `"${spec.in}" has no .proto file, so its fields have no names`)
    return undefined
  }
  if (tags.some((tag) => !Number.isInteger(tag) || tag < 1 || tag >= 2 ** 29)) {
    scope.issues.error([...path, 'pb'], `${JSON.stringify(spec.pb)} is no path of protobuf field numbers`)
    return undefined
  }
  const ref = { start: 0, end: 0, lo: 0, hi: 0 }
  const base = {
    ...inner,
    name,
    path,
    role,
    doc: spec.doc,
    minStart: container.minStart,
    minEnd: container.minStart,
    container,
    writable: (spec.writable ?? true) && container.elastic,
  }
  if (spec.type === 'map') {
    const map: Node = {
      ...base,
      type: 'bytes',
      writable: false,
      start: container.start,
      end: container.end,
      // The entries are the fields; the message around them is another one.
      read: () => false,
      patch: undefined,
    }
    return { ...map, entry: (key) => mapEntryNode(map, container, key, tags) }
  }
  const scalar = scalarTypes.get(spec.type ?? '')
  if (!scalar) {
    const known = [...scalarTypes.keys(), 'map'].join(', ')
    scope.issues.error([...path, 'type'], `"${spec.type ?? ''}" is no type of a protobuf field`, `types are: ${known}`)
    return undefined
  }
  const values = spec.is && namedValues(spec.is)
  return {
    ...base,
    type: scalar.type,
    signed: scalar.signed,
    values,
    number: scalar.wire === 2 ? undefined : { form: 'varint', coding: 'leb128', bits: scalar.bits === 64 ? 64 : 32 },
    start: (b, at, limit) =>
      container.read(b, at, limit, ref) && readPath(b, ref.start, ref.end, tags, scalar, ref) ? ref.start : BAD,
    end: (b, at, limit) =>
      container.read(b, at, limit, ref) && readPath(b, ref.start, ref.end, tags, scalar, ref) ? ref.end : BAD,
    read: (b, at, limit, out) =>
      container.read(b, at, limit, ref) && readPath(b, ref.start, ref.end, tags, scalar, out),
    value: (b, at, limit) => {
      if (!container.read(b, at, limit, ref)) return BAD
      if (!readPath(b, ref.start, ref.end, tags, scalar, ref)) return 0
      last.lo = ref.lo
      last.hi = ref.hi
      return lastAsLength()
    },
    patch: (b, at, limit, value) => {
      if (!container.read(b, at, limit, ref)) return undefined
      const { start, end } = ref
      const top = tags.length === 1 ? patchTop(b, start, end, tags[0]!, scalar, value) : undefined
      if (top) return top
      const bytes = writePath(b.subarray(start, end), tags, scalar, value)
      return bytes && { start, end, bytes }
    },
  }
}

function mapEntryNode(map: Node, container: Node, key: string, tags: readonly number[]): Node {
  const name = textBytes(key)
  const ref = { start: 0, end: 0, lo: 0, hi: 0 }
  const find = (b: Uint8Array, at: number, limit: number, out: typeof ref) =>
    container.read(b, at, limit, ref) && readMapEntry(b, ref.start, ref.end, tags, name, out)
  return {
    ...inner,
    name: `${map.name}.${key}`,
    path: map.path,
    type: 'string',
    writable: container.elastic,
    minStart: container.minStart,
    minEnd: container.minStart,
    container,
    start: (b, at, limit) => (find(b, at, limit, ref) ? ref.start : BAD),
    end: (b, at, limit) => (find(b, at, limit, ref) ? ref.end : BAD),
    read: find,
    patch: (b, at, limit, value) => {
      if (!container.read(b, at, limit, ref)) return undefined
      const { start, end } = ref
      const bytes = writeMapEntry(b.subarray(start, end), tags, name, value)
      return bytes && { start, end, bytes }
    },
  }
}

/** The number that a part of a text must be. */
function partType(scope: Scope, name: string, spec: FieldSpec, path: IssuePath): DecimalType | undefined | null {
  if (spec.type === undefined || spec.type === 'str') return null
  const type = parseType(spec.type)
  if (type?.form === 'decimal') return { ...type, closed: true }
  scope.issues.error(
    [...path, 'type'],
    `a part of a text is a text or decimal digits, "${name}" is ${spec.type}`,
    'type: dec(9)',
  )
  return undefined
}

/** What stands before or behind a separator in another text field; as a number, the digits it starts with. */
export function partNode(
  scope: Scope,
  name: string,
  spec: FieldSpec,
  path: IssuePath,
  role: FieldInfo['role'],
): Node | undefined {
  const whole = scope.resolve(spec.of ?? '', [...path, 'of'])
  if (!whole) return undefined
  if (whole.type !== 'string' && whole.type !== 'bytes') {
    scope.issues.error([...path, 'of'], `"${spec.of}" is no text`)
    return undefined
  }
  if (spec.split === undefined || spec.part === undefined) {
    scope.issues.error(path, `"${name}" needs "split" and "part"`, 'split: ":", part: last')
    return undefined
  }
  const number = partType(scope, name, spec, path)
  if (number === undefined) return undefined
  const separator = textBytes(spec.split)
  const first = spec.part === 'first'
  const part: Node['read'] = (b, at, limit, out) => {
    if (!whole.read(b, at, limit, out)) return false
    const found = seek(b, out.start, out.end, separator)
    if (found < 0) return !first
    if (first) out.end = found
    else out.start = found + separator.length
    return true
  }
  const read: Node['read'] = number
    ? (b, at, limit, out) => {
        if (!part(b, at, limit, out) || readNumber(number, b, out.start, out.end) < 0) return false
        out.end = last.next
        out.lo = last.lo
        out.hi = 0
        return true
      }
    : part
  const ref = { start: 0, end: 0, lo: 0, hi: 0 }
  const all = { start: 0, end: 0, lo: 0, hi: 0 }
  return {
    ...inner,
    name,
    path,
    role,
    doc: spec.doc,
    type: number ? 'number' : whole.type,
    ...(number && { number }),
    ...(number && spec.is && { values: namedValues(spec.is) }),
    writable: (spec.writable ?? true) && whole.writable,
    minStart: whole.minStart,
    minEnd: whole.minStart,
    container: whole.container,
    sizeNode: whole.sizeNode,
    prefix: whole.prefix,
    bias: whole.bias,
    start: (b, at, limit) => (read(b, at, limit, ref) ? ref.start : BAD),
    end: (b, at, limit) => (read(b, at, limit, ref) ? ref.end : BAD),
    read,
    value: (b, at, limit) => (number && read(b, at, limit, ref) ? ref.lo : BAD),
    patch: (b, at, limit, value) => {
      if (value === undefined || !read(b, at, limit, ref) || !whole.read(b, at, limit, all)) return undefined
      const text = textBytes(value)
      if (number && (readNumber(number, text, 0, text.length) < 0 || last.next !== text.length)) return undefined
      const bytes = joinBytes(b.subarray(all.start, ref.start), text, b.subarray(ref.end, all.end))
      return whole.patch?.(b, at, limit, bytes)
    },
  }
}
