import type { FieldValue } from '../../codecs/contract.ts'
import { checkDocument } from '../../codecs/document.ts'
import {
  type Decoded,
  type DecodedField,
  type DecodedFrame,
  decodeFrames,
  parseHex,
  unnamed,
} from '../../codecs/tools/decode.ts'

/** Bytes of one request: a capture of some frames, not of a day. */
export const MOST_BYTES = 64 * 1024
const MOST_FRAMES = 100
/** Characters of a value, and bytes of a field as digits. */
const MOST_SHOWN = 200

/** A field of a frame, or bytes that none has; offsets count from the frame's first byte. */
interface ShownField {
  /** Absent of bytes that no field has. */
  readonly name?: string
  readonly start: number
  readonly end: number
  readonly hex: string
  readonly value?: string
  readonly label?: string
  readonly role?: string
  /** Of a checksum that is not the one the document makes of the bytes. */
  readonly expected?: string
}

export interface ShownFrame extends Pick<DecodedFrame, 'at' | 'length' | 'problem' | 'error' | 'more'> {
  readonly kind?: string
  /** As text: it may have 64 bits. */
  readonly id?: string
  readonly status?: number
  readonly timeoutMs?: number
  readonly fields: readonly ShownField[]
}

export interface ShownFrames {
  /** Why the document gives no frames; the bytes were not looked at. */
  readonly errors: readonly { readonly path: readonly (string | number)[]; readonly message: string }[]
  readonly frames: readonly ShownFrame[]
  /** Whether frames of the two sides are laid out differently. */
  readonly sided: boolean
  /** Whether there are more frames than are shown. */
  readonly cut: boolean
  readonly stopped?: Decoded['stopped']
}

/**
 * What a Protocol document makes of bytes, as `meshgate protocol decode` prints it. A codec in code that the document names is not run.
 * @param hex digits, or a dump as `xxd` makes it
 * @param from whose bytes they are
 * @param file where the document lies; its `.proto` files are looked for beside it
 * @throws SyntaxError when the text is no hex, RangeError when it is too much
 */
export function showFrames(document: unknown, hex: string, from: 'client' | 'upstream', file?: string): ShownFrames {
  const bytes = parseHex(hex)
  if (bytes.length > MOST_BYTES) throw new RangeError(`${bytes.length} bytes are too many: ${MOST_BYTES} at most`)
  const { codec, issues } = checkDocument(document, file)
  const none = { errors: [], frames: [], sided: false, cut: false }
  if (!codec) {
    const errors = issues.filter(({ severity }) => severity === 'error').map(({ path, message }) => ({ path, message }))
    const unread = { path: ['spec', 'module'], message: 'the layout is in a module, which is not run here' }
    return { ...none, errors: errors.length > 0 ? errors.slice(0, 20) : [unread] }
  }
  const { frames, stopped } = decodeFrames(from === 'upstream' ? (codec.upstream ?? codec) : codec, bytes, MOST_FRAMES)
  return {
    errors: [],
    frames: frames.map((frame) => shownFrame(frame, bytes)),
    sided: codec.upstream !== undefined,
    cut: stopped === undefined && frames.length === MOST_FRAMES && ending(frames) < bytes.length,
    ...(stopped && { stopped }),
  }
}

function ending(frames: readonly DecodedFrame[]): number {
  const last = frames.at(-1)
  return last ? last.at + last.length : 0
}

function shownFrame(frame: DecodedFrame, bytes: Uint8Array): ShownFrame {
  const { at, length, kind, id, status, error, more, timeout, fields, problem } = frame
  const digits = (start: number, end: number) => digitsOf(bytes.subarray(at + start, at + end))
  const known = fields.map(
    ({ name, start, end, value, label, info, expected }: DecodedField): ShownField => ({
      ...{ name, start, end, hex: digits(start, end), value: shownValue(value) },
      ...(label !== undefined && { label }),
      ...(info.role !== undefined && info.role !== name && { role: info.role }),
      ...(expected !== undefined && { expected: shownValue(expected) }),
    }),
  )
  const lengths = fields.flatMap(({ name, prefix }): readonly ShownField[] => {
    if (!prefix) return []
    const { start, end, value } = prefix
    return [{ name, start, end, hex: digits(start, end), value: String(value), role: 'length' }]
  })
  const gaps = unnamed(frame).map(({ start, end }): ShownField => ({ start, end, hex: digits(start, end) }))
  return {
    ...{ at, length, error, more },
    ...(kind && { kind }),
    ...(problem && { problem }),
    ...(id !== 0n && { id: String(id) }),
    ...(status !== 0 && { status }),
    ...(timeout > 0 && { timeoutMs: timeout }),
    fields: [...lengths, ...known, ...gaps].sort((a, b) => a.start - b.start || b.end - a.end),
  }
}

function digitsOf(bytes: Uint8Array): string {
  const most = MOST_SHOWN / 2
  const digits = Buffer.from(bytes.subarray(0, most)).toString('hex')
  return bytes.length > most ? `${digits}…` : digits
}

function shownValue(value: FieldValue): string {
  const text = value instanceof Uint8Array ? digitsOf(value) : String(value)
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text
}
