import { execFile } from 'node:child_process'
import { cp, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { builtUi } from '../helpers/built-ui.ts'
import { eventually } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePorts, portOpen } from '../helpers/ports.ts'
import { type RunningProcess, spawnForTest } from '../helpers/processes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

/** Every port the quickstart names; the test replaces them, so that it does not care what else runs on the machine. */
const PORTS = ['18000', '18080', '15080', '8088', '15000', '15010'].concat(
  ['81', '82', '83', '84', '85', '91', '92', '93', '94', '95'].map((end) => `190${end}`),
)

let folder: string
let up: RunningProcess
/** What `npm start` has printed so far. */
let printed = ''
/** The commands under each heading that begins with a number and a dot. */
let commands: ReadonlyMap<string, readonly string[]>

/** Runs a printed command in the folder `npm start` was run in, as a reader would. */
const sh = async (command: string) => (await run('bash', ['-c', command], { cwd: folder })).stdout

/** `uniq -c` lines as numbers by text. */
const counts = (text: string) =>
  Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => {
        const [, count, what] = /^\s*(\d+) (.*)$/.exec(line)!
        return [what!, Number(count)]
      }),
  )

beforeAll(async () => {
  await builtUi()
  folder = testFolder('quickstart')
  for (const name of ['dist', 'node_modules', 'proto']) await symlink(join(root, name), join(folder, name))
  // Whoever ran the example here has its history beside it.
  const filter = (path: string) => basename(path) !== '.meshgate'
  await cp(join(root, 'examples'), join(folder, 'examples'), { recursive: true, filter })
  const free = await freePorts(PORTS.length)
  const renumber = (text: string) => PORTS.reduce((all, port, at) => all.replaceAll(port, String(free[at])), text)
  const example = join(folder, 'examples/quickstart')
  for (const name of await readdir(example))
    await writeFile(join(example, name), renumber(await readFile(join(example, name), 'utf8')))
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
  const flags = ` --xds 127.0.0.1:18000 --api 127.0.0.1:18080`
  manifest.scripts = { start: renumber(manifest.scripts.start + flags) }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))

  up = await spawnForTest({
    command: 'npm',
    args: ['start', '--silent'],
    cwd: folder,
    onLine: (line, stream) => {
      if (stream === 'stdout') printed += `${line}\n`
    },
  })
  await eventually(() => expect(printed, up.errors()).toContain('Ctrl-C stops everything'), { withinMs: 60_000 })
  const headings = printed.split(/\n(?=\d\. )/).slice(1)
  commands = new Map(
    headings.map((part) => [part[0]!, part.split('\n').flatMap((line) => (/^ {3}\S/.test(line) ? [line.trim()] : []))]),
  )
})

describe('npm start', () => {
  test('says what runs and where', () => {
    expect(printed).toMatch(/meshgate \d+\.\d+\.\d+ is up after/)
    expect(printed).toMatch(/control plane +xDS 127\.0\.0\.1:\d+, API http:\/\/127\.0\.0\.1:\d+/)
    expect(printed).toMatch(/admin UI +http:\/\/127\.0\.0\.1:\d+\/\n/)
    expect(printed).toMatch(/configuration +examples\/quickstart: 11 objects, 0 errors/)
    expect(printed).toMatch(/services +running/)
    expect(printed).toMatch(/envoy shop +listens on 127\.0\.0\.1:\d+, admin http/)
    expect(printed).toMatch(/envoy gateway +listens on 127\.0\.0\.1:\d+, admin http/)
    expect([...commands.keys()]).toEqual(['1', '2', '3', '4'])
  })

  test('1: the split is about 90 to 10', async () => {
    let [v1, v2] = [0, 0]
    for (let run = 1; run <= 4; run++) {
      const split = counts(await sh(commands.get('1')![0]!))
      v1 += sum(split, 'reviews v1 ')
      v2 += sum(split, 'reviews v2 ')
      expect(v1 + v2).toBe(100 * run)
    }
    // 40 ± 5 standard deviations and more: a right split fails once in forty million runs.
    expect(v2).toBeGreaterThan(10)
    expect(v2).toBeLessThan(77)
  })

  test('2: the edit is live at once, and can be taken back', async () => {
    const [edit, back] = commands.get('2')!
    await sh(edit!)
    await eventually(async () =>
      expect(sum(counts(await sh(commands.get('1')![0]!)), 'reviews v2 ')).toBeGreaterThan(30),
    )
    await sh(back!)
    await eventually(async () => expect(sum(counts(await sh(commands.get('1')![0]!)), 'reviews v2 ')).toBeLessThan(25))
  })

  test('3: faults for those who ask for them', async () => {
    const [slow, broken] = commands.get('3')!
    const [, seconds] = /ratings v1 .*\n200 after ([\d.]+) s/.exec(await sh(slow!)) ?? []
    expect(Number(seconds)).toBeGreaterThanOrEqual(1)
    expect(await sh(broken!)).toMatch(/fault filter abort 503\n$/)
  })

  test('4: every user has one cart instance, and the users are spread', async () => {
    const lines = (await sh(commands.get('4')![0]!)).trim().split('\n')
    expect(lines.map((line) => /^(\w+)\s+3 cart \w/.exec(line)?.[1])).toEqual(['ann', 'bob', 'cid', 'dee'])
    expect(new Set(lines.map((line) => / cart (\w)/.exec(line)![1])).size).toBeGreaterThan(1)
  })

  test('from outside, through gateway and sidecar', async () => {
    const [, curl] = /From outside, through the gateway: +(.*)\n/.exec(printed)!
    expect(await sh(curl!)).toMatch(/^shop → reviews v\d .* \| ratings v1 .* \| cart \w /)
  })

  test('explain names the lines', async () => {
    const [, command] = /Why a request goes where it goes: +(.*)\n/.exec(printed)!
    const api = /API http:\/\/(\S+)/.exec(printed)![1]
    const answer = await sh(`${command!.replace('npx meshgate', 'node dist/cli/main.js')} --api ${api}`)
    expect(answer).toMatch(/90 % outbound\|80\|v1\|reviews\.default\.svc\.cluster\.local/)
    expect(answer).toMatch(/examples\/quickstart\/reviews\.yaml:\d+:\d+ +VirtualService\/default\/reviews/)
  })

  test('Ctrl-C leaves nothing behind', async () => {
    const children = await descendants(up.pid)
    expect(children.length).toBeGreaterThanOrEqual(4) // node, services, two Envoys
    const node = await meshgatePid(up.pid)
    process.kill(node, 'SIGINT')
    await up.exited
    await eventually(async () => expect(await alive(children)).toEqual([]))
    const ports = [...printed.matchAll(/127\.0\.0\.1:(\d+)/g)].map((match) => Number(match[1]))
    for (const port of new Set(ports)) await expect(portOpen(port, { withinMs: 0 })).rejects.toThrow()
  })
})

