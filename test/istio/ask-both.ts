import { random } from '../../codecs/mutated.ts'
import type { Area, Difference } from './area.ts'
import type { Oracle } from './oracle.ts'
import { ours } from './ours.ts'
import type { Answered, Question } from './question.ts'

/** The mesh of a seed; its id is the seed. */
export function drawn<Asked extends Question>(area: Area<Asked>, seed: number): Asked {
  return area.draw(random(seed), String(seed))
}

/**
 * Asks both sides. Documents that one of them refuses are taken from both, and the question is asked again without them; that only one
 * refuses is a difference.
 */
export async function askBoth<Asked extends Question>(
  oracle: Oracle,
  question: Asked,
): Promise<{ readonly answered?: Answered<Asked>; readonly differences: readonly Difference[] }> {
  const { id, documents } = question
  const differences: Difference[] = []
  try {
    const istio = await oracle.ask(question)
    const own = ours(question)
    for (const [index, text] of documents.entries()) {
      const [theirs, mine] = [istio.refused.get(index), own.refused.get(index)]
      if ((theirs === undefined) === (mine === undefined)) continue
      const kind = `only ${mine === undefined ? 'Istio refuses' : 'we refuse'}: ${withoutNames(mine ?? theirs ?? '')}`
      differences.push({ id, kind, text: `${mine ?? theirs}\n${text}` })
    }
    const bad = new Set([...istio.refused.keys(), ...own.refused.keys()])
    if (bad.size === 0) return { answered: { question, istio, ours: own }, differences }
    const rest = await askBoth(oracle, { ...question, documents: documents.filter((_, index) => !bad.has(index)) })
    return { ...rest, differences: [...differences, ...rest.differences] }
  } catch (error) {
    const text = error instanceof Error ? `${error.message}${error.cause ? `: ${error.cause}` : ''}` : String(error)
    return { differences: [...differences, { id, kind: `no answer: ${withoutNames(text)}`, text }] }
  }
}

function withoutNames(text: string): string {
  return text
    .split('\n')[0]!
    .replaceAll(/"[^"]*"|\d+/g, '_')
    .slice(0, 160)
}
