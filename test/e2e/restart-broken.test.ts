import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { ask, MODES } from '../envoy/http-mesh.ts'
import { PROGRAM } from '../helpers/compiled.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { rulesFor, serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { spawnForTest } from '../helpers/processes.ts'
import { type ServeChild, serveChild } from '../helpers/serve.ts'

const HOST = 'a.default.svc.cluster.local'
const RULE = rulesFor('shop.test', `- route: [{destination: {host: ${HOST}}}]`)

interface Complaint {
  readonly severity: string
  readonly line: number
  readonly hint?: string
}

async function errorsOf(control: ServeChild): Promise<readonly Complaint[]> {
  const { diagnostics } = await control.api<{ diagnostics: readonly Complaint[] }>('/api/v1/diagnostics')
  return diagnostics.filter(({ severity }) => severity === 'error')
}

async function proxyStatus(control: ServeChild): Promise<string> {
  let said = ''
  const child = await spawnForTest(
    {
      command: process.execPath,
      args: [...PROGRAM, 'proxy-status', '--api', control.apiUrl],
      onLine: (line) => {
        said += `${line}\n`
      },
    },
    'meshgate proxy-status',
  )
  await child.exited
  return said
}

describe.each([
  ['refused', RULE.replace('route:', 'route: 7 #'), 'FIELD_TYPE', /route must be a list/],
  ['unreadable', RULE.replace('http:', 'http: [[['), 'SOURCE_YAML_SYNTAX', /never closed|flow|bracket/i],
] as const)('a control plane is killed while a document is %s, and starts again', (_, broken, code, complaint) => {
  let folder: string
  let upstream: Upstream
  let httpPort: number
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)

  beforeAll(async () => {
    folder = testFolder('restart-broken')
    upstream = await startEcho('a')
    httpPort = await freePort()
    write(
      'mesh.yaml',
      `apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {httpPort: ${httpPort}}\n`,
    )
    write('shop.yaml', serviceAt(HOST, [upstream]) + RULE)
  })

  const withEnvoy = async (control: ServeChild, mode: (typeof MODES)[number]): Promise<TestEnvoy> =>
    startEnvoy({
      bootstrap: envoyBootstrap({
        node: { id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local' },
        xds: { host: '127.0.0.1', port: control.xdsPort },
        mode,
      }),
    })

  test('what the document said last stays with the proxies, and goes to those that start now', async () => {
    let control = await serveChild(folder)
    let envoy = await withEnvoy(control, 'delta')
    expect((await ask(httpPort, 'shop.test')).upstream).toBe('a')
    write('shop.yaml', serviceAt(HOST, [upstream]) + broken)
    const before = await until(
      () => errorsOf(control),
      (errors) => errors.length > 0,
      { what: 'the error is known' },
    )
    expect(before).toMatchObject([{ code, hint: expect.stringContaining('(of revision 1) stays in force') }])
    await control.kill()
    control = await serveChild(folder, { args: ['--xds', `127.0.0.1:${control.xdsPort}`] })
    expect(await errorsOf(control)).toEqual(before)
    expect(await proxyStatus(control)).toContain(`shop.yaml:${before[0]!.line}:`)
    await expect.poll(() => envoy.stat('control_plane.connected_state')).toBe(1)
    expect((await ask(httpPort, 'shop.test')).upstream).toBe('a')
    await envoy.stop()
    for (const mode of MODES) {
      envoy = await withEnvoy(control, mode)
      expect((await ask(httpPort, 'shop.test')).upstream).toBe('a')
      await envoy.stop()
    }
    // Mended by deleting it: now it is gone, also over the next restart.
    write('shop.yaml', serviceAt(HOST, [upstream]))
    await until(
      () => errorsOf(control),
      (errors) => errors.length === 0,
      { what: 'the error is gone' },
    )
    await control.kill()
    control = await serveChild(folder)
    envoy = await withEnvoy(control, 'delta')
    expect((await ask(httpPort, 'shop.test')).status).toBe(502)
    await envoy.stop()
    await control.process.stop()
  })

  test.each([
    ['there is none', () => rmSync(join(folder, '.meshgate'), { recursive: true, force: true })],
    ['it is no database', () => write('.meshgate/ledger.db', 'something else'.repeat(1_000))],
  ])('a history that cannot be used keeps nothing from starting: %s', async (_what, spoil) => {
    mkdirSync(join(folder, '.meshgate'), { recursive: true })
    spoil()
    write('shop.yaml', serviceAt(HOST, [upstream]) + broken)
    const logged: string[] = []
    const control = await serveChild(folder, { onLog: (message) => logged.push(message) })
    // Damaged, it is not known who has to log in: the API tells nothing.
    expect(logged.join('\n')).toMatch(complaint)
    await control.process.stop()
  })
})
