/** More than this apart and the clock of the machine was set, ms. */
const SET_MS = 1_000

/**
 * Time that only passes: ms that were ms since 1970 when the process began. What was a minute ago stays a minute ago when the clock of the machine
 * is set.
 */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now()
}

/** The same moment as the clock of the machine tells it now, for people. */
export function onTheWall(ms: number): number {
  const set = Date.now() - steadyNow()
  return Math.round(Math.abs(set) < SET_MS ? ms : ms + set)
}
