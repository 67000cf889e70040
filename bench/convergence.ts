/**
 * How long after a file is saved Envoy serves what it says: a weight is edited again and again in a folder that
 * `meshgate serve` watches, and requests through Envoy show when the new weight holds. The peer is Envoy itself, watching a
 * route file of its own (`path_config_source`) in the same run.
 *
 * `npm run bench:convergence [-- --edits 100 --services 200 --mode delta|sotw -o json]`
 */
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ensureEnvoy } from '../cli/tools/envoy.ts'
import { envoyBootstrap } from '../controlplane/bootstrap/envoy.ts'
import { startEcho, type Upstream } from '../test/helpers/echo.ts'
import { startEnvoy } from '../test/helpers/envoy.ts'
import { freePorts } from '../test/helpers/ports.ts'
import { stopEverything } from '../test/helpers/processes.ts'
import { serveChild } from '../test/helpers/serve.ts'
import { cpuMs, quantile, report, round } from './measure.ts'

export interface ConvergenceOptions {
  readonly mode: 'delta' | 'sotw'
  readonly edits: number
  /** Services in the mesh beside the two the edited rule leads to. */
  readonly services: number
}

export interface Convergence {
  /** From the save to the first request served by the new rule, ms, one for each edit. */
  readonly meshgate: readonly number[]
  /** The part of it until the control plane says that it has read and compiled the change. */
  readonly read: readonly number[]
  /** The same for Envoy with a file of its own. */
  readonly peer: readonly number[]
  /** CPU of the control plane for an edit, ms; undefined where it cannot be known. */
  readonly cpuPerEdit: number | undefined
  readonly rejected: Readonly<Record<string, number>>
}

/** @throws Error when an edit is not served after 20 s */
export async function convergence({ mode, edits, services }: ConvergenceOptions): Promise<Convergence> {
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-bench-'))
  const [httpPort, peerPort] = (await freePorts(2)) as [number, number]
  const upstreams = (await Promise.all(['a', 'b'].map((name) => startEcho(name)))) as [Upstream, Upstream]
  const configuration = join(folder, 'config')
  await mkdir(configuration)
  await writeMesh(configuration, httpPort, upstreams, services)
  const reads: number[] = []
  const control = await serveChild(configuration, {
    onLog: (message) => {
      if (message === 'configuration read') reads.push(performance.now())
    },
  })
  const envoy = await startEnvoy({
    bootstrap: envoyBootstrap({
      node: { id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local' },
      xds: { host: '127.0.0.1', port: control.xdsPort },
      mode,
    }),
  })
  const routes = join(folder, 'routes.json')
  await writeFile(routes, peerRoutes('a'))
  const peer = await startEnvoy({ bootstrap: peerBootstrap(peerPort, routes, upstreams) })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    for (const port of [httpPort, peerPort]) await servedBy(agent, port, 'a')
    const meshgate: number[] = []
    const read: number[] = []
    const others: number[] = []
    let cpu = 0
    let cpuKnown = true
    for (let edit = 0; edit < edits; edit++) {
      const name = edit % 2 === 0 ? 'b' : 'a'
      // At rest before each edit, and never in step with a timer of the control plane.
      await sleep(50 + ((edit * 37) % 100))
      const before = cpuMs(control.process.pid)
      reads.length = 0
      const saved = performance.now()
      await writeFile(join(configuration, 'rule.yaml'), rule(name))
      meshgate.push((await servedBy(agent, httpPort, name)) - saved)
      if (reads.length > 0) read.push(reads[0]! - saved)
      const after = cpuMs(control.process.pid)
      if (before === undefined || after === undefined) cpuKnown = false
      else cpu += after - before
      const moved = performance.now()
      await writeFile(`${routes}.new`, peerRoutes(name))
      await rename(`${routes}.new`, routes)
      others.push((await servedBy(agent, peerPort, name)) - moved)
    }
    const cpuPerEdit = cpuKnown ? cpu / edits : undefined
    return { meshgate, read, peer: others, cpuPerEdit, rejected: await envoy.rejected() }
  } finally {
    agent.destroy()
    await peer.stop()
    await envoy.stop()
    await control.process.stop()
    await Promise.all(upstreams.map((upstream) => upstream.stop()))
    await rm(folder, { recursive: true, force: true })
  }
}

