import * as fc from 'fast-check'
import type { RunnerTask } from 'vitest'

/** What fast-check says of a property that failed (https://fast-check.dev/docs/core-blocks/runners/). */
const REPORT = /\{ seed: (-?\d+), path: /

/** Properties draw what they drew when they failed: `MESHGATE_SEED`, where a test has no seed of its own. */
export function drawAgain(env: NodeJS.ProcessEnv = process.env): void {
  const seed = env['MESHGATE_SEED']
  if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) })
}

/** Adds to the error of a property that failed the line that runs it again. */
export function tellHowToRepeat(task: Pick<RunnerTask, 'result' | 'name'> & { readonly file: { name: string } }): void {
  for (const error of task.result?.errors ?? []) {
    const seed = REPORT.exec(error.message)?.[1]
    if (seed === undefined) continue
    const pattern = task.name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll("'", '.')
    error.message += `\n\nTo draw the same again: MESHGATE_SEED=${seed} npx vitest run ${task.file.name} -t '${pattern}'`
  }
}
