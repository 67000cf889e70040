import type { Difference } from '../area.ts'
import type { Answered } from '../question.ts'
import type { RouteQuestion } from './draw.ts'

/** What differs between the two tables of each port. */
export function tableDifferences(_answered: Answered<RouteQuestion>): readonly Difference[] {
  return []
}
