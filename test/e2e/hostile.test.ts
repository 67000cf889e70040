import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { ask } from '../envoy/http-mesh.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { testFolder } from '../helpers/folders.ts'
import { rulesFor, serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { type ServeChild, serveChild } from '../helpers/serve.ts'

/**
 * A folder full of what must not be there, some of it hostile: every good document is served all the same, each complaint
 * names its file, and the process stays small and alive.
 */

const MiB = 1024 ** 2
/** An empty folder takes about 150 MiB from sources; the files below have more than 100 MiB. */
const MOST_BYTES = 400 * MiB

let outer: string
let folder: string
let control: ServeChild
let envoy: TestEnvoy
let upstream: Upstream
let httpPort: number

interface Complaint {
  readonly code: string
  readonly severity: string
  readonly file: string
  readonly line: number
  readonly message: string
}

const complaints = async () => ((await control.api('/api/v1/diagnostics')) as { diagnostics: Complaint[] }).diagnostics
/** `file code` of each error, the folder's own path left out. */
const errors = async () =>
  (await complaints())
    .filter(({ severity }) => severity === 'error')
    .map(({ code, file }) => `${file.replace(folder, '').replace(/^\//, '') || '.'} ${code}`)
    .sort()
const write = (name: string, text: string | Uint8Array) => writeFile(join(folder, name), text)
const status = async (host: string) => (await ask(httpPort, host)).status
const delegate = (name: string, to: string, hosts = '') => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}}
spec:
  ${hosts && `hosts: [${hosts}]`}
  http: [{match: [{uri: {prefix: /${name}}}], delegate: {name: ${to}}}]
