import { type ProcessOptions, type RunningProcess, startProcess } from '../../cli/processes/process.ts'

export type { RunningProcess } from '../../cli/processes/process.ts'

type Stop = () => Promise<unknown>

/** Things that must not outlive a test file. */
const open = { first: new Set<Stop>(), last: new Set<Stop>() }

/**
 * Calls `stop` after the test file (after-file.ts), unless the returned function was called before; what is to end `last` when everything
 * else has ended. Outside vitest (benchmarks) the caller stops what it started; the guard of startProcess ends the rest.
 */
export function stopAfterTests(stop: Stop, order: 'first' | 'last' = 'first'): () => void {
  open[order].add(stop)
  return () => open[order].delete(stop)
}

/** Ends everything registered; tests need not call it. @throws the first error, when all have been tried */
export async function stopEverything(): Promise<void> {
  const failed = [...(await stopAll(open.first)), ...(await stopAll(open.last))]
  if (failed.length > 0) throw failed[0]
}

async function stopAll(stops: Set<Stop>): Promise<unknown[]> {
  const all = [...stops].reverse()
  stops.clear()
  const results = await Promise.allSettled(all.map((stop) => stop()))
  return results.flatMap((it) => (it.status === 'rejected' ? [it.reason] : []))
}

/** Starts a program that is ended after the test file at the latest. @throws StartError */
export async function spawnForTest(options: ProcessOptions): Promise<RunningProcess> {
  const started = await startProcess(options)
  const forget = stopAfterTests(() => started.stop())
  void started.exited.then(forget)
  return started
}
