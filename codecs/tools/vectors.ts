import { parseDocument } from 'yaml'
import { z } from 'zod'
import {
  type Codec,
  codecOfSide,
  errorReasons,
  type FieldValue,
  frameKindNames,
  frameSides,
  replyKinds,
} from '../contract.ts'
import { type DecodedFrame, decodeFrames, parseHex } from './decode.ts'

/** Known bytes and what they mean: `vectors.yaml` beside a protocol. */
const expectedFrame = z.strictObject({
  length: z.number().int().optional(),
  kind: z.enum(frameKindNames as [string, ...string[]]).optional(),
  id: z.union([z.number(), z.string()]).optional(),
  status: z.number().int().optional(),
  error: z.boolean().optional(),
  /** Whether more frames of the reply follow. */
  more: z.boolean().optional(),
  timeout: z.number().int().optional(),
  problem: z.string().optional(),
  fields: z.record(z.string(), z.union([z.number(), z.string(), z.null()])).optional(),
})
const vector = z.strictObject({
  name: z.string(),
  /** Who made the bytes: package and version, or a specification. */
  source: z.string().optional(),
  /** Who sends them, where that makes a difference; the client unless said. */
  from: z.enum(frameSides).optional(),
  hex: z.string(),
  frames: z.array(expectedFrame).optional(),
  /** The error frameLength gives behind the frames. */
  error: z.string().optional(),
  /** Bytes the last frame needs, when it is cut off. */
  needs: z.number().int().optional(),
  /** What the proxy answers to the first frame. */
  replies: z
    .array(
      z.strictObject({
        kind: z.enum(replyKinds),
        code: z.number().int().optional(),
        reason: z.enum(errorReasons).optional(),
        message: z.string().optional(),
        hex: z.string(),
      }),
    )
    .optional(),
})
const vectorsFile = z.strictObject({ protocol: z.string(), vectors: z.array(vector) })

export type Vector = z.infer<typeof vector>
export type VectorsFile = z.infer<typeof vectorsFile>

/** @throws SyntaxError naming the place of what is wrong. */
export function parseVectors(text: string): VectorsFile {
  const document = parseDocument(text, { prettyErrors: true })
  const [broken] = document.errors
  if (broken) throw new SyntaxError(broken.message)
  const parsed = vectorsFile.safeParse(document.toJS())
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new SyntaxError(`${issue!.path.join('.')}: ${issue!.message}`)
}

export interface VectorResult {
  readonly name: string
  /** One line for each thing that is not as expected; empty: passed. */
  readonly failures: readonly string[]
}

/** Decodes every vector and compares with what it says; each is also decoded cut at every byte and must give the same frames. */
export function runVectors(codec: Codec, file: VectorsFile): readonly VectorResult[] {
  return file.vectors.map((one) => ({
    name: one.name,
    failures: runVector(codecOfSide(codec, one.from ?? 'client'), one),
  }))
}

function runVector(codec: Codec, vector: Vector): string[] {
  const failures: string[] = []
  const bytes = parseHex(vector.hex)
  const { frames, stopped } = decodeFrames(codec, bytes)
  const compare = (what: string, actual: unknown, expected: unknown) => {
    if (actual !== expected) failures.push(`${what}: ${show(actual)}, expected ${show(expected)}`)
  }
  if (vector.frames) {
    compare('frames', frames.length, vector.frames.length)
    vector.frames.forEach((expected, i) => {
      const frame = frames[i]
      if (frame) compareFrame(codec, frame, expected, `frame ${i}`, compare)
    })
  }
  compare('error', stopped?.error, vector.error)
  compare('needs', stopped?.needs, vector.needs)
  const [first] = frames
  for (const { kind, code, reason, message = '', hex } of vector.replies ?? []) {
    const wire = code ?? (reason ? codec.errorCodes[reason] : 0)
    const made = first && codec.reply?.(kind, bytes, first.at, first.length, wire, message)
    compare(`reply ${kind}`, made && Buffer.from(made).toString('hex'), Buffer.from(parseHex(hex)).toString('hex'))
  }
  failures.push(...cutAnywhere(codec, bytes, frames))
  return failures
}

function compareFrame(
  codec: Codec,
  frame: DecodedFrame,
  expected: z.infer<typeof expectedFrame>,
  where: string,
  compare: (what: string, actual: unknown, expected: unknown) => void,
): void {
  const { fields = {}, ...plain } = expected
  for (const [key, value] of Object.entries(plain)) {
    const actual = frame[key as keyof DecodedFrame]
    compare(
      `${where} ${key}`,
      typeof actual === 'bigint' ? String(actual) : actual,
      key === 'id' ? String(value) : value,
    )
  }
  for (const [name, value] of Object.entries(fields)) {
    const field = frame.fields.find((one) => one.name === name)
    if (!field && codec.slot(name) < 0) compare(`${where} ${name}`, 'no such field', value)
    else
      compare(
        `${where} ${name}`,
        field ? plainValue(field.value) : null,
        typeof value === 'number' ? String(value) : value,
      )
  }
}

/** Text as it is, numbers in decimal, bytes in hex: what a vector can say. */
function plainValue(value: FieldValue): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)
}

/** With fewer bytes, frameLength must ask for more, and never for more than the frame has. */
function cutAnywhere(codec: Codec, bytes: Uint8Array, frames: readonly DecodedFrame[]): string[] {
  for (const { at, length } of frames) {
    for (let end = at; end < at + length; end++) {
      const needs = codec.frameLength(bytes.slice(0, end), at, end)
      if (needs <= end - at || needs > length) {
        return [`cut after ${end - at} of ${length} bytes, frameLength says ${needs}`]
      }
    }
  }
  return []
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value)
}
