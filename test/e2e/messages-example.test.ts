import { execFile } from 'node:child_process'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, it } from 'vitest'
import { PROGRAM } from '../helpers/compiled.ts'
import { eventually } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePorts } from '../helpers/ports.ts'
import { spawnForTest } from '../helpers/processes.ts'

/** The example of a private protocol, with free ports in place of those it names. */

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)
const PORTS = ['18000', '17000', '17001', '19201', '19202', '19203']

let folder: string
let edge: number
let api: string

beforeAll(async () => {
  folder = testFolder('messages')
  await cp(join(root, 'examples/messages'), folder, { recursive: true })
  const free = await freePorts(PORTS.length + 1)
  edge = free[1]!
  for (const file of ['meshgate.yaml', 'services.yaml']) {
    const path = join(folder, file)
    let text = await readFile(path, 'utf8')
    for (const [index, port] of PORTS.entries()) text = text.replaceAll(port, String(free[index]))
    await writeFile(path, text)
  }
  api = `http://127.0.0.1:${free.at(-1)}`
  let printed = ''
  const up = await spawnForTest({
    command: process.execPath,
    args: [...PROGRAM, 'up', folder, '--xds', `127.0.0.1:${free[0]}`, '--api', `127.0.0.1:${free.at(-1)}`],
    cwd: root,
    onLine: (line) => {
      printed += `${line}\n`
    },
  })
  await eventually(() => expect(printed, up.errors()).toContain('configuration in force'), { withinMs: 60_000 })
  // What a proxy counted before it is first looked at belongs to no time.
  await eventually(async () => expect((await figures()).reading).not.toEqual([]), { withinMs: 30_000, everyMs: 200 })
})

interface TrafficFigures {
  readonly reading: readonly string[]
  readonly services: readonly { hostname: string; requests: number; failed: number; p50Ms?: number }[]
}

async function figures(): Promise<TrafficFigures> {
  const answer = await fetch(`${api}/api/v1/figures?window=300`)
  return (await answer.json()) as TrafficFigures
}

/** Who answered how many of some requests with a message id. */
async function ask(msgid: number, count: number): Promise<Record<string, number>> {
  const { stdout } = await run(
    process.execPath,
    [join(folder, 'arena.mjs'), 'ask', String(edge), String(msgid), String(count)],
    { timeout: 60_000 },
  )
  return JSON.parse(stdout)
}

it('a message id is split by weight, another goes to another service, an unknown one gets an error reply', async () => {
  const split = await ask(100_000, 1000)
  expect(split['battle-v1']! + split['battle-v2']!).toBe(1000)
  expect(Math.abs(split['battle-v1']! - 900)).toBeLessThan(60)
  expect(await ask(200_000, 10)).toEqual({ chat: 10 })
  expect(await ask(7, 3)).toEqual({ 'error 1': 3 })
})

it('the service pages count them, by what the proxy itself tells: answers and error replies, and how long they took', async () => {
  await eventually(
    async () => {
      const { services } = await figures()
      const of = (name: string) => services.find(({ hostname }) => hostname === `arena.${name}`)
      expect(of('battle')).toMatchObject({ requests: 1000, failed: 0 })
      expect(of('chat')).toMatchObject({ requests: 10, failed: 0 })
      expect(of('battle')!.p50Ms).toBeGreaterThan(0)
    },
    { withinMs: 30_000, everyMs: 500 },
  )
})

it('an edit of the weights holds for the messages that follow', async () => {
  const path = join(folder, 'routes.yaml')
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace('weight: 90', 'weight: 0').replace('weight: 10', 'weight: 100'))
  await eventually(async () => expect(await ask(100_000, 100)).toEqual({ 'battle-v2': 100 }), { everyMs: 200 })
})
