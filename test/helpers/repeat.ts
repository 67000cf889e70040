import * as fc from 'fast-check'
import type { RunnerTask } from 'vitest'

/** What fast-check says of a property that failed (https://fast-check.dev/docs/core-blocks/runners/). */
const REPORT = /\{ seed: (-?\d+), path: /

type Task = Pick<RunnerTask, 'result' | 'name' | 'suite'> & { readonly file: { readonly name: string } }

/** Seeds of tests that draw without fast-check. */
const drawn = new WeakMap<object, number>()

/** Properties draw what they drew when they failed: `MESHGATE_SEED`, where a test has no seed of its own. */
export function drawAgain(env: NodeJS.ProcessEnv = process.env): void {
  const seed = env['MESHGATE_SEED']
  if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) })
}

/**
 * The seed of a test that draws by a generator of its own: `MESHGATE_SEED`, or `usual`. When the test fails, however it does, it says how
 * to draw the same again.
 */
export function seedFor(task: object, usual: number, env: NodeJS.ProcessEnv = process.env): number {
  const seed = Number(env['MESHGATE_SEED'] ?? usual)
  drawn.set(task, seed)
  return seed
}

/** Adds to the error of a test that draws the line that runs it again, as long and as wide as it was. */
export function tellHowToRepeat(task: Task, env: NodeJS.ProcessEnv = process.env): void {
  for (const error of task.result?.errors ?? []) {
    const seed = REPORT.exec(error.message)?.[1] ?? drawn.get(task)
    if (seed === undefined) continue
    const pattern = fullName(task)
      .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll("'", '.')
    const set = [...sizes(env), `MESHGATE_SEED=${seed}`].join(' ')
    error.message += `\n\nTo draw the same again: ${set} npx vitest run ${task.file.name} -t '${pattern}'`
  }
}

/** The name that `-t` is compared with. */
function fullName({ name, suite }: Pick<Task, 'name' | 'suite'>): string {
  return suite ? `${fullName(suite)} ${name}` : name
}

/** What makes tests longer than usual, as `MESHGATE_KILLS`; a path is none of it. */
function sizes(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env).flatMap(([name, value]) =>
    name.startsWith('MESHGATE_') && name !== 'MESHGATE_SEED' && /^[\w.]+$/.test(value ?? '')
      ? [`${name}=${value}`]
      : [],
  )
}
