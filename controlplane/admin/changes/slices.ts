import { setImmediate as others } from 'node:timers/promises'

/** The longest a piece of work keeps others waiting, ms; a single step may take longer. */
const SLICE_MS = 10

/**
 * Runs work in pieces: whenever some time has passed, everything else that waits comes first. Ends early, with undefined, once `outdated`
 * says so after such a pause.
 */
export async function slice<Result>(
  work: Generator<void, Result>,
  outdated: () => boolean = () => false,
): Promise<Result | undefined> {
  let since = performance.now()
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
    if (performance.now() - since < SLICE_MS) continue
    await others()
    if (outdated()) {
      work.return(undefined as never)
      return undefined
    }
    since = performance.now()
  }
}
