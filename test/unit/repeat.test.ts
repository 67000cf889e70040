import * as fc from 'fast-check'
import { afterEach, expect, it } from 'vitest'
import { drawAgain, tellHowToRepeat } from '../helpers/repeat.ts'

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

const told = (message: string) => {
  const errors = [{ message, name: 'Error', stacks: [] }]
  tellHowToRepeat({ name: "it's (so)", file: { name: 'a/b.test.ts' }, result: { state: 'fail', errors } } as never)
  return errors[0]!.message
}

it('a property that failed says how to run it again, and draws the same then', () => {
  const { message, drawn } = failing()
  const line = told(message).split('\n').at(-1)
  const [, seed] =
    /^To draw the same again: MESHGATE_SEED=(-?\d+) npx vitest run a\/b\.test\.ts -t 'it\.s \\\(so\\\)'$/.exec(line!)!
  drawAgain({ MESHGATE_SEED: seed })
  expect(failing().drawn).toBe(drawn)
})

it('nothing is added to other errors, nor drawn again without being asked', () => {
  expect(told('expected 1 to be 2')).toBe('expected 1 to be 2')
  drawAgain({})
  expect(fc.readConfigureGlobal()?.seed).toBe(before?.seed)
})
