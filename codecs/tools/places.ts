import { minBytes, parseType, typeHint } from '../layout/types.ts'

/** How answers of `meshgate protocol new` say what stands where. */

export const number = '(?:0x[\\da-f]+|\\d+)'
const name = /^[A-Za-z_][\w-]*$/

/** `u32@8`, `leb128@0`, `str(u8)@id`, `u8@6&0x30`: type, place (an offset, a field it comes behind, or a sum), bits, and the kinds that have it. */
const placed = /^(.+)@([\w ()+*-]+?)(?:&(0x[\da-f]+|\d+))?(?::([\w|]+))?$/is

export interface Place {
  /** As documents have it; of lists and maps `list` and `map`. */
  readonly type: string
  /** An offset, a sum, or the name of the field it comes behind. */
  readonly at: string
  readonly mask?: string
  /** `str[16]`: bytes of a text, list or map; absent: up to the end of the frame. */
  readonly size?: string
  /** `list(str(u8))[u16]`: the type of the number of items in front of them. */
  readonly count?: string
  readonly items?: string
  readonly keys?: string
  readonly values?: string
  /** Only frames of these kinds have it. */
  readonly kinds?: readonly string[]
}

/** A field to route by: with a place of its own, or an entry of a list or map. */
export interface FieldAnswer {
  readonly name: string
  readonly place?: Place
  readonly entry?: { readonly of: string; readonly key: string }
  /** Longest value in bytes, where one has to be said. */
  readonly most?: number
}

/** The parts of `type@place`; undefined when it is none. */
export function readPlace(text: string): Place | undefined {
  const [, written = '', at = '', mask, kinds] = placed.exec(text.trim()) ?? []
  if (at === '') return undefined
  return {
    ...readType(written.trim()),
    at: at.trim(),
    ...(mask && { mask }),
    ...(kinds && { kinds: kinds.split('|') }),
  }
}

/** `list(str(u8))[u16]`, `map(str(u8), str(u8))[size]`, `str[16]`, or a type as documents have it. */
function readType(written: string): Omit<Place, 'at'> {
  const [, outer = written, within] = /^(.+)\[([^[\]]+)\]$/s.exec(written) ?? []
  const counted = within !== undefined && !/^\d+$/.test(within) && isNumber(within)
  const size = within === undefined ? {} : counted ? { count: within } : { size: within.trim() }
  const [, inner] = /^list\((.+)\)$/s.exec(outer) ?? []
  if (inner !== undefined) return { type: 'list', items: inner.trim(), ...size }
  const [, pair] = /^map\((.+)\)$/s.exec(outer) ?? []
  if (pair === undefined) return within === undefined ? { type: written } : { type: outer, ...size }
  const [keys = '', values = ''] = list(pair)
  return { type: 'map', keys, values, ...size }
}

function isNumber(text: string): boolean {
  const form = parseType(text)?.form
  return form !== undefined && form !== 'text' && form !== 'map' && form !== 'hessian'
}

/** `name=type@place` and `name=list[2]`; entries that are neither have only their name. */
export function readFields(text: string): readonly FieldAnswer[] {
  return list(text).map((one) => {
    const [, called = one, what = ''] = /^([^=]*)=(.*)$/s.exec(one) ?? []
    const [, of, key] = /^([A-Za-z_][\w-]*)\[([^[\]]+)\]$/.exec(what.trim()) ?? []
    const place = readPlace(what)
    return {
      name: called.trim(),
      ...(of !== undefined && key !== undefined ? { entry: { of, key: key.trim() } } : place && { place }),
    }
  })
}

/** What stands between commas, but for those in parentheses. */
export function list(text: string): readonly string[] {
  const found: string[] = ['']
  let depth = 0
  for (const character of text) {
    if (character === '(') depth++
    if (character === ')' && depth > 0) depth--
    if (character === ',' && depth === 0) found.push('')
    else found[found.length - 1] += character
  }
  return found.map((one) => one.trim()).filter((one) => one !== '')
}

