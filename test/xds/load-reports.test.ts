import { once } from 'node:events'
import { connect } from 'node:net'
import { beforeAll, describe, expect, it } from 'vitest'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { grpcBootstrap } from '../../controlplane/bootstrap/grpc.ts'
import { readPrometheus, STAT_FILTER } from '../../controlplane/figures/prometheus.ts'
import { createReports, type LoadReport } from '../../controlplane/reports/index.ts'
import { ask } from '../envoy/http-mesh.ts'
import { type ControlPlane, startControlPlane } from '../helpers/control-plane.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { callWith, grpcBackend, pythonGrpc } from '../helpers/grpc-programs.ts'
import { freePorts } from '../helpers/ports.ts'
import { requireTool } from '../helpers/tools.ts'

/** Real clients report what they sent; the interval is short, the rules are the same. */

const reports = createReports({ loadInterval: () => 1000 })
const ENVOY = 'sidecar~127.0.0.1~shop-1.default~default.svc.cluster.local'
const USED = 'outbound|80||used.default.svc.cluster.local'
const DEAD = 'outbound|80||dead.default.svc.cluster.local'
const UNUSED = 'outbound|80||unused.default.svc.cluster.local'

let upstream: Upstream
let controlPlane: ControlPlane
let port: number
let deadTcp: number
let envoy: TestEnvoy

const entry = (name: string, to: number, portName = 'http', number = 80) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: [${name}.default.svc.cluster.local]
  ports: [{number: ${number}, name: ${portName}, protocol: ${portName.toUpperCase()}}]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints: [{address: 127.0.0.1, ports: {${portName}: ${to}}, locality: r1/z1}]
