import {
  type Codec,
  emptyFrame,
  emptyRef,
  type FieldInfo,
  type FieldValue,
  type FrameErrorName,
  FrameKind,
  type FrameKindName,
  frameErrorName,
  frameKindNames,
} from '../contract.ts'
import { fieldValue, toUint64 } from '../values.ts'

/** A field of a decoded frame; `start` and `end` are offsets from the frame's first byte. */
export interface DecodedField {
  readonly name: string
  readonly start: number
  readonly end: number
  readonly value: FieldValue
  /** The value's name, where the protocol gives it one. */
  readonly label?: string
  readonly info: FieldInfo
  /** Of a checksum: what the frame's bytes make, where that is something else. */
  readonly expected?: FieldValue
  /** The number in front of it that says how long it is. */
  readonly prefix?: { readonly start: number; readonly end: number; readonly value: bigint }
}

export interface DecodedFrame {
  /** Offset of the frame in the bytes given. */
  readonly at: number
  readonly length: number
  readonly kind: FrameKindName | undefined
  readonly id: bigint
  readonly status: number
  /** Whether it is an error reply. */
  readonly error: boolean
  /** Whether more frames of the reply follow. */
  readonly more: boolean
  /** ms */
  readonly timeout: number
  /** In the order of their place in the frame. */
  readonly fields: readonly DecodedField[]
  /** What `inspect` complained of. */
  readonly problem?: FrameErrorName
  /** What a .proto file makes of the body; offsets from the frame's first byte. */
  readonly body?: DecodedBody
}

export interface DecodedBody {
  readonly start: number
  readonly end: number
  /** Full name of the message. */
  readonly message: string
  readonly value?: unknown
  /** Why the bytes are no such message. */
  readonly problem?: string
}

export interface Decoded {
  readonly frames: readonly DecodedFrame[]
  /** Why decoding stopped before the end: broken bytes at `at`, or a frame that is cut off and would need `needs` bytes. */
  readonly stopped?: { readonly at: number; readonly error?: FrameErrorName; readonly needs?: number }
}

/** Splits bytes into frames, so many at most, and reads every field of each; never throws on bad bytes. */
export function decodeFrames(codec: Codec, given: Uint8Array, most: number = Number.POSITIVE_INFINITY): Decoded {
  const bytes = plainBytes(given)
  const frames: DecodedFrame[] = []
  let at = 0
  while (at < bytes.length && frames.length < most) {
    const length = codec.frameLength(bytes, at, bytes.length)
    if (length <= 0) return { frames, stopped: { at, error: frameErrorName(length) ?? 'malformed' } }
    if (length > bytes.length - at) return { frames, stopped: { at, needs: length } }
    frames.push(decodeFrame(codec, bytes, at, length))
    at += length
  }
  return { frames }
}

function decodeFrame(codec: Codec, bytes: Uint8Array, at: number, length: number): DecodedFrame {
  const frame = emptyFrame()
  const result = codec.inspect(bytes, at, length, frame)
  const problem = result < 0 ? frameErrorName(result) : undefined
  const kind = problem ? undefined : frameKindNames.find((name) => FrameKind[name] === frame.kind)
  const ref = emptyRef()
  const fields = codec.fields.flatMap((info): DecodedField[] => {
    if (!codec.read(info.slot, bytes, at, length, ref)) return []
    const value = fieldValue(info, bytes, ref)
    const named = Object.entries(info.values ?? {}).find(([, number]) => number === Number(value))?.[0]
    const label = info.role === 'kind' ? kind : named
    const expected = info.role === 'checksum' ? checksumOf(codec, info, bytes, at, length, value) : undefined
    const { start, end } = ref
    const prefix = prefixOf(info, bytes, at, start)
    return [
      {
        name: info.name,
        start: start - at,
        end: end - at,
        value,
        info,
        ...(label && { label }),
        ...(expected !== undefined && { expected }),
        ...(prefix && { prefix }),
      },
    ]
  })
  return {
    at,
    length,
    kind,
    id: toUint64(frame.idLo, frame.idHi),
    status: frame.status,
    error: frame.error === 1,
    more: frame.more === 1,
    timeout: frame.timeout,
    fields: fields.sort((a, b) => a.start - b.start || b.end - a.end),
    ...(problem && { problem }),
  }
}

