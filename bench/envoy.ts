/**
 * What a mesh costs an Envoy: memory and time to ready with every cluster at once, with clusters on demand, and with virtual hosts
 * on demand too, ten of them used, round robin and Maglev; and what the first request to a cluster takes beyond the next ones.
 *
 * `npm run bench:envoy [-- --services 190,1000,5000 --balance 'round robin,maglev,maglev 65537' --ways 'all,on demand' --requests 240 -o json]`
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { XdsServer } from '../controlplane/ads/index.ts'
import { envoyBootstrap } from '../controlplane/bootstrap/envoy.ts'
import { createMesh } from '../controlplane/mesh.ts'
import { startEcho } from '../test/helpers/echo.ts'
import { startEnvoy } from '../test/helpers/envoy.ts'
import { configObjects } from '../test/helpers/objects.ts'
import { freePort } from '../test/helpers/ports.ts'
import { stopEverything } from '../test/helpers/processes.ts'
import { quantile, report, round } from './measure.ts'
import { build, firstLine } from './xds/go.ts'

const USED = 10
const ENDPOINTS = 5
/** Of which the time to ready is the median. */
const STARTS = 5

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '190,1000,5000' },
    balance: { type: 'string', default: 'round robin,maglev,maglev 65537' },
    ways: { type: 'string', default: 'all,on demand,virtual hosts on demand' },
    requests: { type: 'string', default: '240' },
    output: { type: 'string', short: 'o', default: 'text' },
  },
})

const BALANCES = ['round robin', 'maglev', 'maglev 65537'] as const
type Balance = (typeof BALANCES)[number]

function meshOf(count: number, ports: readonly number[], balance: Balance): string {
  const hash = { 'round robin': 'simple: ROUND_ROBIN', maglev: HASH, 'maglev 65537': LARGE_HASH }[balance]
  const endpoints = ports.map((port) => ({ address: '127.0.0.1', ports: { http: port } }))
  const services = Array.from(
    { length: count },
    (_, index) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: svc${index}}
spec: {hosts: [svc${index}.test], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: ${JSON.stringify(endpoints)}}
`,
  )
  return `${services.join('')}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: all}
spec: {host: '*.test', trafficPolicy: {loadBalancer: {${hash}}}}
`
}
const HASH = 'consistentHash: {httpHeaderName: x-user}'
const LARGE_HASH = 'consistentHash: {httpHeaderName: x-user, maglev: {tableSize: 65537}}'

const agent = new Agent({ keepAlive: true, maxSockets: 1 })

/** Status and ms until the answer was read. */
function timed(port: number, host: string): Promise<{ readonly status: number; readonly ms: number }> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const call = request({ agent, host: '127.0.0.1', port, headers: { host, 'x-user': host } }, (response) => {
      response.resume()
      response.on('end', () => resolve({ status: response.statusCode ?? 0, ms: performance.now() - started }))
    })
    call.on('error', reject)
    call.end()
  })
}

/** What Envoy asks for when a request needs it, and the metadata of its node that says so. */
const WAYS = {
  all: { LAZY: false },
  'on demand': {},
  'virtual hosts on demand': { LAZY_VIRTUAL_HOSTS: true },
} as const
type Way = keyof typeof WAYS
const WAY_NAMES = Object.keys(WAYS) as Way[]

async function measure(count: number, balance: Balance, way: Way, ports: readonly number[], requests: number) {
  const mesh = createMesh()
  mesh.commit(configObjects(meshOf(count, ports, balance)))
  const server = new XdsServer(mesh)
  const { port } = await server.listen('127.0.0.1:0')
  const httpPort = await freePort()
  const bootstrap = envoyBootstrap({
    node: {
      id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local',
      metadata: { HTTP_PROXY_PORT: httpPort, ...WAYS[way] },
    },
    xds: { host: '127.0.0.1', port },
    mode: 'delta',
  })
  // The first one makes the control plane compile: what is measured is Envoy.
  await (await startEnvoy({ bootstrap, timeoutMs: 120_000 })).stop()
  const starts: number[] = []
  const start = async () => {
    const started = performance.now()
    const envoy = await startEnvoy({ bootstrap, timeoutMs: 120_000, everyMs: 2 })
    starts.push(performance.now() - started)
    return envoy
  }
  // One that holds everything takes seconds, and a process start varies by tens of milliseconds.
  if (way !== 'all') for (let again = 1; again < STARTS; again++) await (await start()).stop()
  const envoy = await start()
  for (let index = 0; index < USED; index++) await ok(httpPort, index)
  const { allocated } = JSON.parse(await envoy.admin('/memory')) as { allocated: string }
  const rss = residentBytes(envoy.pid) ?? 0
  const cold: number[] = []
  const warm: number[] = []
  for (let index = USED; index < Math.min(count, USED + requests); index++) {
    cold.push(await ok(httpPort, index))
    warm.push(await ok(httpPort, index))
  }
  await envoy.stop()
  await server.stop()
  return {
    services: count,
    balance,
    clusters: way,
    'allocated MB': round(Number(allocated) / 2 ** 20, 1),
    'RSS MB': round(rss / 2 ** 20, 0),
    'ready ms': round(quantile(starts, 0.5), 0),
    'first p50 ms': round(quantile(cold, 0.5)),
    'first p99 ms': round(quantile(cold, 0.99)),
    'next p50 ms': round(quantile(warm, 0.5)),
    'next p99 ms': round(quantile(warm, 0.99)),
  }
}

/** Memory of a process in use, bytes; undefined where there is no /proc. */
function residentBytes(pid: number): number | undefined {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
  } catch {
    return undefined
  }
}

/**
 * The backends are a program of their own, in Go: a first request is the first of a connection too, and what Node takes for
 * one is no part of what is asked here. Without Go Node serves them, in this process.
 */
async function startBackends(): Promise<{ readonly ports: readonly number[]; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-bench-'))
  const program = build('backend', folder)
  if (!program) {
    await rm(folder, { recursive: true })
    console.error('backends of Node are used instead: a first request takes longer with them')
    const upstreams = await Promise.all(Array.from({ length: ENDPOINTS }, (_, index) => startEcho(`upstream ${index}`)))
    return { ports: upstreams.map(({ port }) => port), stop: stopEverything }
  }
  const serving = spawn(program, [`${ENDPOINTS}`], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ports = await firstLine<readonly number[]>(serving)
  return {
    ports,
    async stop() {
      serving.stdin.end()
      await once(serving, 'exit')
      await rm(folder, { recursive: true })
    },
  }
}

async function ok(port: number, index: number): Promise<number> {
  const { status, ms } = await timed(port, `svc${index}.test`)
  if (status !== 200) throw new Error(`svc${index}.test answered ${status}`)
  return ms
}

const backends = await startBackends()
try {
  const rows = []
  const wanted = values.balance.split(',')
  const ways = values.ways.split(',')
  for (const count of values.services.split(',').map(Number))
    for (const balance of BALANCES.filter((one) => wanted.includes(one)))
      for (const way of WAY_NAMES.filter((one) => ways.includes(one))) {
        const row = await measure(count, balance, way, backends.ports, Number(values.requests))
        process.stderr.write(`${JSON.stringify(row)}\n`)
        rows.push(row)
      }
  await report(rows, { bench: 'envoy', used: USED, endpoints: ENDPOINTS, rows }, values.output)
} finally {
  await backends.stop()
  await stopEverything()
}
