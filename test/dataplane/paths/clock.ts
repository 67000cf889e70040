import { vi } from 'vitest'

let ahead = 0

/**
 * Timers and clocks of a test stand still but for `pass` and `jump`; the event loop goes on. What others still had to do in this turn is done before, so
 * that the first event of the test takes the time anew.
 * @returns what makes them real again
 */
export async function holdClock(): Promise<() => void> {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'],
  })
  const held = performance.now.bind(performance)
  ahead = 0
  const stub = vi.spyOn(performance, 'now').mockImplementation(() => held() + ahead)
  await turns()
  return () => {
    stub.mockRestore()
    vi.useRealTimers()
  }
}

/** One turn of the event loop and more: what is due is done. */
export async function turns(count = 3): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Time passes in ticks of the proxy, so that all proxies of a test see the same time at the same tick. */
export const TICK_MS = 16

/** Lets so many ticks pass. */
export async function pass(ticks: number): Promise<void> {
  for (let n = 0; n < ticks; n++) {
    vi.advanceTimersByTime(TICK_MS)
    await turns(2)
  }
}

/** Weeks go by at once: buckets are full, whoever was ejected is back, unused connections are closed. */
export async function jump(): Promise<void> {
  for (let n = 0; n < 2; n++) {
    ahead += 600 * 3_600_000
    // What proxies do once a second they do twice.
    await pass(2048 / TICK_MS)
  }
}