/** Only where the bytes in front are those of the value: one that is absent, or has a place inside another field, has none. */
function prefixOf({ prefix }: FieldInfo, bytes: Uint8Array, at: number, start: number): DecodedField['prefix'] {
  const from = at + start - (prefix?.bytes ?? 0)
  if (!prefix || from < at) return undefined
  const digits = bytes.slice(from, at + start)
  if (digits.length !== prefix.bytes) return undefined
  if (prefix.le) digits.reverse()
  const value = BigInt(`0x${Buffer.from(digits).toString('hex')}`)
  return { start: start - prefix.bytes, end: start, value }
}

/** The same memory as codecs want it: a `slice` of a Buffer is no copy. */
function plainBytes(bytes: Uint8Array): Uint8Array {
  return Buffer.isBuffer(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes
}

/** The checksum that the frame's bytes make; undefined when it is the one that is there. */
function checksumOf(
  codec: Codec,
  { slot }: FieldInfo,
  bytes: Uint8Array,
  at: number,
  length: number,
  said: FieldValue,
): FieldValue | undefined {
  const right = codec.mutate?.(bytes, at, length, [])
  const value = right && codec.field(slot, right, 0, right.length)
  const text = (one: FieldValue | undefined) => (one instanceof Uint8Array ? Buffer.from(one).toString('hex') : one)
  return text(value) === text(said) ? undefined : value
}

const shown = 32

/** Bytes of a frame that no field has, `start` and `end` from its first byte: what is still to be found out. */
export function unnamed({ fields, body, length }: DecodedFrame): readonly Pick<DecodedField, 'start' | 'end'>[] {
  const gaps: Pick<DecodedField, 'start' | 'end'>[] = []
  let at = 0
  const known = [
    ...fields,
    ...fields.flatMap(({ prefix }) => prefix ?? []),
    ...(body ? [body] : []),
    { start: length, end: length },
  ]
  for (const { start, end } of known.sort((a, b) => a.start - b.start)) {
    if (start > at) gaps.push({ start: at, end: start })
    at = Math.max(at, end)
  }
  return gaps
}

/** A frame as a dissector prints it: offsets, bytes, names and values, one field a line; `?` where the document says nothing. */
function printFrame(frame: DecodedFrame, bytes: Uint8Array): string {
  const id = frame.id === 0n ? '' : ` id ${frame.id}`
  const error = frame.error ? ' error' : ''
  const status = frame.status === 0 ? '' : ` status ${frame.status}`
  const more = frame.more ? ' more follows' : ''
  const head = `@${frame.at} ${frame.length} bytes  ${frame.kind ?? `PROBLEM ${frame.problem}`}${id}${status}${error}${more}`
  const names = Math.max(4, ...frame.fields.map(({ name }) => name.length))
  const line = ({ start, end }: Pick<DecodedField, 'start' | 'end'>, name: string, value: string) => {
    const place = `${String(start).padStart(5)}..${String(end).padEnd(5)}`
    const raw = bytes.subarray(frame.at + start, frame.at + end)
    const hex = Buffer.from(raw.subarray(0, 8)).toString('hex') + (raw.length > 8 ? '…' : '')
    return { start, text: `  ${place} ${hex.padEnd(17)} ${name.padEnd(names)} ${value}` }
  }
  const lengths = frame.fields.flatMap(({ name, prefix }) =>
    prefix ? [line(prefix, name, `${prefix.value}  (length)`)] : [],
  )
  const lines = frame.fields.map((field) => {
    const role = field.info.role && field.info.role !== field.name ? `  (${field.info.role})` : ''
    return line(field, field.name, `${printValue(field)}${role}${wrongSum(field)}`)
  })
  const rest = unnamed(frame).map((gap) =>
    line(gap, '?', printUnnamed(bytes.subarray(frame.at + gap.start, frame.at + gap.end))),
  )
  const all = [...lengths, ...lines, ...rest].sort((a, b) => a.start - b.start).map(({ text }) => text)
  return [head, ...all, ...(frame.body ? [printBody(frame.body)] : [])].join('\n')
}

/** How many bytes, their digits, and the words where they are nothing else: what somebody goes by who does not know yet. */
function printUnnamed(raw: Uint8Array): string {
  const part = Buffer.from(raw.subarray(0, shown))
  const more = raw.length > shown ? '…' : ''
  const words = part.every((byte) => byte > 0x1f && byte < 0x7f)
    ? ` ${JSON.stringify(part.toString('latin1'))}${more}`
    : ''
  return `${raw.length} ${raw.length === 1 ? 'byte' : 'bytes'} ${part.toString('hex')}${more}${words}`
}

const wrongSum = ({ expected }: DecodedField) =>
  expected === undefined
    ? ''
    : ` PROBLEM by the document it is ${expected instanceof Uint8Array ? Buffer.from(expected).toString('hex') : expected}`

function printBody({ start, end, message, value, problem }: DecodedBody): string {
  const place = `${String(start).padStart(5)}..${String(end).padEnd(5)}`
  if (problem) return `  ${place} ${message}: PROBLEM ${problem}`
  const text = JSON.stringify(value, undefined, 2)
  return `  ${place} ${message} ${text.replaceAll('\n', '\n  ')}`
}

function printValue({ value, label, info }: DecodedField): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
  if (value instanceof Uint8Array) {
    const hex = Buffer.from(value.subarray(0, shown)).toString('hex')
    return `${value.length} bytes${hex && ` ${hex}`}${value.length > shown ? '…' : ''}`
  }
  const hex = info.type === 'number' && value >= 0 ? ` 0x${value.toString(16)}` : ''
  return `${value}${value > 9 ? hex : ''}${label ? ` ${label}` : ''}`
}

