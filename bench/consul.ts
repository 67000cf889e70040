/**
 * What a Consul costs a control plane, and how long a change in it takes: from the answer of a registration until an Envoy routes
 * by it, and for a large catalog the start, the memory and the CPU at rest and under changes.
 *
 * `npm run bench:consul [-- --changes 100 --services 5000 --instances 4 --seconds 32 -o json]`
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ensureEnvoy } from '../cli/tools/envoy.ts'
import { envoyBootstrap } from '../controlplane/bootstrap/envoy.ts'
import { startConsul, type TestConsul } from '../test/helpers/consul.ts'
import { ensureConsul, HOW_TO_GET_CONSUL } from '../test/helpers/consul-binary.ts'
import { startEcho } from '../test/helpers/echo.ts'
import { startEnvoy } from '../test/helpers/envoy.ts'
import { freePort } from '../test/helpers/ports.ts'
import { stopEverything } from '../test/helpers/processes.ts'
import { type ServeChild, serveChild } from '../test/helpers/serve.ts'
import { NODE, RawClient } from '../test/xds/raw-client.ts'
import { cpuMs, quantile, report, round } from './measure.ts'

const HOST = 'web.service.consul'
const MESH = `apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {drainTime: 1s}
`

function serve(folder: string, consul: TestConsul): Promise<ServeChild> {
  return serveChild(folder, { args: ['--consul', consul.url, '--log-level', 'info'] })
}

/** Times in ms from the answer of Consul until the first request that goes where it says. */
async function changes(folder: string, count: number): Promise<readonly number[]> {
  const consul = await startConsul()
  const servers = await Promise.all(['a', 'b'].map((name) => startEcho(name)))
  const register = (turn: number) => consul.register({ name: 'web', id: `web-${turn}`, port: servers[turn % 2]!.port })
  await register(0)
  const plane = await serve(folder, consul)
  const port = await freePort()
  const envoy = await startEnvoy({
    bootstrap: envoyBootstrap({
      node: { id: NODE.id, metadata: { HTTP_PROXY_PORT: String(port) } },
      xds: { host: '127.0.0.1', port: plane.xdsPort },
    }),
  })
  while ((await whoAnswers(port)) !== 'a') await sleep(20)
  const times: number[] = []
  for (let turn = 1; turn <= count; turn++) {
    const wanted = turn % 2 === 0 ? 'a' : 'b'
    await register(turn)
    const started = performance.now()
    while ((await whoAnswers(port)) !== wanted) await sleep(1)
    times.push(performance.now() - started)
    await consul.deregister(`web-${turn - 1}`)
    // Until the old one is gone: then the next is again the only other one.
    for (let same = 0; same < 20; ) same = (await whoAnswers(port)) === wanted ? same + 1 : 0
  }
  await envoy.stop()
  await plane.process.stop()
  await consul.stop()
  for (const server of servers) await server.stop()
  return times
}

function whoAnswers(port: number): Promise<string> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path: '/', headers: { host: HOST } }, (answer) => {
      answer.resume()
      answer.on('end', () => resolve(String(answer.headers['x-echo-name'])))
    })
    call.on('error', () => resolve(''))
    call.end()
  })
}

interface Large {
  readonly startMs: number
  readonly firstHundredMs: number
  readonly allMs: number
  readonly memoryMb: { readonly namesOnly: number; readonly allFollowed: number }
  readonly cpuAtRestPercent: number
  readonly cpuMsPerChange: number
}