async function writeMesh(folder: string, httpPort: number, upstreams: readonly Upstream[], services: number) {
  const entry = (name: string, port: number) => `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: [${name}.test]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, ports: {http: ${port}}}]
`
  await writeFile(
    join(folder, 'mesh.yaml'),
    `apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {httpPort: ${httpPort}}\n`,
  )
  await writeFile(join(folder, 'services.yaml'), upstreams.map(({ name, port }) => entry(name, port)).join(''))
  for (let index = 0; index < services; index++)
    await writeFile(join(folder, `other-${index}.yaml`), entry(`other-${index}`, upstreams[0]!.port))
  await writeFile(join(folder, 'rule.yaml'), rule('a'))
}

function rule(name: 'a' | 'b'): string {
  const [a, b] = name === 'a' ? [100, 0] : [0, 100]
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.test]
  http:
  - route:
    - {destination: {host: a.test}, weight: ${a}}
    - {destination: {host: b.test}, weight: ${b}}
`
}

function peerRoutes(cluster: string): string {
  const route = { match: { prefix: '/' }, route: { cluster } }
  const resource = {
    '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
    name: 'routes',
    virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }],
  }
  return JSON.stringify({ resources: [resource] })
}

function peerBootstrap(port: number, routes: string, upstreams: readonly Upstream[]): object {
  const address = (value: number) => ({ socket_address: { address: '127.0.0.1', port_value: value } })
  const router = { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' }
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'peer',
    rds: {
      route_config_name: 'routes',
      config_source: { resource_api_version: 'V3', path_config_source: { path: routes } },
    },
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: router }],
  }
  return {
    node: { id: 'peer', cluster: 'peer' },
    static_resources: {
      listeners: [
        { name: 'in', address: address(port), filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }] }] },
      ],
      clusters: upstreams.map((upstream) => ({
        name: upstream.name,
        load_assignment: {
          cluster_name: upstream.name,
          endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstream.port) } }] }],
        },
      })),
    },
  }
}

/** Sends requests one after another until this upstream answers; resolves with the time that answer came. */
async function servedBy(agent: Agent, port: number, name: string): Promise<number> {
  const deadline = performance.now() + 20_000
  for (;;) {
    if ((await upstreamOf(agent, port)) === name) return performance.now()
    if (performance.now() > deadline) throw new Error(`${name} does not answer on port ${port} after 20 s`)
    await sleep(1)
  }
}

function upstreamOf(agent: Agent, port: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const call = request({ agent, host: '127.0.0.1', port, headers: { host: 'shop.test' } }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.headers['x-echo-name']))
      response.on('error', reject)
    })
    call.on('error', reject)
    call.end()
  })
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const { values } = parseArgs({
    options: {
      edits: { type: 'string', default: '100' },
      services: { type: 'string', default: '200' },
      mode: { type: 'string', default: 'delta' },
      output: { type: 'string', short: 'o', default: 'text' },
    },
  })
  await ensureEnvoy((line) => process.stderr.write(`${line}\n`))
  const edits = Number(values.edits)
  const services = Number(values.services)
  const mode = values.mode === 'sotw' ? 'sotw' : 'delta'
  const { meshgate, read, peer, cpuPerEdit, rejected } = await convergence({ mode, edits, services })
  const row = (what: string, times: readonly number[]) => ({
    what,
    'p50 ms': round(quantile(times, 0.5), 1),
    'p99 ms': round(quantile(times, 0.99), 1),
    'longest ms': round(Math.max(...times), 1),
  })
  const rows = [
    row('saved → Envoy serves it', meshgate),
    row('of which: saved → read and compiled', read),
    row('peer: Envoy reads a file itself', peer),
  ]
  const cpu = cpuPerEdit === undefined ? undefined : round(cpuPerEdit, 1)
  const ratio = round(quantile(meshgate, 0.5) / quantile(peer, 0.5), 1)
  const result = { bench: 'convergence', mode, edits, services, rows, cpuMsPerEdit: cpu, p50Ratio: ratio, rejected }
  await report(rows, result, values.output)
  await stopEverything()
}