`

/** Nine levels of ten aliases: a thousand million values. */
const BOMB = `a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n${Array.from(
  { length: 9 },
  (_, level) => `a${level + 1}: &a${level + 1} [${Array(10).fill(`*a${level}`).join(', ')}]`,
).join('\n')}\n`

const FILES: Readonly<Record<string, string | Uint8Array>> = {
  'bomb.yaml': BOMB,
  'nested.yaml': `a: ${'['.repeat(200_000)}`,
  'nested-block.yaml': Array.from({ length: 3000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
  'large.yaml': Buffer.alloc(50 * MiB, 'a: b\n'),
  'binary.yaml': randomBytes(2 * MiB),
  'zeros.yaml': Buffer.alloc(MiB),
  'latin1.yaml': Buffer.from('kind: caf\xe9\n', 'latin1'),
  'utf16.yaml': Buffer.from('\ufeffkind: Mesh\n', 'utf16le'),
  'proto.yaml': '__proto__: {polluted: true}\n',
  'tabs.yaml': 'a:\n\t- b\n',
  'scalar.yaml': 'just text\n',
  'list.yaml': '- a\n- b\n',
  'unknown.yaml': 'apiVersion: v9\nkind: Nothing\nmetadata: {name: x}\n',
  'noname.yaml': 'apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {}\nspec: {}\n',
  'evil-name.yaml': `apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: "../../x\\u0000"}\nspec: {}\n`,
  'cycle.yaml': `${delegate('root', 'one', 'cycle.test')}---\n${delegate('one', 'two')}---\n${delegate('two', 'one')}`,
  'regex.yaml': rulesFor(
    'regex.test',
    `- match: [{uri: {regex: "(a+)+${'('.repeat(50)}"}}]\n  directResponse: {status: 200}`,
  ),
  'many.yaml': `${'---\na: b\n'.repeat(60_000)}`,
}

/** Each hostile file and the complaint it must get; what a document means is told by other codes than what a file is. */
const EXPECTED: readonly (readonly [string, string])[] = [
  ['bomb.yaml', 'SOURCE_ALIAS_LIMIT'],
  ['nested.yaml', 'SOURCE_TOO_DEEP'],
  ['nested-block.yaml', 'SOURCE_TOO_DEEP'],
  ['large.yaml', 'SOURCE_TOO_LARGE'],
  ['binary.yaml', 'SOURCE_ENCODING'],
  ['zeros.yaml', 'SOURCE_ENCODING'],
  ['latin1.yaml', 'SOURCE_ENCODING'],
  ['utf16.yaml', 'SOURCE_ENCODING'],
  ['proto.yaml', 'SOURCE_KEY'],
  ['tabs.yaml', 'SOURCE_YAML_SYNTAX'],
  ['many.yaml', 'SOURCE_TOO_LARGE'],
  ['cycle.yaml', 'FIELD_VALUE'],
  ['twin-2.yaml', 'OBJECT_DUPLICATE'],
]

beforeAll(async () => {
  outer = testFolder('hostile')
  folder = join(outer, 'config')
  await mkdir(join(folder, 'sub'), { recursive: true })
  ;[upstream, httpPort] = await Promise.all([startEcho('good'), freePort()])
  await write(
    'mesh.yaml',
    `apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {httpPort: ${httpPort}}\n`,
  )
  await write('good.yaml', serviceAt('good.test', [upstream]))
  await write('twin-1.yaml', serviceAt('twin.test', [upstream]))
  await write('twin-2.yaml', serviceAt('twin.test', [upstream]).replace('"twin.test"', '"other.test"'))
  await write('half.yaml', `${serviceAt('half.test', [upstream])}---\n{ broken: [\n`)
  for (const [name, content] of Object.entries(FILES)) await write(name, content)
  await symlink('..', join(folder, 'sub', 'up'))
  await symlink('self.yaml', join(folder, 'self.yaml'))
  await symlink('nowhere.yaml', join(folder, 'dangling.yaml'))
  await write('unreadable.yaml', 'a: b\n')
  await chmod(join(folder, 'unreadable.yaml'), 0o000)
  await symlink('/dev/zero', join(folder, 'endless.yaml'))
  await mkdir(join(folder, 'folder.yaml'))
  execFileSync('mkfifo', [join(folder, 'pipe.yaml')])
  control = await serveChild(folder, { cwd: outer })
  envoy = await startEnvoy({
    bootstrap: envoyBootstrap({
      node: { id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local' },
      xds: { host: '127.0.0.1', port: control.xdsPort },
      mode: 'delta',
    }),
  })
}, 120_000)
afterAll(async () => {
  await envoy?.stop()
  await control?.process.stop()
})

test('every good document is served, also one in a file whose other document is broken', async () => {
  for (const host of ['good.test', 'twin.test', 'half.test'])
    expect(`${host} ${await status(host)}`).toBe(`${host} 200`)
  expect(await envoy.rejected()).toEqual({})
})

test.each(EXPECTED)('%s is told as %s', async (file, code) => {
  expect(await errors()).toContain(`${file} ${code}`)
})

test.each(['scalar.yaml', 'list.yaml', 'unknown.yaml', 'noname.yaml', 'evil-name.yaml', 'half.yaml', 'regex.yaml'])(
  '%s has a complaint of its own',
  async (file) => {
    expect((await complaints()).some((one) => one.file.endsWith(`/${file}`))).toBe(true)
  },
)

/** What is no readable file, and how it is told. */
const UNREADABLE: readonly (readonly [string, string])[] = [
  ['self.yaml', 'SOURCE_SYMLINK_LOOP'],
  ['sub/up', 'SOURCE_SYMLINK_LOOP'],
  ['dangling.yaml', 'SOURCE_UNREADABLE'],
  // Permissions do not stop root.
  ...(process.getuid?.() === 0 ? [] : [['unreadable.yaml', 'SOURCE_UNREADABLE'] as const]),
  ['endless.yaml', 'SOURCE_UNREADABLE'],
  ['pipe.yaml', 'SOURCE_UNREADABLE'],
]

test.each(UNREADABLE)('%s, which is no file, is told as %s', async (file, code) => {
  const found = (await complaints()).filter((one) => one.file.endsWith(`/${file}`))
  expect(found.map((one) => one.code)).toEqual([code])
})

test('a complaint names the line, and no complaint is longer than a person reads', async () => {
  const all = await complaints()
  expect(all.find(({ file }) => file.endsWith('tabs.yaml'))).toMatchObject({ line: 2 })
  for (const { message } of all) expect(message.length).toBeLessThan(2000)
})

test('hostile files that come while it runs change nothing for the others', async () => {
  for (let round = 0; round < 3; round++) {
    await write('good.yaml', round % 2 === 0 ? BOMB : randomBytes(MiB))
    await write('new-bomb.yaml', BOMB)
    await write('large.yaml', Buffer.alloc((20 + round) * MiB, 'a: b\n'))
    await expect.poll(errors).toContain('new-bomb.yaml SOURCE_ALIAS_LIMIT')
    await expect.poll(errors).toContain(`good.yaml ${round % 2 === 0 ? 'SOURCE_ALIAS_LIMIT' : 'SOURCE_ENCODING'}`)
    expect(await status('good.test')).toBe(200)
    await rm(join(folder, 'new-bomb.yaml'))
    await expect.poll(errors).not.toContain('new-bomb.yaml SOURCE_ALIAS_LIMIT')
  }
  await write('good.yaml', serviceAt('good.test', [upstream]))
  await expect.poll(async () => (await errors()).join()).not.toMatch(/good\.yaml/)
})

test('a folder that disappears keeps everything in force and says so; when it is back, edits count again', async () => {
  const away = join(outer, 'away')
  await rename(folder, away)
  await expect.poll(errors).toContain('. SOURCE_FOLDER_GONE')
  expect(await status('good.test')).toBe(200)
  expect((await fetch(`${control.apiUrl}/healthz/ready`)).status).toBe(200)
  await rename(away, folder)
  await write('late.yaml', serviceAt('late.test', [upstream]))
  await expect.poll(() => status('late.test')).toBe(200)
  expect(await errors()).not.toContain('. SOURCE_FOLDER_GONE')
})

test('after all of it the process lives and has stayed small', async () => {
  expect(control.process.running).toBe(true)
  expect(await control.peakBytes()).toBeLessThan(MOST_BYTES)
  expect(await envoy.rejected()).toEqual({})
})
