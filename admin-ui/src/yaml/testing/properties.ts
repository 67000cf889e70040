import { isDeepStrictEqual } from 'node:util'
import { applyChanges, invertChanges } from '../changes.ts'
import type { Edit, EditReport } from '../edit.ts'
import { edit } from '../edit.ts'
import { YamlEditError } from '../errors.ts'
import { documentText, dressed, mutated } from './generate.ts'
import { intended, randomEdit, readAll } from './model.ts'
import { Random } from './random.ts'
import { outsideZone } from './zone.ts'

export interface Verdict {
  readonly seed: number
  readonly outcome: 'skipped' | 'refused' | 'edited'
  readonly text: string
  readonly edit: Edit | undefined
  readonly after: string | undefined
  readonly reports: readonly EditReport[]
  /** What property was broken; undefined when all held. */
  readonly failure: string | undefined
}

/** One case: a text (a real one, mutated, or a generated one), one edit of it, all properties checked against an independent reading. */
export function runCase(seed: number, samples: readonly string[]): Verdict {
  const random = new Random(seed)
  const real = samples.length > 0 && random.chance(0.4)
  let text = real ? mutated(random, random.pick(samples)) : documentText(random)
  if (!real && random.chance(0.15)) text = `${text.endsWith('\n') ? text : `${text}\n`}---\n${documentText(random)}`
  return checkEdit(seed, dressed(random, text), (data, document) => randomEdit(random, data, document), random)
}

export function checkEdit(
  seed: number,
  text: string,
  choose: (data: unknown, document: number) => Edit,
  random: Random,
): Verdict {
  const before = readAll(text)
  const base = { seed, text, edit: undefined, after: undefined, reports: [], failure: undefined }
  if (!before || text.length > 40_000) return { ...base, outcome: 'skipped' }
  const document = before.length === 0 ? 0 : random.below(before.length)
  const one = choose(before[document] ?? null, document)
  const wanted = intended(before[document] ?? null, one)
  const with_ = { ...base, edit: one }
  try {
    const result = edit(text, [one], { sharing: 'here' })
    const done = { ...with_, outcome: 'edited' as const, after: result.text, reports: result.reports }
    if (wanted === 'invalid') return { ...done, failure: 'an edit that has no meaning was accepted' }
    const after = readAll(result.text)
    const all =
      before.length === 0
        ? wanted.after === null
          ? []
          : [wanted.after]
        : before.map((data, i) => (i === document ? wanted.after : data))
    if (!after || !same(after, all)) return { ...done, failure: 'the text does not mean what was intended' }
    if (applyChanges(text, result.changes) !== result.text)
      return { ...done, failure: 'the changes do not make the text' }
    if (applyChanges(result.text, invertChanges(text, result.changes)) !== text)
      return { ...done, failure: 'the undo does not give the original bytes' }
    const outside = result.reports.length === 0 ? outsideZone(text, document, one, result.changes) : undefined
    return { ...done, failure: outside }
  } catch (error) {
    if (!(error instanceof YamlEditError))
      throw new Error(`seed ${seed}: ${String(error)}\n${JSON.stringify(text)}\n${JSON.stringify(one)}`, {
        cause: error,
      })
    const fair =
      wanted === 'invalid' ||
      (error.code === 'SYNTAX' && /twice|only maps|anchor above/.test(error.message)) ||
      error.code === 'CIRCULAR' ||
      // The order of keys is no data: the model cannot know that an inherited key has no place to move from.
      (error.code === 'NO_PATH' && one.op === 'move' && text.includes('<<'))
    return { ...with_, outcome: 'refused', failure: fair ? undefined : `refused: ${error.code} ${error.message}` }
  }
}

/** Equal with keys in any order; -0 and 0 are told apart as YAML does. */
function same(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(sorted(a), sorted(b))
}

function sorted(at: unknown): unknown {
  if (Array.isArray(at)) return at.map(sorted)
  if (typeof at !== 'object' || at === null) return at
  return Object.entries(at)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, item]) => [name, sorted(item)])
}
