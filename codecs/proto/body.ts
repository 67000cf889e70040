import { errorText } from '../../errors/thrown.ts'
import type { Codec } from '../contract.ts'
import { didYouMean } from '../layout/names.ts'
import type { DecodedBody, DecodedFrame } from '../tools/decode.ts'
import { readProto } from './types.ts'

export interface BodyOptions {
  /** The `.proto` file. */
  readonly file: string
  /** Names of messages, each for all frames or, as `field=value:name`, for some; the first that fits counts. */
  readonly messages: readonly string[]
  /** The field that holds the message; undefined: the bytes up to the end of the frame, as a field or behind the last one. */
  readonly field: string | undefined
  /** Where imports are looked for beside the file's own folder. */
  readonly folders: readonly string[]
}

/** A function that adds its body to a decoded frame. @throws Error for a file, message or field that does not exist */
export function protoBodies(
  codec: Codec,
  { file, messages, field, folders }: BodyOptions,
): (frame: DecodedFrame, bytes: Uint8Array) => DecodedFrame {
  const types = readProto(file, folders)
  const names = codec.fields.map(({ name }) => name)
  const known = (name: string) => {
    if (name === 'kind' || codec.slot(name) >= 0) return name
    const hint = didYouMean(name, names)
    throw new Error(`the protocol has no field "${name}"${hint ? `; ${hint}` : ''}`)
  }
  const rules = messages.map((text) => {
    const rule = /^([^=]+)=([^:]+):(.+)$/.exec(text)
    return rule
      ? { field: known(rule[1]!), value: rule[2]!, message: types.find(rule[3]!) }
      : { field: undefined, value: '', message: types.find(text) }
  })
  const container = field === undefined ? undefined : known(field)
  return (frame, bytes) => {
    if (frame.problem) return frame
    const rule = rules.find((one) => one.field === undefined || fits(frame, one.field, one.value))
    const place = rule && bodyPlace(frame, container)
    if (!rule || !place || place.start >= place.end) return frame
    const body = bytes.subarray(frame.at + place.start, frame.at + place.end)
    return {
      ...frame,
      body: { start: place.start, end: place.end, message: rule.message, ...decoded(types, rule.message, body) },
    }
  }
}

function fits({ kind, fields }: DecodedFrame, name: string, value: string): boolean {
  if (name === 'kind') return kind === value
  const field = fields.find((one) => one.name === name)
  return field !== undefined && (String(field.value) === value || field.label === value)
}

function bodyPlace({ fields, length }: DecodedFrame, container: string | undefined) {
  if (container !== undefined) return fields.find(({ name }) => name === container)
  const rest = fields.filter(({ info, end }) => info.type === 'bytes' && end === length)
  if (rest.length > 0) return rest.reduce((outer, one) => (one.start < outer.start ? one : outer))
  return { start: fields.reduce((end, one) => Math.max(end, one.end), 0), end: length }
}

function decoded(
  types: ReturnType<typeof readProto>,
  message: string,
  bytes: Uint8Array,
): Pick<DecodedBody, 'value' | 'problem'> {
  try {
    return { value: printable(types.decode(message, bytes)) }
  } catch (error) {
    return { problem: errorText(error) }
  }
}

/** Bytes as hex digits, which people can read and JSON can hold. */
function printable(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(printable)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, printable(part)]))
}
