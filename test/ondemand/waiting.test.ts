import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import type { XdsServerOptions } from '../../controlplane/ads/index.ts'
import { createReports } from '../../controlplane/reports/index.ts'
import { ask } from '../envoy/http-mesh.ts'
import { startEcho, startTcpEcho, type Upstream } from '../helpers/echo.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { startValve } from '../helpers/valve.ts'
import { exchange, services, startLazyEnvoy, startPlane } from './bed.ts'
import { ENVOY_MINOR } from './envoy-minor.ts'

let one: Upstream
beforeAll(async () => {
  one = await startEcho('one')
})

const mesh = (fields: string) => `---
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {${fields}}
`

/** A control plane behind a valve, which hears of requests that found no cluster as the command does. */
async function planeBehindValve(config: string, options: XdsServerOptions = {}) {
  const reports = createReports()
  const plane = await startPlane(config, { services: reports.services, ...options })
  const told: unknown[] = []
  reports.access.onMissingCluster(({ node, request }) => {
    told.push(request)
    plane.server.rescue(node.id, request)
  })
  return { plane, told, valve: await startValve(plane.port) }
}

test('what waited in vain gets 503 without a body, flag NC, or is closed; who comes later has what is left of the time; both are told and served next', async () => {
  const tcp = await startTcpEcho('tcp')
  const tcpPort = await freePort()
  const log = join(testFolder('ondemand'), 'access.log')
  const format =
    '%REQ(X-NAME)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %BYTES_SENT% %DURATION% %ROUTE_NAME%'
  const { told, valve } = await planeBehindValve(
    services(3, one) +
      serviceAt('tcp.test', [tcp], `{number: ${tcpPort}, name: tcp, protocol: TCP}`) +
      mesh(`accessLog: {path: ${log}, format: '${format}'}`),
  )
  const envoy = await startLazyEnvoy(valve.port)
  expect((await ask(envoy.httpPort, 'svc0.test')).status).toBe(200)
  valve.shut()
  const first = ask(envoy.httpPort, 'svc1.test', '/', { headers: { 'x-name': 'first' } })
  const connection = exchange(tcpPort, 'held')
  await sleep(2000)
  const later = ask(envoy.httpPort, 'svc1.test', '/', { headers: { 'x-name': 'later' } })
  for (const answer of [await first, await later]) expect(answer).toMatchObject({ status: 503, body: '' })
  expect(await connection).toBe('')
  expect(await envoy.stat(`tcp.outbound|${tcpPort}||tcp.test.on_demand_cluster_timeout`)).toBe(1)
  const line = (name: string) =>
    readFileSync(log, 'utf8')
      .split('\n')
      // What is behind the last end of a line is still being written.
      .slice(0, -1)
      .find((text) => text.startsWith(`${name} `))
      ?.split(' ')
  // Envoy writes its log now and then.
  await expect.poll(() => [line('first'), line('later')].every((found) => found !== undefined)).toBe(true)
  for (const name of ['first', 'later'])
    expect(line(name)).toEqual([name, '503', 'NC', 'cluster_not_found', '0', expect.anything(), 'default'])
  expect(Number(line('first')![5]) - Number(line('later')![5])).toBeGreaterThan(1000)
  valve.open()
  await comesTrue(async () => (await ask(envoy.httpPort, 'svc1.test')).status === 200, 'served')
  await comesTrue(async () => (await exchange(tcpPort, 'again')).includes('again'), 'served')
  await comesTrue(() => told.length >= 2, 'told')
  expect(told).toContainEqual({ routeName: 'default', authority: 'svc1.test', port: 0 })
  expect(told).toContainEqual({ routeName: '', authority: '', port: tcpPort })
  expect(await envoy.rejected()).toEqual({})
})

test('a request whose cluster comes late, but in time, is answered as soon as it comes', async () => {
  const { told, valve } = await planeBehindValve(services(3, one))
  const envoy = await startLazyEnvoy(valve.port)
  expect((await ask(envoy.httpPort, 'svc0.test')).status).toBe(200)
  valve.shut()
  const asked = [1, 2].map((index) => ask(envoy.httpPort, `svc${index}.test`))
  const active = `http.outbound_127.0.0.1_${envoy.httpPort}.downstream_rq_active`
  await comesTrue(async () => (await envoy.stat(active)) === 2, 'both wait')
  valve.open()
  for (const answer of asked) expect((await answer).status).toBe(200)
  expect(told).toEqual([])
})

// Older Envoys get all virtual hosts at once.
test.runIf(ENVOY_MINOR >= 38)(
  'a request for a virtual host that comes on demand waits for the control plane without limit',
  async () => {
    const { told, valve } = await planeBehindValve(services(3, one) + mesh('lazyVirtualHosts: true'))
    const envoy = await startLazyEnvoy(valve.port)
    expect((await ask(envoy.httpPort, 'svc0.test')).status).toBe(200)
    valve.shut()
    let answered = false
    const cold = ask(envoy.httpPort, 'svc1.test').finally(() => {
      answered = true
    })
    // Longer than a request waits for its cluster.
    await sleep(6000)
    expect(answered).toBe(false)
    expect((await ask(envoy.httpPort, 'svc0.test')).status).toBe(200)
    valve.open()
    expect((await cold).status).toBe(200)
    expect(told).toEqual([])
  },
)

test('an Envoy that does not acknowledge its clusters within a second is told, once, and starts others when it goes on', async () => {
  const slow: Record<string, unknown>[] = []
  const nothing = () => {}
  const logger = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (fields: object, text: string) => {
      if (text.includes('does not acknowledge its clusters')) slow.push({ ...fields })
    },
  }
  const rule = `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: all}
spec: {host: svc0.test, trafficPolicy: {connectionPool: {tcp: {maxConnections: 70}}}}
`
  const plane = await startPlane(services(3, one), { logger })
  const envoy = await startLazyEnvoy(plane.port)
  expect((await ask(envoy.httpPort, 'svc0.test')).status).toBe(200)
  await comesTrue(() => plane.trace.at(-1)!.startsWith('ack'), 'at rest')
  const clusters = () => plane.server.status.clients()[0]!.types.find(({ type }) => type === 'cds')!
  expect(clusters().state).toBe('SYNCED')
  // A busy machine may have made it slow before.
  slow.length = 0
  process.kill(envoy.pid, 'SIGSTOP')
  try {
    plane.commit(services(3, one) + rule)
    await comesTrue(() => slow.length > 0, 'told')
    expect(clusters().state).toBe('STALE')
  } finally {
    process.kill(envoy.pid, 'SIGCONT')
  }
  expect((await ask(envoy.httpPort, 'svc1.test')).status).toBe(200)
  await comesTrue(() => clusters().state === 'SYNCED', 'in step')
  const ofRule = slow.filter(({ clusters: names }) => String(names).includes('svc0'))
  expect(ofRule).toEqual([expect.objectContaining({ clusters: ['outbound|80||svc0.test'] })])
  expect(await envoy.rejected()).toEqual({})
})
