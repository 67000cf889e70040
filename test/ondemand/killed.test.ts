import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { ask } from '../envoy/http-mesh.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { type ServeChild, serveChild } from '../helpers/serve.ts'
import { type LazyEnvoy, services, startLazyEnvoy, virtualService } from './bed.ts'

let one: Upstream
beforeAll(async () => {
  one = await startEcho('one')
})

const mesh = (idle: string) => `---
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {clusterIdleTimeout: ${idle}, loadReportInterval: 1s}
`
/** How often the clusters an Envoy has were let go of, by service. */
async function generations(envoy: LazyEnvoy): Promise<Readonly<Record<string, number>>> {
  const names = (await envoy.clusters()).map((name) => /^outbound\|80\|\|(svc\d)\.test(?:~(\d+))?$/.exec(name)!)
  return Object.fromEntries(names.map(([, service, generation = 0]) => [service!, Number(generation)]))
}
const get = async ({ httpPort }: LazyEnvoy, index: number) => (await ask(httpPort, `svc${index}.test`)).status

interface Told {
  readonly proxies: readonly { readonly connected: boolean; readonly types: readonly { readonly state: string }[] }[]
}

/** All that are connected have what they are to have. */
const inStep = (plane: ServeChild, count: number) =>
  comesTrue(
    async () => {
      const { proxies } = await plane.api<Told>('/api/v1/proxies')
      const connected = proxies.filter((one) => one.connected)
      return (
        connected.length === count &&
        connected.every(({ types }) => types.length >= 4 && types.every(({ state }) => state === 'SYNCED'))
      )
    },
    'in step',
    { withinMs: 60_000 },
  )

test.each([
  ['by what it kept', false],
  ['without that, by what its proxy says', true],
])('a control plane that is killed and comes back knows which names went: %s', async (_, forgets) => {
  const folder = testFolder('killed')
  const write = (idle: string) => writeFileSync(join(folder, 'mesh.yaml'), services(5, one) + mesh(idle))
  write('1s')
  const port = await freePort()
  const start = () => serveChild(folder, { args: ['--xds', `127.0.0.1:${port}`] })
  const first = await start()
  const envoy = await startLazyEnvoy(port, { name: 'web-1' })
  expect([await get(envoy, 1), await get(envoy, 2)]).toEqual([200, 200])
  await comesTrue(
    async () => {
      expect(await get(envoy, 2)).toBe(200)
      return !('svc1' in (await generations(envoy)))
    },
    'what is not used goes, by the reports of the Envoy',
    { withinMs: 60_000 },
  )
  write('0s')
  expect(await get(envoy, 1)).toBe(200)
  const before = await generations(envoy)
  expect(before['svc1']).toBeGreaterThan(0)
  await inStep(first, 1)
  // Written half a second after it is learned.
  const kept = join(folder, '.meshgate/on-demand.json')
  const keeps = (text: RegExp) => comesTrue(() => existsSync(kept) && text.test(readFileSync(kept, 'utf8')), 'saved')
  await keeps(/svc1\.test"\s*:\s*[1-9]/)
  await first.kill()
  if (forgets) rmSync(kept)
  expect([await get(envoy, 1), await get(envoy, 2)]).toEqual([200, 200])
  const second = await start()
  await inStep(second, 1)
  expect([await get(envoy, 1), await get(envoy, 2), await get(envoy, 3)]).toEqual([200, 200, 200])
  expect((await generations(envoy))['svc1']).toBeGreaterThanOrEqual(before['svc1']!)
  expect(await envoy.rejected()).toEqual({})
  await keeps(/svc3\.test/)
  await second.kill()
  await envoy.stop()
  await start()
  // Another replica, and nobody there to tell: it has what the workload uses before it asks.
  const replica = await startLazyEnvoy(port, { name: 'web-2' })
  expect(Object.keys(await generations(replica))).toEqual(['svc1', 'svc2', 'svc3'])
  expect(await get(replica, 1)).toBe(200)
})

test.each([
  ['clusters', false],
  ['virtual hosts too', true],
])(
  'a request that waits while the control plane is dead, and its service renamed, is answered: %s on demand',
  async (_, lazyVirtualHosts) => {
    const folder = testFolder('renamed')
    const write = (name: string) =>
      writeFileSync(
        join(folder, 'mesh.yaml'),
        serviceAt('warm.test', [one]) +
          serviceAt(name, [one]) +
          virtualService(
            'front.test',
            `[{match: [{uri: {prefix: /warm}}], route: [{destination: {host: warm.test}}]}, {route: [{destination: {host: ${name}}}]}]`,
          ) +
          mesh('0s').replace('spec: {', `spec: {lazyVirtualHosts: ${lazyVirtualHosts}, `),
      )
    write('before.test')
    const port = await freePort()
    const start = () => serveChild(folder, { args: ['--xds', `127.0.0.1:${port}`] })
    const first = await start()
    const envoy = await startLazyEnvoy(port, { name: 'web-1' })
    const front = async (path: string) => (await ask(envoy.httpPort, 'front.test', path)).status
    // It has the routes, and not the cluster that the other path leads to.
    expect(await front('/warm')).toBe(200)
    await inStep(first, 1)
    await first.kill()
    const waiting = front('/')
    write('after.test')
    const second = await start()
    expect(await waiting).toBe(200)
    await inStep(second, 1)
    expect(await front('/')).toBe(200)
    await comesTrue(
      async () => !(await envoy.clusters()).some((name) => name.includes('before.test')),
      'what went is taken back',
    )
    expect(await envoy.clusters()).toContain('outbound|80||after.test')
    expect(await envoy.rejected()).toEqual({})
  },
)
