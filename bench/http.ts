/**
 * What the mesh costs a request. The same Envoy three times side by side: configured by us over ADS, by the static file that
 * `meshgate translate --format envoy` makes of the same folder (the peer: the ratio should be 1), and by a minimal file written
 * by hand (what our filters cost); then the way through a gateway and a sidecar. The backend is an Envoy that answers by itself.
 *
 * `npm run bench:http [-- --rounds 5 --seconds 3 --connections 32 --rate 1000 -o json]`
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import autocannon from 'autocannon'
import { translateFolder } from '../cli/commands/translate-folder.ts'
import { ensureEnvoy } from '../cli/tools/envoy.ts'
import { envoyBootstrap } from '../controlplane/bootstrap/envoy.ts'
import { startEnvoy, type TestEnvoy } from '../test/helpers/envoy.ts'
import { freePorts } from '../test/helpers/ports.ts'
import { stopEverything } from '../test/helpers/processes.ts'
import { serveChild } from '../test/helpers/serve.ts'
import { cpuMs, median, quantile, report, round } from './measure.ts'

const HOST = 'web.test'
const SIDECAR = 'sidecar~127.0.0.1~caller.default~default.svc.cluster.local'
const BODY = 'x'.repeat(300)

/** A way for requests to take, and the Envoys on it whose CPU time counts. */
interface Way {
  readonly name: string
  readonly port: number
  readonly envoys: readonly TestEnvoy[]
}

interface Round {
  readonly requestsPerSecond: number
  /** At saturation and at the fixed rate, ms. */
  readonly p99: number
  readonly pacedP50: number
  readonly pacedP99: number
  /** CPU of all Envoys of the way, µs. */
  readonly cpuPerRequest: number | undefined
}

interface Load {
  readonly seconds: number
  readonly connections: number
  /** Requests per second of the second half of a round. */
  readonly rate: number
}

function config(httpPort: number, backend: number, more: string): string {
  return `apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {httpPort: ${httpPort}}
---
${serviceEntry('web', HOST, backend)}${more}`
}

function serviceEntry(name: string, host: string, port: number): string {
  return `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: [${host}]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, ports: {http: ${port}}}]
`
}

/** Gateway, and a sidecar that accepts requests for its workload. */
function gatewayAndSidecar(gateway: number, inbound: number, backend: number): string {
  return `---
${serviceEntry('inside', 'inside.test', inbound)}---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {app: edge}
  servers: [{port: {number: ${gateway}, name: http, protocol: HTTP}, bind: 127.0.0.1, hosts: [${HOST}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: edge}
spec:
  hosts: [${HOST}]
  gateways: [edge]
  http: [{route: [{destination: {host: inside.test}}]}]
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: web}
spec:
  workloadSelector: {labels: {app: web}}
  ingress: [{port: {number: ${inbound}, name: http, protocol: HTTP}, bind: 127.0.0.1, defaultEndpoint: "127.0.0.1:${backend}"}]
  egress: [{hosts: ["~/*"]}]
`
}

const MANAGER = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
const ROUTER = {
  name: 'envoy.filters.http.router',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
}

/** A bootstrap by hand: one listener whose routes are these, and one cluster if a port is given. */
function minimal(port: number, route: object, backend?: number): object {
  const manager = {
    '@type': MANAGER,
    stat_prefix: 'bench',
    route_config: {
      virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, ...route }] }],
    },
    http_filters: [ROUTER],
  }
  const address = (value: number) => ({ socket_address: { address: '127.0.0.1', port_value: value } })
  const endpoints = backend && [{ lb_endpoints: [{ endpoint: { address: address(backend) } }] }]
  return {
    static_resources: {
      listeners: [
        { name: 'in', address: address(port), filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }] }] },
      ],
      ...(endpoints && { clusters: [{ name: 'out', load_assignment: { cluster_name: 'out', endpoints } }] }),
    },
  }
}

