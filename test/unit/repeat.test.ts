import * as fc from 'fast-check'
import { afterEach, expect, it } from 'vitest'
import { drawAgain, seedFor, tellHowToRepeat } from '../helpers/repeat.ts'

const before = fc.readConfigureGlobal()
afterEach(() => {
  fc.configureGlobal(before)
})

/** The error of a property that fails with most of what it draws, and what it drew first. */
function failing(): { readonly message: string; readonly drawn: number } {
  let drawn: number | undefined
  try {
    fc.assert(
      fc.property(fc.integer(), (number) => {
        drawn ??= number
        return number === 4711
      }),
    )
  } catch (error) {
    return { message: (error as Error).message, drawn: drawn! }
  }
  throw new Error('it does not fail')
}

const failed = (message: string, suite?: { name: string }) => ({
  name: "it's (so)",
  suite,
  file: { name: 'a/b.test.ts' },
  result: { state: 'fail', errors: [{ message, name: 'Error', stacks: [] }] },
})
const toldOf = (task: ReturnType<typeof failed>, env: NodeJS.ProcessEnv = {}) => {
  tellHowToRepeat(task as never, env)
  return task.result.errors[0]!.message
}
const told = (message: string) => toldOf(failed(message))

it('a property that failed says how to run it again, and draws the same then', () => {
  const { message, drawn } = failing()
  const line = told(message).split('\n').at(-1)
  const [, seed] =
    /^To draw the same again: MESHGATE_SEED=(-?\d+) npx vitest run a\/b\.test\.ts -t 'it\.s \\\(so\\\)'$/.exec(line!)!
  drawAgain({ MESHGATE_SEED: seed })
  expect(failing().drawn).toBe(drawn)
})

it('a test that draws by itself says its seed whatever it fails with, and all it was given', () => {
  const task = failed('no answer', { name: 'a proxy' })
  expect(seedFor(task, 7, {})).toBe(7)
  const env = { MESHGATE_KILLS: '200', MESHGATE_CACHE: '/some where', MESHGATE_SEED: '12', HOME: 'x' }
  expect(seedFor(task, 7, env)).toBe(12)
  expect(toldOf(task, env)).toBe(
    "no answer\n\nTo draw the same again: MESHGATE_KILLS=200 MESHGATE_SEED=12 npx vitest run a/b.test.ts -t 'a proxy it.s \\(so\\)'",
  )
})

it('nothing is added to other errors, nor drawn again without being asked', () => {
  expect(told('expected 1 to be 2')).toBe('expected 1 to be 2')
  drawAgain({})
  expect(fc.readConfigureGlobal()?.seed).toBe(before?.seed)
})
