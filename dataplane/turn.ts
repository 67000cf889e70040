/**
 * The event loop's turn: one coarse clock and one flush for all that was written in it. One write per destination and turn
 * is what makes the proxy cheap; a write costs about as much as everything else done for a message.
 */
export interface Flushable {
  flush(): void
}

/** `now` is in ms of the monotonic clock, taken once a turn. */
export const clock = { now: performance.now() }

const dirty: (Flushable | undefined)[] = []
let count = 0
let scheduled = false
const after: Flushable[] = []

function run(): void {
  // What a flush makes dirty (a closed peer, for one) is flushed in the same run; the list only grows at its end.
  for (let i = 0; i < count; i++) {
    const item = dirty[i]!
    dirty[i] = undefined
    item.flush()
  }
  count = 0
  scheduled = false
  for (let item = after.pop(); item; item = after.pop()) item.flush()
}

/** Called at the start of every event that came from outside: takes the time once a turn. */
export function wake(): void {
  if (scheduled) return
  scheduled = true
  clock.now = performance.now()
  setImmediate(run)
}

/** `item.flush` runs once in this turn, when all flushes are done: nothing that came or was pushed in it waits any more but for its peer. */
export function afterTurn(item: Flushable): void {
  after.push(item)
  wake()
}

/** `item.flush` runs at the end of this turn; the caller sees to it that it asks only once. */
export function flushLater(item: Flushable): void {
  dirty[count++] = item
  if (!scheduled) wake()
}

/**
 * Runs every `ms`, each time when everything that had come by then was read. Timers run before sockets are read: after the process stood
 * still for a moment, what looks late has mostly come in time and only waits to be read.
 * @returns what ends it
 */
export function everyMs(ms: number, run: () => void): () => void {
  let next: NodeJS.Immediate | undefined
  const timer = setInterval(() => {
    next = setImmediate(run)
  }, ms)
  timer.unref()
  return () => {
    clearInterval(timer)
    clearImmediate(next)
  }
}
