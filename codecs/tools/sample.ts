import { checksumKinds } from '../layout/checksum.ts'
import { delimiterBytes } from '../layout/delimiter.ts'
import { escapedFrame, escapePlan } from '../layout/escape.ts'
import { parseExpression } from '../layout/expression.ts'
import { hessianBytes } from '../layout/hessian.ts'
import { Issues } from '../layout/issue.ts'
import { halvesOf, last, numberBytes, putInt, readNumber } from '../layout/numbers.ts'
import { encodePrefixed } from '../layout/text-node.ts'
import { largest, type NumberType, parseType } from '../layout/types.ts'
import { behind, type Place } from './places.ts'
import { isNumber } from './questions.ts'
import { isOf, type Named, placedFields, type Sketch } from './sketch.ts'

/** A frame as the answers describe it, made without the codec: what is expected of that can be wrong. */
export interface Sample {
  readonly bytes: Uint8Array
  readonly id: number | undefined
  /** Values by name: numbers, texts, and bytes as hex digits. */
  readonly fields: ReadonlyMap<string, number | string>
}

export interface Wanted {
  readonly kind: string
  /** What the field that says the kind has; a number, or a text. */
  readonly value?: string
  /** Of a reply: another frame of it follows. */
  readonly more?: boolean
  /** Whether an upstream sends it, where that makes a difference. */
  readonly back?: boolean
}

/** So often lengths are tried that change what they count, as varints do. */
const tries = 8

/** A frame of a kind; undefined where the answers leave open how one is made. */
export function sampleFrame(sketch: Sketch, wanted: Wanted): Sample | undefined {
  let guess = 0
  for (let n = 0; n < tries; n++) {
    const layout = new Layout(sketch, wanted, guess)
    if (!layout.place()) return undefined
    const content = layout.closed()
    const total = content && lengthOf(sketch, layout, content.length)
    if (total === undefined) return undefined
    if (total === guess || (!sketch.length && n > 0)) {
      const bytes = sketch.until === undefined ? content! : delimited(sketch, content!)
      return bytes && { bytes: Uint8Array.from(bytes), id: layout.id, fields: layout.values() }
    }
    guess = total
  }
  return undefined
}

/** What the length field of a frame says. */
function lengthOf({ length, counts, plus }: Sketch, layout: Layout, bytes: number): number | undefined {
  if (!length) return 0
  const said = (counts === 'all' ? bytes : bytes - layout.ends.get('length')!) - plus
  return said >= 0 ? said : undefined
}

/** The frame around its content. */
function delimited({ until = '', opens, escape: escaping }: Sketch, content: Uint8Array): Uint8Array | undefined {
  const end = delimiterBytes(until)
  if (!end) return undefined
  const plan = escapePlan(
    {
      ...(opens !== undefined && { opens }),
      ...(escaping && {
        escape: {
          by: Number(escaping.by),
          ...(escaping.xor && { xor: Number(escaping.xor) }),
          ...(escaping.is && {
            is: Object.fromEntries(escaping.is.map(([key, value]) => [Number(key), Number(value)])),
          }),
        },
      }),
    },
    { ends: [end], bytes: end },
    [],
    new Issues(),
  )
  return plan && escapedFrame(plan, content, plan.opens, end)
}

class Layout {
  readonly ends = new Map<string, number>()
  readonly #starts = new Map<string, number>()
  readonly #numbers = new Map<string, number>()
  readonly #texts = new Map<string, string>()
  readonly #items: readonly (readonly [item: Named, value: number | undefined])[]
  readonly #sketch: Sketch
  readonly #wanted: Wanted
  #bytes = new Uint8Array(0)
  /** Bits that have their value. */
  #taken = new Uint8Array(0)

