import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { contentHash, Ledger } from '../../controlplane/ledger/index.ts'
import { testFolder } from '../helpers/folders.ts'

const KILLS = Number(process.env['MESHGATE_KILLS'] ?? 20)
const child = fileURLToPath(new URL('programs/apply-forever.mjs', import.meta.url))
const parent = testFolder('kill')

/** Runs the applying process, kills it so many ms after its first output, and answers the last number it acknowledged. */
async function runAndKill(root: string, afterMs: number): Promise<number> {
  const running = spawn(process.execPath, [child, root], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  running.stderr.on('data', (chunk) => {
    errors += chunk
  })
  await new Promise<void>((resolve, reject) => {
    running.on('exit', (code, signal) => {
      if (signal === 'SIGKILL') resolve()
      else reject(new Error(`the process ended by itself (${code}): ${errors}`))
    })
    running.stdout.on('data', (chunk) => {
      if (output === '') setTimeout(() => running.kill('SIGKILL'), afterMs)
      output += chunk
    })
  })
  // A line that was cut by the kill is no acknowledgement.
  const numbers = output.slice(0, output.lastIndexOf('\n') + 1).match(/\d+/g) ?? []
  return Number(numbers.at(-1) ?? 0)
}

test(`killed ${KILLS} times while applying: all files old or all new, and nothing acknowledged is lost`, {
  timeout: 60_000 + KILLS * 6_000,
}, async () => {
  // Starting a process takes longer than all it does here: two folders at a time.
  const lanes = await Promise.all([lane('a', KILLS / 2), lane('b', KILLS / 2)])
  expect(lanes[0]!.acknowledged + lanes[1]!.acknowledged).toBeGreaterThan(KILLS / 4)
  expect(lanes[0]!.interrupted + lanes[1]!.interrupted).toBeGreaterThan(0)
})

async function lane(name: string, kills: number): Promise<{ acknowledged: number; interrupted: number }> {
  const root = join(parent, name)
  mkdirSync(root)
  let acknowledged = 0
  let interrupted = 0
  for (let kill = 0; kill < kills; kill++) {
    acknowledged = Math.max(acknowledged, await runAndKill(root, Math.random() * 150))
    const ledger = await Ledger.open(root)
    const value = existsSync(join(root, 'a.yaml')) ? Number(readFileSync(join(root, 'a.yaml'), 'utf8')) : 0
    expect(value === acknowledged || value === acknowledged + 1, `${value} after ${acknowledged}`).toBe(true)
    if (value !== acknowledged) interrupted++
    for (const file of value === 0 ? [] : ['a.yaml', 'deep/b.yaml', 'c.json'])
      expect(readFileSync(join(root, file), 'utf8')).toBe(`${value}\n`)
    expect(existsSync(join(root, 'sometimes.yaml'))).toBe(value > 0 && value % 2 === 0)
    // No step was taken for an edit by hand, and none is missing.
    expect(ledger.head).toBe(value)
    for (const { file, hash } of ledger.files()) expect(contentHash(readFileSync(join(root, file)))).toBe(hash)
    const left = readdirSync(root, { recursive: true }).filter((name) => String(name).endsWith('.tmp'))
    expect(left).toEqual([])
    acknowledged = value
    await ledger.close()
  }
  return { acknowledged, interrupted }
}