/** What is wrong with `type@place`, undefined when it can be used. */
export function wrongPlace(answer: string, numbersOnly: boolean): string | undefined {
  const place = readPlace(answer)
  if (!place) return 'write a type and a place, as u32@8, or u32@length: behind the field "length"'
  for (const inner of [place.items, place.keys, place.values])
    if (inner !== undefined && !parseType(inner))
      return inner === ''
        ? 'a map has two types, as map(str(u8), str(u16))'
        : `there is no type "${inner}"; ${typeHint(inner)}`
  const type = parseType(place.type)
  if (!type) return `there is no type "${place.type}"; ${typeHint(place.type)}`
  if (numbersOnly && !isNumber(place.type)) return `this is a number, and ${place.type} is none`
  if (type.form === 'map' && place.items === undefined && place.keys === undefined)
    return 'say of what: list(str(u8)), or map(str(u8), str(u16))'
  return undefined
}

/** What is wrong with fields, undefined when they can be used; `own` are names of the proxy's. */
export function wrongFields(answer: string, own: readonly string[]): string | undefined {
  const fields = readFields(answer)
  for (const [index, { name: called, place, entry }] of fields.entries()) {
    if (!name.test(called) || (!place && !entry))
      return `"${list(answer)[index]}": write name=type@place, as msgid=u32@8, method=str(u8)@id, or an entry of a list or map, as service=headers[service]`
    if (own.includes(called)) return `"${called}" is asked for on its own; choose another name`
    if (entry && !fields.some((other) => other.name === entry.of && other.place))
      return `${called}: there is no list or map "${entry.of}"; name it too, as ${entry.of}=map(str(u8), str(u8))@8`
    const wrong = place && wrongPlace(list(answer)[index]!.replace(/^[^=]*=/, ''), false)
    if (wrong) return `${called}: ${wrong}`
  }
  return undefined
}

/** The name of the field it stands behind, undefined when its place is something else. */
export function behind({ at }: Pick<Place, 'at'>): string | undefined {
  return name.test(at) ? at : undefined
}

/** Types of numbers with a byte order get it, in front of texts and in lists too. */
export function littleEndian(place: Place): Place {
  const le = (type: string) => type.replace(/\b([ui](?:16|24|32|64))\b/g, '$1le')
  const { type, items, keys, values, count } = place
  return {
    ...place,
    type: le(type),
    ...(items && { items: le(items) }),
    ...(keys && { keys: le(keys) }),
    ...(values && { values: le(values) }),
    ...(count && { count: le(count) }),
  }
}

/** What a document says of a place, without braces. */
export function written(place: Place, more = ''): string {
  const { type, at, mask, size, count, items, keys, values } = place
  const start = /^\d+$/.test(at) ? `at: ${at}` : behind(place) ? `after: ${at}` : `at: ${at}`
  const unsized = type === 'str' || type === 'bytes' || type === 'list' || type === 'map'
  const parts = [
    start,
    `type: ${typeText(type)}`,
    size ? `size: ${size}` : unsized ? 'size: rest' : '',
    count && `count: ${typeText(count)}`,
    items && `items: ${typeText(items)}`,
    keys && `keys: ${typeText(keys)}`,
    values && `values: ${typeText(values)}`,
    mask && `mask: ${mask}`,
    more,
  ]
  return parts.filter(Boolean).join(', ')
}

const typeText = (type: string) => (/^[\w()-]+$/.test(type) ? type : quoted(type))

/** A text as YAML has it whatever stands in it. */
export const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`

/** Bytes a number or a text of a known size takes, undefined when that hangs on the frame. */
export function widthOf({ type, size }: Place): number | undefined {
  if (size !== undefined) return /^\d+$/.test(size) ? Number(size) : undefined
  const info = parseType(type)
  return info && (info.form === 'int' || info.form === 'digits') ? minBytes(info) : undefined
}