  constructor(sketch: Sketch, wanted: Wanted, length: number) {
    this.#sketch = sketch
    this.#wanted = wanted
    const { magic, kind, id, replyId, status, parts, sides } = sketch
    const { back = false, value } = wanted
    const reply = back || (!sides && wanted.kind !== 'request')
    const its = sides && back ? replyId : id
    this.#items = [
      sketch.length && ([sketch.length, length] as const),
      magic && ([magic, Number(magic.value)] as const),
      kind && value !== undefined && isNumber(value) ? ([kind, Number(value)] as const) : undefined,
      its && ([its, undefined] as const),
      ...parts.map((part, n) => (sides && !back ? undefined : ([part, this.#partValue(n, part)] as const))),
      status && (sides ? back : isOf(status, wanted.kind))
        ? ([status, reply || sketch.status?.good[0] === '0' ? Number(status.good[0]) : 0] as const)
        : undefined,
      ...placedFields(sketch)
        .filter((field) => (sides && back ? field.kinds?.includes('response') : isOf(field, wanted.kind)))
        .map((field) => [field, undefined] as const),
    ].filter((one) => one !== undefined)
  }

  get id(): number | undefined {
    return this.#numbers.get('id')
  }

  /** Of `left` the value that the reply's frame has, of `right` one above it. */
  #partValue(n: number, { mask }: Place): number {
    const { more } = this.#sketch
    const on = this.#wanted.more === true
    if (more?.how === '<') return n === 1 ? 2 : on ? 1 : isNumber(more.right) ? Number(more.right) : 2
    const value = Number(more?.right ?? 0)
    const other = mask ? (value === 0 ? Number(mask) & -Number(mask) : 0) : value === 0 ? 1 : 0
    return (more?.how === '=') === on ? value : other
  }

  /** Gives everything its place, one behind the other. @returns false where that cannot be */
  place(): boolean {
    let waiting = [...this.#items]
    while (waiting.length > 0) {
      const rest = waiting.filter(([item, value]) => !this.#put(item, value))
      if (rest.length === waiting.length) return false
      waiting = rest
    }
    return this.#fitSum()
  }

  /** Writes one, if what its place hangs on is there. */
  #put(item: Named, value: number | undefined): boolean {
    const name = item.name === 'replyId' ? 'id' : item.name
    const before = behind(item)
    const at = before === undefined ? this.#eval(item.at) : this.ends.get(before)
    if (at === undefined) return false
    const type = parseType(item.type)
    if (!type) return false
    const numeric = type.form !== 'text' && type.form !== 'map' && type.form !== 'hessian'
    const bytes = numeric ? this.#numberBytes(item, name, type, value) : this.#textBytes(item, name)
    if (!bytes) return false
    this.#grow(at + bytes.length)
    for (let i = 0; i < bytes.length; i++) {
      const bits = item.mask && numeric ? maskAt(type, Number(item.mask), i) : 0xff
      const free = bits & ~this.#taken[at + i]!
      this.#bytes[at + i] = (this.#bytes[at + i]! & ~free) | (bytes[i]! & free)
      this.#taken[at + i]! |= free
    }
    this.#starts.set(name, at)
    this.ends.set(name, at + bytes.length)
    if (numeric) this.#readBack(item, name, type)
    return true
  }

  /** What stands there may be another field's. */
  #readBack({ mask }: Place, name: string, type: NumberType): void {
    const at = this.#starts.get(name)!
    if (readNumber(type, this.#bytes, at, this.#bytes.length) !== 0) return
    const value = type.form === 'int' && type.signed ? last.lo : (last.lo >>> 0) + (last.hi >>> 0) * 2 ** 32
    this.#numbers.set(name, mask ? (value & Number(mask)) >>> 0 : value)
    this.ends.set(name, last.next)
  }

  #numberBytes({ mask }: Place, name: string, type: NumberType, value: number | undefined): Uint8Array | undefined {
    const bits = Number(mask ?? 0)
    const usual = name === 'id' ? 7 : (this.#sizeOf(name) ?? this.#named(name) ?? 1 + (this.#numbers.size % 5))
    const wanted = value ?? (bits ? bits & -bits : Math.min(usual, largest(type)))
    const { lo, hi } = halvesOf(wanted) ?? { lo: 0, hi: 0 }
    if (type.form === 'int') {
      const bytes = new Uint8Array(type.bytes)
      putInt(bytes, 0, type.bytes, type.le, lo, hi)
      return bytes
    }
    return numberBytes(type, lo, hi)
  }

  /** A number in which the length of a text is. */
  #sizeOf(name: string): number | undefined {
    const field = placedFields(this.#sketch).find(({ size }) => size === name)
    return field && this.#content(field).length
  }

  /** The value that says the kind, where a field to route by does. */
  #named(name: string): number | undefined {
    const { rules } = this.#sketch
    const { value } = this.#wanted
    return rules?.field === name && value !== undefined && isNumber(value) ? Number(value) : undefined
  }

  #textBytes(field: Named, name: string): Uint8Array | undefined {
    const type = parseType(field.type)!
    const content = this.#content(field)
    if (type.form === 'map') return content
    const text = this.#word(field)
    this.#texts.set(name, type.form === 'text' && type.value === 'bytes' ? Buffer.from(content).toString('hex') : text)
    if (type.form === 'hessian') return hessianBytes(text)
    if (type.form === 'text' && (type.prefix || type.ends)) return encodePrefixed(type, text)
    const { size } = field
    const bytes = size === undefined ? content.length : this.#eval(size)
    if (bytes === undefined || bytes > 1024) return undefined
    const sized = new Uint8Array(bytes).fill(0x20)
    sized.set(content.subarray(0, bytes))
    this.#texts.set(
      name,
      type.form === 'text' && type.value === 'bytes'
        ? Buffer.from(sized).toString('hex')
        : Buffer.from(sized).toString(),
    )
    return sized
  }

  #word({ name }: Named): string {
    const { rules } = this.#sketch
    const { value } = this.#wanted
    return rules?.field === name && value !== undefined ? value : name
  }

