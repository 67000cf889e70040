import { afterAll, afterEach } from 'vitest'
import { accountFor, forgetWitnesses } from './failure-account.ts'
import { stopEverything } from './processes.ts'
import { drawAgain, tellHowToRepeat } from './repeat.ts'

// A setup file is run anew for each test file; modules are not, where files share a worker. Registered before all others, these come last;
// pages that end with their test are still open.
afterEach(async ({ task }) => {
  tellHowToRepeat(task)
  await accountFor(task)
})
drawAgain()

// biome-ignore lint/correctness/noEmptyPattern: vitest reads the pattern
afterAll(async ({}, suite) => {
  await accountFor(suite)
  forgetWitnesses()
  await stopEverything()
})