---`

beforeAll(async () => {
  upstream = await startEcho('used')
  const backend = await grpcBackend('one')
  // Nothing listens on the last one.
  const [own, tcp, nowhere] = (await freePorts(3)) as [number, number, number]
  port = own
  deadTcp = tcp
  const dead = `${entry('dead', nowhere)}${entry('dead-tcp', nowhere, 'tcp', tcp)}`
  controlPlane = await startControlPlane(
    `${entry('used', upstream.port)}${entry('unused', upstream.port)}${entry('echo', backend.port, 'grpc', 50051)}${dead}`,
    { services: reports.services },
  )
  envoy = await startEnvoy({
    bootstrap: envoyBootstrap({
      // It has every cluster from the start: one that comes with its first request is counted from the report after that.
      node: { id: ENVOY, metadata: { HTTP_PROXY_PORT: port, LAZY: false } },
      xds: { host: '127.0.0.1', port: controlPlane.port },
    }),
  })
})

const nextReport = (node: string) =>
  new Promise<LoadReport>((resolve) => {
    const stop = reports.load.onReport((report) => {
      if (report.node !== node) return
      stop()
      resolve(report)
    })
  })

const get = async () => {
  const { status } = await ask(port, 'used')
  expect(status).toBe(200)
}

describe('Envoy', () => {
  it('reports how many requests each cluster got, also that one got none', async () => {
    await comesTrue(() => reports.load.reporting(ENVOY), 'first report')
    const before = reports.load.clustersOf(ENVOY)!.find(({ cluster }) => cluster === USED)?.issued ?? 0
    for (let request = 0; request < 20; request++) await get()
    await comesTrue(() => {
      const used = reports.load.clustersOf(ENVOY)!.find(({ cluster }) => cluster === USED)
      return (used?.issued ?? 0) - before >= 20
    }, '20 requests')
    const clusters = reports.load.clustersOf(ENVOY)!
    expect(clusters.find(({ cluster }) => cluster === USED)).toMatchObject({
      issued: before + 20,
      failed: 0,
      localities: [{ locality: 'r1/z1', issued: before + 20 }],
    })
    expect(clusters.find(({ cluster }) => cluster === UNUSED)).toMatchObject({ issued: 0, localities: [] })
  })

  it('a service of which nothing is left is told by reports and by counters: what finds no connection has failed', async () => {
    await comesTrue(() => reports.load.reporting(ENVOY), 'first report')
    expect((await ask(port, 'dead')).status).toBe(503)
    const refused = connect(deadTcp, '127.0.0.1')
    await once(refused, 'close')
    const load = () => reports.load.clustersOf(ENVOY)!.find(({ cluster }) => cluster === DEAD)
    await comesTrue(() => (load()?.failed ?? 0) > 0, 'a report of what failed')
    expect(load()!.issued).toBe(load()!.failed)
    const text = await envoy.admin(`/stats/prometheus?usedonly&filter=${encodeURIComponent(STAT_FILTER)}`)
    const counted = (cluster: string) => readPrometheus(text).find((one) => one.cluster === cluster)
    expect(counted(DEAD)).toMatchObject({ requests: 1, failed: 1 })
    expect(counted(`outbound|${deadTcp}||dead-tcp.default.svc.cluster.local`)).toMatchObject({ requests: 1, failed: 1 })
  })

  it('a cluster that is used no more keeps the time of its last use while reports go on', async () => {
    await get()
    const { clusters } = await nextReport(ENVOY)
    expect(clusters.map(({ cluster }) => cluster)).toContain(UNUSED)
    await nextReport(ENVOY)
    const last = reports.load.lastUsed(ENVOY, USED)!
    await nextReport(ENVOY)
    expect(reports.load.lastUsed(ENVOY, USED)).toBe(last)
    expect(reports.load.lastUsed(ENVOY, UNUSED)!).toBeLessThan(last)
  })

  it('a request that takes long is in progress, so that its cluster is in use', async () => {
    upstream.behave({ delayMs: 2500 })
    // One behind the other: a report may come late, and tells of that moment.
    let told = false
    const slow = (async () => {
      do await get()
      while (!told)
    })()
    await comesTrue(() => (reports.load.node(ENVOY)?.inProgress ?? 0) > 0, 'one in progress')
    told = true
    upstream.behave({})
    await slow
    await comesTrue(() => reports.load.node(ENVOY)!.inProgress === 0, 'none in progress')
  })

  it('takes another interval while it runs', async () => {
    let interval = 1000
    const own = createReports({ loadInterval: () => interval })
    const other = await startControlPlane(entry('used', upstream.port), { services: own.services })
    const id = ENVOY.replace('shop-1', 'shop-2')
    const client = await startEnvoy({
      bootstrap: envoyBootstrap({
        node: { id, metadata: { HTTP_PROXY_PORT: 0 } },
        xds: { host: '127.0.0.1', port: other.port },
      }),
    })
    await comesTrue(() => own.load.reporting(id), 'first report')
    interval = 2000
    own.configChanged()
    await comesTrue(() => own.load.node(id)!.intervalMs >= 1900, 'longer interval')
    await client.stop()
    await other.stop()
  })

  it('stops counting as reporting when it is gone', async () => {
    const id = ENVOY.replace('shop-1', 'shop-3')
    const client = await startEnvoy({
      bootstrap: envoyBootstrap({
        node: { id, metadata: { HTTP_PROXY_PORT: 0 } },
        xds: { host: '127.0.0.1', port: controlPlane.port },
      }),
    })
    await comesTrue(() => reports.load.reporting(id), 'first report')
    await client.stop()
    await comesTrue(() => !reports.load.reporting(id), 'gone')
    expect(reports.load.node(id)).toMatchObject({ streams: 0 })
  })

  it('without load reports in its bootstrap does not report', async () => {
    const bootstrap = envoyBootstrap({
      node: { id: 'x' },
      xds: { host: '127.0.0.1', port: 1 },
      loadReports: false,
    })
    expect(bootstrap).not.toHaveProperty('cluster_manager')
  })
})

describe.each(['grpcio', 'grpc-js'] as const)('%s', (library) => {
  it('reports its calls to whoever sent the cluster', async (context) => {
    const python = library !== 'grpcio' || (await pythonGrpc()) !== undefined
    requireTool(context, 'grpcio', python, 'install Python 3 with pip')
    const id = ENVOY.replace('shop-1', library)
    const bootstrap = grpcBootstrap({ node: { id }, xds: { host: '127.0.0.1', port: controlPlane.port } })
    const cluster = 'outbound|50051||echo.default.svc.cluster.local'
    const issued = () => reports.load.clustersOf(id)?.find((one) => one.cluster === cluster)?.issued ?? 0
    // The library, its calls and its reports begin one after the other: it stays until they are here, however long that takes.
    const reported = comesTrue(() => issued() >= 20, 'all calls reported', { withinMs: 60_000 })
    const done = callWith(library, bootstrap, 'xds:///echo:50051', 20, [], reported)
    await reported
    expect(reports.load.clustersOf(id)!.find((one) => one.cluster === cluster)).toMatchObject({
      issued: 20,
      succeeded: 20,
      localities: [{ locality: 'r1/z1' }],
    })
    expect(await done).toEqual({ served: { one: 20 }, errors: {} })
  })
})
