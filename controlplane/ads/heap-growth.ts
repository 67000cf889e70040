import { setFlagsFromString } from 'node:v8'

/**
 * By how many percent what is old on the heap may grow before V8 collects it. V8 decides itself otherwise: by up to 300 % while a program is busy, and by 30 %
 * once it has been at rest, as a control plane is when all its proxies come back, which then pays for a full collection for every thousand of them
 * (docs/decisions/heap-growth.md). So the old part of the heap is at most twice what is held.
 */
export const growthFlag = '--heap-growing-percent=100'

let asked = false

/**
 * Has V8 collect old garbage when the heap has doubled. It counts for the whole process, from the next full collection on. A V8 without this flag says so on standard error
 * and goes on.
 * @see https://nodejs.org/api/v8.html#v8setflagsfromstringflags
 */
export function growSteadily(): void {
  if (asked) return
  asked = true
  setFlagsFromString(growthFlag)
}
