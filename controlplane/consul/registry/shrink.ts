/** What to do with a list that a registry told. */
export type Verdict = 'take' | 'confirm'

export interface Shrink {
  readonly before: number
  /** How many of those are still there, and how many there are in all. */
  readonly kept: number
  readonly now: number
  /** The registry told an older state than before. */
  readonly wentBack: boolean
  readonly share: number
}

/**
 * Whether a new list may be believed at once. A registry that lost its memory, or reads its history again after a restart, answers
 * with 200 and with too little: such a list is taken only when it stays so. A replaced list (as many as before, all others) is
 * no loss; neither is anything that only grows.
 */
export function judge({ before, kept, now, wentBack, share }: Shrink): Verdict {
  if (before === 0 || kept === before) return 'take'
  if (wentBack || now === 0) return 'confirm'
  return now < before * (1 - share) ? 'confirm' : 'take'
}