describe('the package as published', () => {
  let folder: string
  beforeAll(async () => {
    folder = testFolder('package')
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      maxBuffer: 64 << 20,
    })
    const [{ files }] = JSON.parse(stdout) as [{ files: readonly { path: string }[] }]
    for (const { path } of files) await cp(join(root, path), join(folder, path))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  })
  const node = (...args: readonly string[]) => run('node', args, { cwd: folder })

  test('has every protocol that comes with it', async () => {
    const script = `import { shippedCodec, shippedProtocols } from 'meshgate/codecs'
      for (const name of shippedProtocols) console.log((await shippedCodec(name)).name)
      console.log(shippedProtocols.length)`
    await writeFile(join(folder, 'codecs.mjs'), script)
    const names = (await node('codecs.mjs')).stdout.trim().split('\n')
    expect(names).toEqual([...names.slice(0, -1), String(names.length - 1)])
    expect(names).toContain('redis')
  })

  test('analyzes and translates its examples', async () => {
    expect((await node('dist/cli/main.js', 'analyze', 'examples/messages')).stdout).toContain('0 errors')
    expect((await node('dist/cli/main.js', 'analyze', 'examples/quickstart')).stdout).toContain('0 errors')
    const id = 'sidecar~127.0.0.1~shop.default~default.svc.cluster.local'
    const { stdout } = await node('dist/cli/main.js', 'translate', 'examples/quickstart', '--node', id)
    expect(stdout).toContain('outbound|80|v1|reviews.default.svc.cluster.local')
  })

  test('brings the pages of the admin UI', async () =>
    expect(await readFile(join(folder, 'dist/admin-ui/pages/index.html'), 'utf8')).toContain('<title>'))
})

function sum(split: Record<string, number>, prefix: string): number {
  return Object.entries(split).reduce((total, [text, count]) => (text.startsWith(prefix) ? total + count : total), 0)
}

/** All processes below one, by the table of processes. */
async function descendants(pid: number): Promise<readonly number[]> {
  const { stdout } = await run('ps', ['-eo', 'pid=,ppid='])
  const parents = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [number, number])
  const below = (parent: number): number[] =>
    parents.flatMap(([child, of]) => (of === parent ? [child, ...below(child)] : []))
  return below(pid)
}

/** Those that still run, with their command lines. */
async function alive(pids: readonly number[]): Promise<readonly string[]> {
  const { stdout } = await run('ps', ['-o', 'stat=,args=', '-p', pids.join(',')]).catch(() => ({ stdout: '' }))
  return stdout.split('\n').filter((line) => line !== '' && !line.startsWith('Z'))
}

/** The meshgate below npm: the process whose command is the start script. */
async function meshgatePid(npm: number): Promise<number> {
  for (const pid of await descendants(npm)) {
    const { stdout } = await run('ps', ['-o', 'args=', '-p', String(pid)])
    if (/^\S*node dist\/cli\/main\.js up/.test(stdout)) return pid
  }
  throw new Error('meshgate does not run below npm')
}
