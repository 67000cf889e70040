import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, watch } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type Random, random } from '../../codecs/mutated.ts'
import { contentHash, Ledger } from '../../controlplane/ledger/index.ts'
import { testFolder } from '../helpers/folders.ts'
import { seedFor } from '../helpers/repeat.ts'

const KILLS = Number(process.env['MESHGATE_KILLS'] ?? 20)
const child = fileURLToPath(new URL('programs/apply-forever.mjs', import.meta.url))
const parent = testFolder('kill')

/**
 * When a process is killed: some time after its first word, some time after the first number it acknowledged, or as soon as a file is there
 * whose number it has not acknowledged.
 */
const MOMENTS = ['begun', 'acknowledged', 'written'] as const

/** Runs the applying process after `known` was acknowledged, kills it, and answers the last number it acknowledged. */
async function runAndKill(
  root: string,
  known: number,
  moment: (typeof MOMENTS)[number],
  afterMs: number,
): Promise<number> {
  const running = spawn(process.execPath, [child, root], { stdio: ['ignore', 'pipe', 'pipe'] })
  const kill = () => running.kill('SIGKILL')
  let output = ''
  let errors = ''
  let timer: NodeJS.Timeout | undefined
  running.stderr.on('data', (chunk) => {
    errors += chunk
  })
  const folder = watch(root, () => {
    if (moment === 'written' && numberIn(root) > lastOf(output, known)) kill()
  })
  await new Promise<void>((resolve, reject) => {
    // After its last words.
    running.on('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve()
      else reject(new Error(`the process ended by itself (${code}): ${errors}`))
    })
    running.stdout.on('data', (chunk) => {
      output += chunk
      if (moment === 'begun' || (moment === 'acknowledged' && lastOf(output, known) > known))
        timer ??= setTimeout(kill, afterMs)
    })
  }).finally(() => {
    folder.close()
    clearTimeout(timer)
  })
  return lastOf(output, known)
}

/** The last number acknowledged in an output. A line that was cut by the kill is no acknowledgement. */
function lastOf(output: string, known: number): number {
  const numbers = output.slice(0, output.lastIndexOf('\n') + 1).match(/\d+/g) ?? []
  return Number(numbers.at(-1) ?? known)
}

/** The number of the newest change that reached the folder. */
function numberIn(root: string): number {
  return existsSync(join(root, 'a.yaml')) ? Number(readFileSync(join(root, 'a.yaml'), 'utf8')) : 0
}

test(`killed ${KILLS} times while applying: all files old or all new, and nothing acknowledged is lost`, {
  timeout: 60_000 + KILLS * 12_000,
}, async ({ task }) => {
  // When it is killed is the same each time; how far it is by then is not.
  const seed = seedFor(task, Date.now() % 2 ** 31)
  // Starting a process takes longer than all it does here: two folders at a time.
  const lanes = await Promise.all([lane('a', KILLS / 2, random(seed)), lane('b', KILLS / 2, random(seed + 1))])
  expect(lanes[0]!.acknowledged + lanes[1]!.acknowledged).toBeGreaterThan(KILLS / 4)
  expect(Math.min(lanes[0]!.interrupted, lanes[1]!.interrupted)).toBeGreaterThan(0)
})

/** Kills so often, and goes on until one kill fell between what was written and its acknowledgement. */
async function lane(name: string, kills: number, any: Random): Promise<{ acknowledged: number; interrupted: number }> {
  const root = join(parent, name)
  mkdirSync(root)
  let acknowledged = 0
  let interrupted = 0
  for (let kill = 0; kill < kills || (interrupted === 0 && kill < 10 * kills); kill++) {
    const moment = MOMENTS[kill % MOMENTS.length]!
    const afterMs = any(150)
    acknowledged = await runAndKill(root, acknowledged, moment, afterMs)
    const found = numberIn(root)
    const ledger = await Ledger.open(root)
    const value = numberIn(root)
    // The seed repeats when it was killed, not how far it was by then: what was found says that.
    const delay = moment === 'written' ? '' : ` + ${afterMs} ms`
    const when = `folder ${name}, kill ${kill} (${moment}${delay}): ${found} in the folder, ${value} after opening, ${acknowledged} acknowledged`
    expect(value === acknowledged || value === acknowledged + 1, when).toBe(true)
    if (value !== acknowledged) interrupted++
    for (const file of value === 0 ? [] : ['a.yaml', 'deep/b.yaml', 'c.json'])
      expect(readFileSync(join(root, file), 'utf8'), `${file}; ${when}`).toBe(`${value}\n`)
    expect(existsSync(join(root, 'sometimes.yaml')), when).toBe(value > 0 && value % 2 === 0)
    // No step was taken for an edit by hand, and none is missing.
    expect(ledger.head, when).toBe(value)
    for (const { file, hash } of ledger.files())
      expect(contentHash(readFileSync(join(root, file))), `${file}; ${when}`).toBe(hash)
    const left = readdirSync(root, { recursive: true }).filter((name) => String(name).endsWith('.tmp'))
    expect(left, when).toEqual([])
    acknowledged = value
    await ledger.close()
  }
  return { acknowledged, interrupted }
}
