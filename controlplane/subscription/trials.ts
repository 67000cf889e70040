import type { Resource } from '../xds/resource.ts'
import type { TypeState } from './type-state.ts'
import type { Verdicts } from './verdicts.ts'

/**
 * Finding the culprit of a refused batch whose text names nobody: its halves are sent one after the other; a half that is
 * refused is halved again. Groups already taken drop out, so each trial is smaller than the batch and the search ends.
 */

/** The names of a refused batch: those that others accepted in the same version, which are above suspicion where there are others, and the rest. */
export function divide(
  batch: readonly Resource[],
  verdicts: Pick<Verdicts, 'isAccepted'>,
): { readonly fresh: readonly string[]; readonly others: readonly string[] } {
  const fresh: string[] = []
  const others: string[] = []
  for (const resource of batch) (verdicts.isAccepted(resource) ? others : fresh).push(resource.name)
  return { fresh, others }
}

/** The first groups to try of these names. */
export function groupsOf(names: readonly string[]): string[][] {
  return names.length > 1 ? halves(names) : [[...names]]
}

/** The groups left after the first one was accepted or refused; undefined when the search is over. */
export function answerTrial(trials: readonly string[][], answer: 'accepted' | 'refused'): string[][] | undefined {
  const [first = [], ...rest] = trials
  const left = answer === 'accepted' || first.length < 2 ? rest : [...halves(first), ...rest]
  return left.length > 0 ? left : undefined
}

/** The search has kept other changes waiting too long: what is left to try goes along with them. */
export function giveUpTrials(state: TypeState): void {
  if (!state.trials) return
  state.extra = new Set([...(state.extra ?? []), ...state.trials.flat()])
  state.trials = undefined
}

function halves(names: readonly string[]): string[][] {
  const middle = Math.ceil(names.length / 2)
  return [names.slice(0, middle), names.slice(middle)]
}