const belowHeader = (least: number) =>
  `by its length it is shorter than the ${least} bytes that the fields of every frame take: what only some frames have needs a \`when\``

/**
 * All frames, then where and why decoding stopped.
 * @param least bytes of the shortest frame the codec takes (`headerMin`), for the reason of a frame that is shorter
 */
export function printDecoded(decoded: Decoded, bytes: Uint8Array, least?: number): string {
  const parts = decoded.frames.map((frame) => printFrame(frame, bytes))
  const { stopped } = decoded
  if (stopped?.error) {
    const near = Buffer.from(bytes.subarray(stopped.at, stopped.at + 16)).toString('hex')
    const why = stopped.error === 'belowHeader' && least !== undefined ? `; ${belowHeader(least)}` : ''
    parts.push(
      `@${stopped.at} ${stopped.error}: the bytes ${near}${bytes.length > stopped.at + 16 ? '…' : ''} are no frame${why}`,
    )
  } else if (stopped?.needs !== undefined) {
    parts.push(`@${stopped.at} cut off: ${bytes.length - stopped.at} bytes are here, the frame needs ${stopped.needs}`)
  }
  return parts.join('\n\n')
}

/** Bytes of a hex dump: digits with spaces, colons or `0x`, or the output of `xxd` and `hexdump -C`. @throws SyntaxError */
export function parseHex(text: string): Uint8Array {
  const lines = text.split(/\r?\n/).map((line) => {
    // `00000000: 4d47 0102  MG..` and `00000000  4d 47 01 02  |MG..|`
    const dump = /^[\da-f]{4,8}(?::| {2}) ?((?:[\da-f]{2} {0,2}){1,16})(?:\s{2}.*|\|.*)?$/i.exec(line.trim())
    if (/^[\da-f]{7,8}$/i.test(line.trim()) && text.includes('|')) return ''
    return dump ? dump[1]! : line.replace(/0x/gi, '')
  })
  const digits = lines.join('').replace(/[\s:,_-]/g, '')
  const bad = /[^\da-f]/i.exec(digits)
  if (bad) throw new SyntaxError(`"${bad[0]}" is no hex digit`)
  if (digits.length % 2 !== 0) throw new SyntaxError(`${digits.length} hex digits are no whole bytes: one is missing`)
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}