  /** What a text, list or map has in it. */
  #content(field: Named): Uint8Array {
    const { items, keys, values, count } = field
    const entries = this.#entriesOf(field.name)
    const joined = (parts: readonly (Uint8Array | undefined)[]) =>
      Buffer.concat(parts.map((part) => part ?? new Uint8Array(0)))
    const counted = (number: number, rest: Uint8Array) =>
      count ? joined([valueBytes(count, String(number)), rest]) : rest
    if (items !== undefined) {
      const most = Math.max(1, ...[...entries.keys()].map((key) => (Number(key) < 0 ? 0 : Number(key))))
      const words = Array.from(
        { length: most + 1 },
        (_, n) => entries.get(String(n)) ?? (n === most ? entries.get('-1') : undefined) ?? `word${n}`,
      )
      return counted(words.length, joined(words.map((word) => valueBytes(items, word))))
    }
    if (keys !== undefined && values !== undefined) {
      const pairs = entries.size > 0 ? [...entries] : [[parseType(keys)?.form === 'text' ? 'key' : '1', 'value']]
      return counted(
        pairs.length,
        joined(pairs.flatMap(([key, value]) => [valueBytes(keys, key!), valueBytes(values, value!)])),
      )
    }
    return Buffer.from(this.#word(field))
  }

