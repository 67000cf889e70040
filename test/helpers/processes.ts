import { basename } from 'node:path'
import { type ProcessOptions, type RunningProcess, startProcess } from '../../cli/processes/process.ts'
import { Tail } from '../../cli/processes/tail.ts'
import { tellOnFailure } from './failure-account.ts'

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

/** Programs that have ended and still are asked what they said. */
const ended: (() => void)[] = []
const ENDED_AT_MOST = 4

/**
 * Starts a program whose last lines are told when a test fails (failure-account.ts). The caller ends it. @throws StartError
 * @param name of it there; default: its command
 */
export async function startWitness(
  options: ProcessOptions,
  name = [options.command, ...(options.args ?? [])].map((arg) => basename(arg)).join(' '),
): Promise<RunningProcess> {
  const lines = new Tail(40)
  const started = await startProcess({
    ...options,
    onLine: (line, stream) => {
      lines.add(line)
      options.onLine?.(line, stream)
    },
  })
  let how = ''
  const forget = tellOnFailure(`last lines of ${name.slice(0, 200)} (pid ${started.pid})`, () => lines.text() + how)
  void started.exited.then(({ code, signal }) => {
    how = `\n(it has ended: ${signal ?? `status ${code}`})`
    ended.push(forget)
    if (ended.length > ENDED_AT_MOST) ended.shift()!()
  })
  return started
}

/** Starts a program that is ended after the test file at the latest. @throws StartError */
export async function spawnForTest(options: ProcessOptions, name?: string): Promise<RunningProcess> {
  const started = await startWitness(options, name)
  const forget = stopAfterTests(() => started.stop())
  void started.exited.then(forget)
  return started
}