async function startWays(folder: string): Promise<readonly Way[]> {
  const [backend, ads, fixed, hand, gateway, inbound] = (await freePorts(6)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const answer = { direct_response: { status: 200, body: { inline_string: BODY } } }
  const direct = await startEnvoy({ bootstrap: minimal(backend, answer) })

  const more = gatewayAndSidecar(gateway, inbound, backend)
  await writeFile(join(folder, 'mesh.yaml'), config(ads, backend, more))
  const control = await serveChild(folder)
  const meshed = (id: string, metadata: Record<string, unknown>) =>
    startEnvoy({
      bootstrap: envoyBootstrap({
        node: { id, metadata },
        xds: { host: '127.0.0.1', port: control.xdsPort },
        mode: 'delta',
      }),
    })
  const other = await mkdtemp(join(tmpdir(), 'meshgate-bench-'))
  await writeFile(join(other, 'mesh.yaml'), config(fixed, backend, more))
  const { result } = await translateFolder(other, { id: SIDECAR }, { type: 'all', format: 'envoy' })
  await rm(other, { recursive: true })
  const sidecar = await meshed(SIDECAR, {})
  const edge = await meshed('router~127.0.0.1~edge.default~default.svc.cluster.local', { LABELS: { app: 'edge' } })
  const web = await meshed('sidecar~127.0.0.1~web.default~default.svc.cluster.local', {
    LABELS: { app: 'web' },
    HTTP_PROXY_PORT: 0,
  })
  return [
    { name: 'static (translate)', port: fixed, envoys: [await startEnvoy({ bootstrap: result })] },
    { name: 'ADS', port: ads, envoys: [sidecar] },
    {
      name: 'minimal, by hand',
      port: hand,
      envoys: [await startEnvoy({ bootstrap: minimal(hand, { route: { cluster: 'out' } }, backend) })],
    },
    { name: 'gateway + sidecar', port: gateway, envoys: [edge, web] },
    { name: 'backend alone', port: backend, envoys: [direct] },
  ]
}

/** One run of autocannon; answer times in ms, not rounded. @throws Error when an answer is not 200 */
async function run(way: Way, options: Partial<autocannon.Options>): Promise<{ times: number[]; seconds: number }> {
  const times: number[] = []
  const started = performance.now()
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(
      { url: `http://127.0.0.1:${way.port}/`, headers: { host: HOST }, ...options },
      (error, done) => (error ? reject(error) : resolve(done)),
    )
    instance.on('response', (_client, _status, _bytes, time) => {
      times.push(time)
    })
  })
  const wrong = result.non2xx + result.errors
  if (wrong > 0 || times.length === 0) throw new Error(`${way.name}: ${wrong} of ${times.length} answers were not 200`)
  return { times, seconds: (performance.now() - started) / 1000 }
}

async function measure(way: Way, { seconds, connections, rate }: Load): Promise<Round> {
  const cpu = () => {
    const used = way.envoys.map(({ pid }) => cpuMs(pid))
    return used.every((one) => one !== undefined) ? used.reduce((sum, one) => sum + one, 0) : undefined
  }
  const before = cpu()
  const full = await run(way, { connections, duration: seconds })
  const after = cpu()
  const paced = await run(way, { connections: Math.min(connections, 8), duration: seconds, overallRate: rate })
  return {
    requestsPerSecond: full.times.length / full.seconds,
    p99: quantile(full.times, 0.99),
    pacedP50: median(paced.times),
    pacedP99: quantile(paced.times, 0.99),
    cpuPerRequest:
      before === undefined || after === undefined ? undefined : ((after - before) * 1000) / full.times.length,
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      connections: { type: 'string', default: '32' },
      rate: { type: 'string', default: '1000' },
      output: { type: 'string', short: 'o', default: 'text' },
    },
  })
  const load = {
    seconds: Number(values.seconds),
    connections: Number(values.connections),
    rate: Number(values.rate),
  }
  await ensureEnvoy((line) => process.stderr.write(`${line}\n`))
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-bench-'))
  try {
    const ways = await startWays(folder)
    for (const way of ways) await run(way, { connections: load.connections, duration: 1 })
    const rounds = new Map<Way, Round[]>(ways.map((way) => [way, []]))
    for (let index = 0; index < Number(values.rounds); index++) {
      // Every other round runs backwards: what the machine does meanwhile hits all ways alike.
      for (const way of index % 2 === 0 ? ways : [...ways].reverse()) rounds.get(way)!.push(await measure(way, load))
    }
    const peer = rounds.get(ways[0]!)!
    const middle = (own: readonly Round[], figure: (one: Round) => number | undefined) =>
      median(own.map((one) => figure(one) ?? Number.NaN))
    const ratio = (own: readonly Round[], figure: (one: Round) => number | undefined) =>
      median(own.map((one, index) => (figure(one) ?? Number.NaN) / (figure(peer[index]!) ?? Number.NaN)))
    const rows = ways.map((way) => {
      const own = rounds.get(way)!
      return {
        way: way.name,
        'requests/s': Math.round(middle(own, (one) => one.requestsPerSecond)),
        'p99 ms': round(middle(own, (one) => one.p99)),
        'paced p50 ms': round(middle(own, (one) => one.pacedP50)),
        'paced p99 ms': round(middle(own, (one) => one.pacedP99)),
        'CPU µs/request': round(
          middle(own, (one) => one.cpuPerRequest),
          1,
        ),
        'throughput ratio': round(ratio(own, (one) => one.requestsPerSecond)),
        'p99 ratio': round(ratio(own, (one) => one.pacedP99)),
        'CPU ratio': round(ratio(own, (one) => one.cpuPerRequest)),
      }
    })
    await report(rows, { bench: 'http', ...load, rounds: Number(values.rounds), ways: rows }, values.output)
  } finally {
    await stopEverything()
    await rm(folder, { recursive: true, force: true })
  }
}

await main()