  /** Entries that are fields by their key, with the values they get. */
  #entriesOf(name: string): ReadonlyMap<string, string> {
    const { fields, rules } = this.#sketch
    const { value } = this.#wanted
    return new Map(
      fields.flatMap((field) =>
        field.entry?.of === name
          ? [[field.entry.key, rules?.field === field.name && value !== undefined ? value : field.name] as const]
          : [],
      ),
    )
  }

  /** A sum of fields that is the frame's length: one of them takes what is missing. */
  #fitSum(): boolean {
    const { sum } = this.#sketch
    if (sum === undefined) return true
    const said = this.#eval(sum)
    if (said === undefined) return false
    const there = this.#bytes.length
    if (said < there) {
      const [name] = [...this.#numbers.keys()].filter((name) => new RegExp(`(^|[^\\w(])${name}([^\\w)]|$)`).test(sum))
      const item = this.#items.find(([one]) => one.name === name)?.[0]
      const type = item && parseType(item.type)
      if (!name || !item || type?.form !== 'int' || item.mask) return false
      putInt(this.#bytes, this.#starts.get(name)!, type.bytes, type.le, this.#numbers.get(name)! + there - said, 0)
      this.#readBack(item, name, type)
    }
    const total = this.#eval(sum)
    if (total === undefined || total < there || total > 4096) return false
    this.#grow(total)
    return true
  }

  /** The frame with what stands at its end. */
  closed(): Uint8Array | undefined {
    const { checksum, suffix, plus, counts, length } = this.#sketch
    const kind = checksum && checksumKinds[checksum]
    const sum = new Uint8Array(kind?.bytes ?? 0)
    const end = suffix === undefined ? new Uint8Array(0) : delimiterBytes(suffix)
    if (!end) return undefined
    if (length) {
      // Bytes that it does not count are there, and as many as it says where a text is as long.
      const size = this.#sizeOf('length') ?? 0
      this.#grow((counts === 'rest' ? this.ends.get('length')! : 0) + size + plus - sum.length - end.length)
    }
    if (kind) putInt(sum, 0, kind.bytes, kind.le, kind.of(this.#bytes), 0)
    return Buffer.concat([this.#bytes, sum, end])
  }

  values(): ReadonlyMap<string, number | string> {
    const found = new Map<string, number | string>()
    for (const { name, place, entry } of this.#sketch.fields) {
      const value = place ? (this.#numbers.get(name) ?? this.#texts.get(name)) : undefined
      if (value !== undefined) found.set(name, value)
      const of = entry && this.ends.has(entry.of) ? this.#items.find(([one]) => one.name === entry.of)?.[0] : undefined
      if (!entry || !of) continue
      const text = this.#entriesOf(entry.of).get(entry.key) ?? ''
      found.set(name, /^bytes/.test(of.values ?? of.items ?? '') ? Buffer.from(text).toString('hex') : text)
    }
    return found
  }

  /** @returns undefined while a field it needs has no place */
  #eval(expression: string): number | undefined {
    let sum: ReturnType<typeof parseExpression>
    try {
      sum = parseExpression(expression)
    } catch {
      return undefined
    }
    let total = sum.constant
    for (const { name, of, scale } of sum.terms) {
      const value = of === 'end' ? this.ends.get(name) : this.#numbers.get(name)
      if (value === undefined) return undefined
      total += scale * value
    }
    return total
  }

  #grow(bytes: number): void {
    if (bytes <= this.#bytes.length) return
    const { until, length } = this.#sketch
    const text = until !== undefined || /^(dec|ascii)/.test(length?.type ?? '')
    const grown = new Uint8Array(bytes).fill(text ? 0x20 : 0)
    grown.set(this.#bytes)
    const taken = new Uint8Array(bytes)
    taken.set(this.#taken)
    this.#bytes = grown
    this.#taken = taken
  }
}

/** The byte of a mask at an index of an integer. */
function maskAt(type: NumberType, mask: number, index: number): number {
  if (type.form !== 'int') return 0xff
  const bytes = new Uint8Array(type.bytes)
  putInt(bytes, 0, type.bytes, type.le, mask | 0, 0)
  return bytes[index]!
}

/** An item of a list, or a key or value of a map. */
function valueBytes(typeText: string, text: string): Uint8Array | undefined {
  const type = parseType(typeText)
  if (!type || type.form === 'map') return undefined
  if (type.form === 'text') return encodePrefixed(type, text)
  if (type.form === 'hessian') return hessianBytes(text)
  const { lo, hi } = halvesOf(Number(text)) ?? { lo: 0, hi: 0 }
  return numberBytes(type, lo, hi)
}