/** A catalog of many services, on nodes of a hundred instances each. */
async function large(folder: string, services: number, instances: number, seconds: number): Promise<Large> {
  const consul = await startConsul({ config: { limits: { http_max_conns_per_client: 2 * services + 200 } } })
  const entry = (service: number, instance: number) => ({
    Service: {
      Verb: 'set',
      Node: `node-${Math.floor((service * instances + instance) / 100)}`,
      Service: { ID: `s${service}-${instance}`, Service: `s${service}`, Address: '10.0.0.1', Port: 1_000 + instance },
    },
  })
  const nodes = Math.ceil((services * instances) / 100)
  const operations: object[] = Array.from({ length: nodes }, (_, index) => ({
    Node: { Verb: 'set', Node: { Node: `node-${index}`, Address: `10.1.${index >> 8}.${index & 255}` } },
  }))
  for (let service = 0; service < services; service++)
    for (let instance = 0; instance < instances; instance++) operations.push(entry(service, instance))
  for (let at = 0; at < operations.length; at += 64) await consul.call('PUT', '/v1/txn', operations.slice(at, at + 64))

  const started = performance.now()
  const plane = await serve(folder, consul)
  const client = new RawClient(plane.xdsPort)
  await until(async () => {
    const { sources } = await plane.api<{ sources: { services: number; state: string }[] }>('/api/v1/sources')
    return (sources[0]?.services ?? 0) >= services
  })
  const startMs = performance.now() - started
  const namesOnly = await residentMb(plane.process.pid)
  const stream = client.delta()
  const names = Array.from({ length: services }, (_, service) => `outbound|80||s${service}.service.consul`)
  const seen = new Set<string>()
  stream.call.on('data', () => {
    for (const response of stream.received.splice(0)) {
      for (const { name } of response.resources) seen.add(name)
      stream.ack(response)
    }
  })
  const asked = performance.now()
  stream.send('eds', { node: NODE, resourceNamesSubscribe: names.slice(0, 100) })
  await until(async () => seen.size >= Math.min(100, services))
  const firstHundredMs = performance.now() - asked
  stream.send('eds', { resourceNamesSubscribe: names.slice(100) })
  await until(async () => seen.size >= services)
  const allMs = performance.now() - asked
  await sleep(5_000)
  const allFollowed = await residentMb(plane.process.pid)
  const cpu = async (work: () => Promise<unknown>) => {
    const before = cpuMs(plane.process.pid) ?? Number.NaN
    await work()
    return (cpuMs(plane.process.pid) ?? Number.NaN) - before
  }
  const rest = await cpu(() => sleep(seconds * 1_000))
  const CHANGES = 200
  const changing = await cpu(async () => {
    for (let change = 0; change < CHANGES; change++) {
      const { Service } = entry((change * 37) % services, 0)
      const weights = { Passing: 2 + (change % 7), Warning: 1 }
      await consul.call('PUT', '/v1/txn', [
        { Service: { ...Service, Service: { ...Service.Service, Weights: weights } } },
      ])
      await sleep(50)
    }
    await sleep(1_000)
  })
  client.close()
  await plane.process.stop()
  await consul.stop()
  return {
    ...{ startMs: round(startMs, 0), firstHundredMs: round(firstHundredMs, 0), allMs: round(allMs, 0) },
    memoryMb: { namesOnly, allFollowed },
    cpuAtRestPercent: round((rest / (seconds * 1_000)) * 100),
    cpuMsPerChange: round((changing - (rest * (CHANGES * 0.05 + 1)) / seconds) / CHANGES, 1),
  }
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1024)
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 240_000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('not after four minutes')
    await sleep(20)
  }
}

const { values } = parseArgs({
  options: {
    changes: { type: 'string', default: '100' },
    services: { type: 'string', default: '5000' },
    instances: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '32' },
    output: { type: 'string', short: 'o', default: 'text' },
  },
})
const say = (line: string) => process.stderr.write(`${line}\n`)
await ensureEnvoy(say)
if (!(await ensureConsul(say))) throw new Error(`there is no Consul: ${HOW_TO_GET_CONSUL}`)
const folder = await mkdtemp(join(tmpdir(), 'meshgate-bench-consul-'))
try {
  await writeFile(join(folder, 'mesh.yaml'), MESH)
  const times = await changes(folder, Number(values.changes))
  const routed = { p50: round(quantile(times, 0.5), 1), p99: round(quantile(times, 0.99), 1), changes: times.length }
  const [services, instances] = [Number(values.services), Number(values.instances)]
  const catalog = await large(folder, services, instances, Number(values.seconds))
  await report(
    [{ 'change to request p50 ms': routed.p50, 'p99 ms': routed.p99, ...catalog, ...catalog.memoryMb, memoryMb: '' }],
    { benchmark: 'consul', routed, services, instances: services * instances, catalog },
    values.output,
  )
} finally {
  await stopEverything()
  await rm(folder, { recursive: true, force: true })
}
process.exit()
