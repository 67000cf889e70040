import { stripVTControlCharacters } from 'node:util'
import type { Reporter, TestCase } from 'vitest/node'

/**
 * Tells at the end of a run, in plain sight, each test that failed at first and passed when it was tried again, with the error of its first
 * try: the run passes, the test has a defect all the same (docs/decisions/second-try.md).
 */
export class SecondTries implements Reporter {
  readonly #lucky: TestCase[] = []
  readonly #print: (text: string) => void

  constructor(print: (text: string) => void = (text) => process.stderr.write(text)) {
    this.#print = print
  }

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky) this.#lucky.push(test)
  }

  onTestRunEnd(): void {
    const tests = this.#lucky.splice(0)
    if (tests.length === 0) return
    const rule = '='.repeat(80)
    const stories = tests.map((test) => `${test.module.relativeModuleId} > ${test.fullName}\n${firstError(test)}\n`)
    const what = tests.length === 1 ? '1 TEST PASSED' : `${tests.length} TESTS PASSED`
    this.#print(`\n${rule}\n${what} AT THE SECOND TRY ONLY. What failed first:\n\n${stories.join('\n')}${rule}\n`)
  }
}

function firstError(test: TestCase): string {
  const error = test.result().errors?.[0]
  if (!error) return '  (no error was kept)'
  const place = error.stacks?.[0]
  const at = place ? `\nat ${place.file}:${place.line}:${place.column}` : ''
  return stripVTControlCharacters(error.message + at).replace(/^/gm, '  ')
}
