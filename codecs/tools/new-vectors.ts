import type { Codec } from '../contract.ts'
import { codecOfSide } from '../contract.ts'
import { decodeFrames } from './decode.ts'
import type { AnswerTexts } from './questions.ts'
import { type Sample, sampleFrame, type Wanted } from './sample.ts'
import { readSketch, type Sketch } from './sketch.ts'
import { runVectors, type Vector } from './vectors.ts'

/**
 * Vectors to start from, as the YAML that `meshgate protocol test` takes: a frame of each kind that the answers describe, and what the proxy would answer
 * itself. @returns undefined where no frame can be made of the answers
 * @throws SyntaxError when an answer is wrong
 */
export function newVectors(texts: AnswerTexts, codec: Codec): string | undefined {
  const sketch = readSketch(texts)
  const vectors = wantedFrames(sketch).flatMap(({ name, ...wanted }): readonly Vector[] => {
    const sample = sampleFrame(sketch, wanted)
    const vector = sample && vectorOf(name, sketch, wanted, sample, codec)
    return vector && runVectors(codec, { protocol: sketch.name, vectors: [vector] })[0]!.failures.length === 0
      ? [vector]
      : []
  })
  if (vectors.length === 0) return undefined
  return [
    '# Frames made of the answers, and what they mean. Put bytes of real programs here instead (meshgate protocol decode prints what is in them).',
    `protocol: ${sketch.name}`,
    'vectors:',
    ...vectors.flatMap(vectorLines),
    '',
  ].join('\n')
}

/** One of each kind; of replies of several frames one that is not the last, too. */
function wantedFrames(sketch: Sketch): readonly (Wanted & { readonly name: string })[] {
  const { sides, constant, kinds, more } = sketch
  const part = { name: 'a frame of a reply behind which more follow', more: true }
  if (sides)
    return [
      { name: 'request', kind: 'request' },
      { name: 'response', kind: 'response', back: true },
      ...(more ? [{ ...part, kind: 'response', back: true }] : []),
    ]
  if (constant) return [{ name: constant, kind: constant }]
  const seen = new Set<string>()
  const wanted = kinds.flatMap(([said, kind]) => {
    const value = said === '*' ? otherValue(sketch) : said
    // The value of a kind says it, where `more` is another one.
    const isPart = more?.left === 'kind' && more.how === '=' && Number(more.right) === Number(value)
    const name = isPart ? part.name : kind
    if (seen.has(name)) return []
    seen.add(name)
    return [{ name, kind, value, more: isPart }]
  })
  const response = wanted.find(({ kind, more }) => kind === 'response' && !more)
  return more && more.left !== 'kind' && response ? [...wanted, { ...response, ...part }] : wanted
}

/** A value that is none of those which have a kind of their own. */
function otherValue({ rules, kinds }: Sketch): string {
  const said = kinds.map(([value]) => value)
  return rules?.texts
    ? 'OTHER'
    : String(
        [1, 2, 3, ...said.map((value) => Number(value) + 1)].find(
          (n) => n > 0 && !said.some((value) => Number(value) === n),
        ),
      )
}

function vectorOf(name: string, sketch: Sketch, { kind, more, back }: Wanted, sample: Sample, codec: Codec): Vector {
  const { bytes, id, fields } = sample
  const [frame] = decodeFrames(codecOfSide(codec, back ? 'upstream' : 'client'), bytes).frames
  const error =
    kind === 'request' || sketch.constant === 'either'
      ? codec.reply?.('error', bytes, 0, bytes.length, 5, '')
      : undefined
  // Of bits and padding the value may be said otherwise: what is compared is what the answers said.
  const known = [...fields].filter(([field]) => frame?.fields.some((one) => one.name === field))
  return {
    name,
    ...(back && { from: 'upstream' as const }),
    hex: Buffer.from(bytes).toString('hex'),
    frames: [
      {
        length: bytes.length,
        kind,
        ...(id !== undefined && { id }),
        ...(more && { more }),
        ...(known.length > 0 && { fields: Object.fromEntries(known) }),
      },
    ],
    ...(error && { replies: [{ kind: 'error' as const, code: 5, hex: Buffer.from(error).toString('hex') }] }),
  }
}

function vectorLines({ name, from, hex, frames = [], replies = [] }: Vector): readonly string[] {
  const [frame] = frames
  const pairs = Object.entries({ ...frame, ...(frame?.fields && { fields: undefined }) })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${value}`)
  const fields = Object.entries(frame?.fields ?? {}).map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
  return [
    `  - name: ${name}`,
    ...(from ? [`    from: ${from}`] : []),
    `    hex: "${hex}"`,
    `    frames: [{${[...pairs, ...(fields.length > 0 ? [`fields: {${fields.join(', ')}}`] : [])].join(', ')}}]`,
    ...replies.map(({ kind, code, hex }) => `    replies: [{kind: ${kind}, code: ${code}, hex: "${hex}"}]`),
  ]
}
