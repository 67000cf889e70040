import { type ProcessOptions, type RunningProcess, startProcess } from '../../cli/processes/process.ts'

export type { RunningProcess } from '../../cli/processes/process.ts'

/** Things that must not outlive a test file, newest first. */
const open = new Set<() => Promise<unknown>>()

/**
 * Ends `stop` after the test file, unless the returned function was called before. Works for tests, hooks and failures alike,
 * since the hook stands in the file that imports this module.
 */
export function stopAfterTests(stop: () => Promise<unknown>): () => void {
  open.add(stop)
  return () => open.delete(stop)
}

/** Ends everything registered; tests need not call it. */
export async function stopEverything(): Promise<void> {
  const stops = [...open].reverse()
  open.clear()
  const results = await Promise.allSettled(stops.map((stop) => stop()))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

// Outside vitest (benchmarks) the caller stops what it started; the guard of startProcess ends the rest.
if (process.env['VITEST']) {
  const { afterAll } = await import('vitest')
  afterAll(stopEverything)
}

/** Starts a program that is ended after the test file at the latest. @throws StartError */
export async function spawnForTest(options: ProcessOptions): Promise<RunningProcess> {
  const started = await startProcess(options)
  const forget = stopAfterTests(() => started.stop())
  void started.exited.then(forget)
  return started
}
