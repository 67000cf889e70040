import type { Edit, Path } from '../yaml/index.ts'
import { isMap, readList, readMap, readNumber } from './schema.ts'

/** Parts of a message that are fields by these names, too. */
const ROLES = ['kind', 'id', 'status', 'timeout', 'flags'] as const

/** Types of fields as one begins to type them; many take a size or a type in parentheses. */
export const FIELD_TYPES: readonly string[] = [
  ...[
    'u8',
    'u16',
    'u24',
    'u32',
    'u64',
    'u16le',
    'u24le',
    'u32le',
    'u64le',
    'i8',
    'i16',
    'i32',
    'i64',
    'i16le',
    'i32le',
  ],
  ...['i64le', 'leb128', 'leb128(64)', 'zigzag', 'zigzag(64)', 'mqtt', 'ber', 'ascii(4)', 'bcd(2)', 'dec(9)'],
  ...['str', 'str(u8)', 'str(u16)', 'str(u32)', 'str(leb128)', 'bytes', 'bytes(u8)', 'bytes(u16)', 'bytes(u32)'],
  ...['bytes(leb128)', 'cstr', 'until(\\n)', 'until(\\s)', 'until(=)', 'map', 'list', 'hessian'],
]
export const KINDS: readonly string[] = [
  ...['request', 'response', 'oneway', 'heartbeat', 'heartbeatReply', 'push', 'goaway', 'handshake', 'either'],
  ...['opaque', 'cancel'],
]

/** Names that places and conditions of a Protocol document can speak of, in the order of the text. */
export function fieldNames(document: unknown): readonly string[] {
  const parts = [readMap(document, 'spec'), ...readList(document, 'spec', 'variants')]
  const names = parts.flatMap((part) => [
    ...Object.keys(readMap(part, 'fields')),
    ...ROLES.filter((role) => readMap(part, 'message')[role] !== undefined),
  ])
  return [...new Set(names)]
}

/** The field that ends last, as far as places tell: the last of those that are written, or the one of a message with the greatest offset. */
export function lastField(document: unknown, names: readonly string[]): readonly string[] {
  const last = names.at(-1)
  if (last !== undefined) return [last]
  const message = readMap(document, 'spec', 'message')
  const offset = (role: string) => readNumber(message, role, 'at') ?? -1
  const [found] = ROLES.filter((role) => offset(role) >= 0).sort((a, b) => offset(b) - offset(a))
  return found === undefined ? [] : [found]
}

/** A field in a few words: `u32 @8`, `str(u16) ← method`, `headers[service]`. */
export function fieldSummary(field: unknown): string {
  if (!isMap(field)) return ''
  const { at, after, type, size, in: container, key, pb, of, part } = field
  const place =
    at !== undefined ? `@${at}` : after !== undefined ? `← ${after}` : of !== undefined ? `${of}, ${part ?? ''}` : ''
  const inside = key !== undefined ? `[${key}]` : pb !== undefined ? `.${Array.isArray(pb) ? pb.join('.') : pb}` : ' '
  return [
    container === undefined ? '' : `${container}${inside}`.trim(),
    type === undefined ? '' : String(type),
    place,
    size === undefined ? '' : `(${size})`,
  ]
    .filter(Boolean)
    .join(' ')
}

/** Conditions in a few words: `verb = GET & flags {mask: 128}`. */
export function conditionSummary(when: unknown): string {
  if (!isMap(when)) return ''
  const said = (value: unknown) =>
    isMap(value)
      ? `{${Object.entries(value)
          .map(([key, one]) => `${key}: ${JSON.stringify(one)}`)
          .join(', ')}}`
      : `= ${Array.isArray(value) ? value.join(', ') : String(value)}`
  return Object.entries(when)
    .map(([name, value]) => `${name} ${said(value)}`)
    .join(' & ')
}

/**
 * What a field of a Protocol document begins with when it is added: something that can be, where an empty value could not. Undefined where the
 * schema says enough.
 * @param path in the document @param names fields that are there
 */
export function protocolStart(path: Path, names: readonly string[] = []): unknown {
  const place = path.map((step) => (typeof step === 'number' ? '[]' : step)).join('.')
  const last = String(path.at(-1))
  if (/^spec\.(variants\.\[\]\.)?frame$/.test(place)) return { length: LENGTH }
  if (/\.frame\.length$|\.entry\.length$/.test(place)) return LENGTH
  if (/\.frame\.until$/.test(place)) return '\\n'
  if (/\.frame\.(opens|suffix|escape\.by)$/.test(place)) return 0
  if (/\.frame\.escape$/.test(place)) return { by: 0 }
  if (/\.frame\.(max|min)$/.test(place)) return last === 'max' ? '64KiB' : 1
  if (/\.frame\.check(\.\[\])?$/.test(place)) return { at: 0, type: 'u16', equals: 0 }
  if (/\.align$/.test(place)) return 4
  if (/\.message\.kind$/.test(place)) return { ...BYTE, is: { 1: 'request', 2: 'response' } }
  if (/\.message\.(id|status|timeout)(\.\[\])?$/.test(place)) return { at: 0, type: 'u32' }
  if (/\.message\.(flags)$/.test(place)) return BYTE
  if (/\.message\.kind\.\[\]$/.test(place)) return { is: 'request' }
  if (/^spec\.variants$/.test(place)) return [{ name: 'other' }]
  if (/^spec\.variants\.\[\]$/.test(place)) return { name: 'other' }
  if (/\.fields\.[^.]+$/.test(place)) return names.length === 0 ? BYTE : { after: names.at(-1), type: 'u32' }
  if (/\.reply\.(error|heartbeat|goaway|ping)$/.test(place)) return { from: 'request' }
  if (/\.connections$/.test(place)) return ['bound']
  if (/\.(xor)$/.test(place)) return 32
  return undefined
}

const LENGTH = { at: 0, type: 'u32', counts: 'all' } as const
const BYTE = { at: 0, type: 'u8' } as const

/**
 * The edits that give a field of the document another name: wherever the document says what stands behind it (`after`), and then its key.
 * @param path of the map the field is an entry of
 */
export function renameField(document: unknown, path: Path, name: string, next: string): readonly Edit[] {
  const places: Path[] = []
  const walk = (value: unknown, at: Path): void => {
    if (Array.isArray(value)) for (const [index, one] of value.entries()) walk(one, [...at, index])
    if (!isMap(value)) return
    for (const [key, one] of Object.entries(value)) {
      if (key === 'after' && one === name) places.push([...at, key])
      else walk(one, [...at, key])
    }
  }
  walk(document, [])
  return [
    ...places.map((place): Edit => ({ op: 'set', path: place, value: next })),
    { op: 'rename', path: [...path, name], value: next },
  ]
}
