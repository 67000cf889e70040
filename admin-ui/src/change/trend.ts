import type { Window } from '../parts/traffic-text.ts'

/** Fewer requests than these say nothing. */
const FEW = 20
/** A share that grew by less is noise. */
const NOISE = 0.01

/** Whether clearly more requests fail than before. */
export function rose(before: Window, after: Window): boolean {
  if (after.requests < FEW) return false
  const share = ({ requests, failed }: Window) => (requests === 0 ? 0 : failed / requests)
  return share(after) > share(before) * 1.5 && share(after) - share(before) > NOISE
}

/** `4:07` of so many ms; never below zero. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

const STEP_MS = 5_000

/** Where bars stand and how high they are: parts (0 to 1) of a picture that goes from one moment until before another, ms since 1970. */
export function bars(
  steps: readonly { readonly at: number; readonly requests: number; readonly failed: number }[],
  { from, to }: { readonly from: number; readonly to: number },
): readonly { readonly x: number; readonly width: number; readonly height: number; readonly failed: number }[] {
  const most = Math.max(1, ...steps.map(({ requests }) => requests))
  return steps
    .map(({ at, requests, failed }) => ({
      x: (at - from) / (to - from),
      width: (STEP_MS / (to - from)) * 0.8,
      height: requests / most,
      failed: failed / most,
    }))
    .filter(({ x }) => x >= 0 && x < 1)
}

/** Where moments stand in that picture, those outside of it left out; all ms since 1970. */
export function placesOfMarks(
  marks: readonly number[],
  { from, to }: { readonly from: number; readonly to: number },
): readonly number[] {
  return to > from ? marks.filter((at) => at >= from && at <= to).map((at) => (at - from) / (to - from)) : []
}
