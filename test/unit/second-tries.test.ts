import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** Runs the tests of test/fixtures/second-try as a suite of their own. */
function run(env: NodeJS.ProcessEnv = {}): Promise<{ status: number; said: string }> {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const config = join(root, 'test/fixtures/second-try/vitest.config.ts')
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [vitest, 'run', '--config', config],
      { cwd: root, env: { ...process.env, ...env } },
      (error, out, err) => {
        resolve({ status: Number(error?.code ?? 0), said: stripVTControlCharacters(out + err) })
      },
    )
  })
}

describe('a test that passes at its second try', () => {
  it('does not fail the run, and is told at its end with the error of the first and what was seen then', async () => {
    const { status, said } = await run()
    const told = said.slice(said.indexOf('='.repeat(80)))
    expect(status, said).toBe(0)
    expect(said).toMatch(/Tests\s+4 passed/)
    expect(told).toContain('1 TEST PASSED AT THE SECOND TRY ONLY')
    expect(told).toContain(
      'once.fixture.ts > a file whose tests are tried again > fails once\n  tries: expected 1 to be 2',
    )
    expect(told).toMatch(/--- last lines of a program \(pid \d+\)\n {2}the program says this\n/)
    expect(told).toMatch(/--- page\n {2}what it showed\n/)
    expect(told).not.toContain('what nobody asks for')
  })

  it('is not what fails for good: that fails the run at once, with what was seen and who could not tell', async () => {
    const { status, said } = await run({ FAIL_FOR_GOOD: '1' })
    expect(status).toBe(1)
    expect(said).toMatch(/Tests\s+1 failed/)
    expect(said.match(/^--- page/gm)).toBeNull()
    expect(said).toContain('--- mute\n(it said nothing within 3000 ms)')
    expect(said).toContain('--- broken\n(it cannot tell: its reason)')
    expect(said).toContain('nothing is prepared\n\n--- what was begun\nhalf of it')
    expect(said.match(/AT THE SECOND TRY ONLY/g)).toHaveLength(1)
  })

  it('is one of a browser: elsewhere a failure is a find', () => {
    const ROOMS = [
      'admin-ui',
      'cli',
      'codecs',
      'controlplane',
      'dataplane',
      'docs',
      'examples',
      'files',
      'proto',
      'test',
    ]
    const retried = ROOMS.flatMap((room) =>
      readdirSync(join(root, room), { recursive: true, encoding: 'utf8' }).map((file) => `${room}/${file}`),
    )
      .filter((file) => file.endsWith('.test.ts') && file !== 'test/unit/second-tries.test.ts')
      .filter((file) => /\bretry: \d|IN_A_BROWSER/.test(readFileSync(join(root, file), 'utf8')))
    expect(retried.filter((file) => !file.startsWith('test/browser/'))).toEqual([])
    expect(readFileSync(join(root, 'vitest.config.ts'), 'utf8')).not.toMatch(/\bretry:/)
  })
})
