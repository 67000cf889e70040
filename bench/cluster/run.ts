import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { copyStore, copyText } from '../../cli/commands/store-copy.ts'
import { startProcess } from '../../cli/processes/process.ts'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { PROGRAM } from '../../test/helpers/compiled.ts'
import { startConsul, type TestConsul } from '../../test/helpers/consul.ts'
import { startEnvoy, type TestEnvoy } from '../../test/helpers/envoy.ts'
import { freePorts, portOpen } from '../../test/helpers/ports.ts'
import { stopEverything } from '../../test/helpers/processes.ts'
import { hasRedis, startRedis, type TestRedis } from '../../test/helpers/redis.ts'
import { serveChild } from '../../test/helpers/serve.ts'
import { Balancer } from './balancer.ts'
import { Chaos } from './chaos.ts'
import { Events } from './events.ts'
import type { LoadOptions, Loss, Times } from './load.ts'
import { documents, HTTP_HOST } from './mesh.ts'

export interface ClusterOptions {
  readonly seconds: number
  /** Requests per second in all. */
  readonly rate: number
  readonly controlPlanes: number
  readonly envoys: number
  readonly messageProxies: number
  /** Instances of each service. */
  readonly instances: number
  /** Endpoint changes per second beside the rolling replacement. */
  readonly flaps: number
  /** Edits of a rule per second. */
  readonly edits: number
  /** How long a backend goes on serving after it left Consul, ms. */
  readonly drainMs: number
  readonly say: (line: string) => void
}

export const CLUSTER_DEFAULTS: Omit<ClusterOptions, 'say'> = {
  ...{ seconds: 60, rate: 2_000, controlPlanes: 3, envoys: 4, messageProxies: 2, instances: 4, flaps: 200, edits: 2 },
  ...{ drainMs: 5_000 },
}

/** The ledger of a run. */
export interface ClusterResult {
  readonly sent: number
  readonly lost: number
  readonly wrong: number
  /** Answers that took longer than 10 s. */
  readonly late: number
  readonly seconds: number
  /** Requests per second that were really sent, and how late one was at most, ms. */
  readonly rate: number
  readonly lateMs: number
  /** Answer times, ms. */
  readonly times: Times
  /** How often each thing was done to the cluster, and how long some took. */
  readonly events: Readonly<Record<string, number>>
  readonly took: Events['times']
  /** Losses by what was done last before them, and by what the caller saw. */
  readonly lostAfter: Readonly<Record<string, number>>
  readonly losses: Readonly<Record<string, number>>
  /** Updates that Envoys refused. */
  readonly rejected: Readonly<Record<string, number>>
  /** Whether there was a Redis. */
  readonly redis: boolean
}

/** Runs the whole cluster on loopback, kills parts of it at random under load, and counts what was lost. */
export async function runCluster(options: ClusterOptions): Promise<ClusterResult> {
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-cluster-'))
  try {
    return await new Cluster(options, folder).run()
  } finally {
    await stopEverything()
    await rm(folder, { recursive: true, force: true })
  }
}

/** What the load tells at its end. */
interface LoadResult {
  readonly sent: number
  readonly late: number
  readonly lost: readonly Loss[]
  readonly wrong: readonly Loss[]
  readonly lateMs: number
  readonly times: Times
}

class Cluster {
  readonly #options: ClusterOptions
  readonly #folder: string
  readonly #events = new Events()
  readonly #stops: (() => Promise<unknown>)[] = []
  #consul!: TestConsul
  #redis: TestRedis | undefined
  #balancer!: Balancer

  constructor(options: ClusterOptions, folder: string) {
    this.#options = options
    this.#folder = folder
  }

  async run(): Promise<ClusterResult> {
    const { seconds, rate, say } = this.#options
    const { chaos, envoys, load } = await this.#start()
    const worker = await startLoad(load)
    say(`up; ${rate} requests/s, retries off, for ${seconds} s`)
    await sleep(1_000)
    const started = performance.now()
    await chaos.run(seconds)
    const elapsed = (performance.now() - started) / 1_000
    const { sent, late, lost, wrong, lateMs, times } = await worker.stop()
    const rejected: Record<string, number> = {}
    for (const envoy of envoys)
      for (const [name, count] of Object.entries(await envoy.rejected())) rejected[name] = (rejected[name] ?? 0) + count
    for (const stop of this.#stops) await stop()
    await chaos.stop()
    this.#balancer.stop()
    const [first] = [...wrong, ...lost]
    if (first) say(`before the first loss: ${this.#events.before(first.at, 20_000)}`)
    for (const { what, at, sentAt } of [...wrong, ...lost].slice(0, 20))
      say(`${new Date(at).toISOString()} after ${at - sentAt} ms: ${what}`)
    return {
      ...{ sent, lost: lost.length, wrong: wrong.length, late },
      ...{ seconds: Math.round(elapsed), rate: Math.round(sent / (elapsed + 1)), lateMs, times },
      ...{ events: this.#events.counts, took: this.#events.times },
      ...{ ...this.#events.explain([...lost, ...wrong]), rejected, redis: this.#redis !== undefined },
    }
  }

  async #start(): Promise<{ chaos: Chaos; envoys: readonly TestEnvoy[]; load: LoadOptions }> {
    const { controlPlanes, envoys: envoyCount, messageProxies, instances, rate, say } = this.#options
    this.#consul = await startConsul({ persistent: true })
    this.#redis = (await hasRedis()) ? await startRedis() : undefined
    say(`Consul ${this.#consul.url}, ${this.#redis ? `Redis ${this.#redis.url}` : 'no Redis: redis-server is missing'}`)
    const messagePorts = await freePorts(messageProxies)
    const config = join(this.#folder, 'config')
    await mkdir(config)
    for (const [name, text] of Object.entries(documents(messagePorts, '30s'))) await writeFile(join(config, name), text)
    const copied = await copyStore(config, this.#place, { dryRun: false, why: 'cluster', address: {} })
    if (copied.differing > 0) throw new Error(copyText(copied))
    this.#balancer = await Balancer.start()
    const chaos = new Chaos({
      ...{ consul: this.#consul, redis: this.#redis, balancer: this.#balancer, events: this.#events },
      ...{ drainMs: this.#options.drainMs, flaps: this.#options.flaps, edits: this.#options.edits },
      startPlane: (index) => this.#startPlane(index),
    })
    await chaos.start(instances, controlPlanes)
    say(`${controlPlanes} control planes: ${chaos.planes.map(({ apiUrl }) => apiUrl).join(', ')}`)
    const xds = { host: '127.0.0.1', port: this.#balancer.port }
    const httpPorts = await freePorts(envoyCount)
    const envoys = await Promise.all(
      httpPorts.map((port, index) =>
        startEnvoy({
          bootstrap: envoyBootstrap({
            node: {
              id: `sidecar~127.0.0.1~web-${index}.default~default.svc.cluster.local`,
              metadata: { HTTP_PROXY_PORT: String(port) },
            },
            xds,
            mode: index % 2 === 0 ? 'delta' : 'sotw',
          }),
        }),
      ),
    )
    await Promise.all(messagePorts.map((port, index) => this.#startMessageProxy(port, index)))
    say(`${envoyCount} Envoys, ${messageProxies} message proxies`)
    await Promise.all(httpPorts.map(warm))
    return { chaos, envoys, load: { http: httpPorts, messages: messagePorts, host: HTTP_HOST, rate, limitedEvery: 10 } }
  }

  get #place(): string {
    return `consul:${this.#consul.url}/cluster`
  }

  #startPlane(index: number) {
    const redis = this.#redis ? ['--redis', this.#redis.url] : []
    return serveChild(this.#place, {
      cwd: this.#folder,
      args: ['--consul', this.#consul.url, '--state-dir', join(this.#folder, `state-${index}`), ...redis],
    })
  }

  async #startMessageProxy(port: number, index: number): Promise<void> {
    const proxy = await startProcess({
      command: process.execPath,
      args: [
        ...[...PROGRAM, 'proxy'],
        ...['--node', `message~127.0.0.1~edge-${index}.default~default.svc.cluster.local`],
        ...['--metadata', JSON.stringify({ LABELS: { edge: `e${index}` } })],
        ...['--xds', `127.0.0.1:${this.#balancer.port}`, '--log-level', 'warn'],
      ],
    })
    this.#stops.push(() => proxy.stop())
    await portOpen(port, { withinMs: 60_000 })
  }
}

/** Sends in a process of its own; resolves when it has begun. */
async function startLoad(options: LoadOptions): Promise<{ stop(): Promise<LoadResult> }> {
  const child = fork(fileURLToPath(new URL('./load-process.ts', import.meta.url)), {
    execArgv: ['--import', import.meta.resolve('tsx')],
  })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the load ended by itself (${code})`)
  })
  // Looked at when it is asked for its result.
  ended.catch(() => {})
  const begun = once(child, 'message')
  child.send(options)
  await Promise.race([begun, ended])
  return {
    async stop() {
      const result = once(child, 'message')
      child.send('stop')
      const [value] = (await Promise.race([result, ended])) as [LoadResult]
      return value
    },
  }
}

/** Waits until an Envoy has a route that leads somewhere. */
async function warm(port: number): Promise<void> {
  const end = Date.now() + 30_000
  while ((await statusOf(port)) !== 200) {
    if (Date.now() > end) throw new Error(`the Envoy on port ${port} has no route to ${HTTP_HOST} after 30 s`)
    await sleep(50)
  }
}

function statusOf(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const call = request(
      { host: '127.0.0.1', port, path: '/', headers: { host: HTTP_HOST }, agent: false },
      (answer) => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode))
      },
    )
    call.on('error', () => resolve(undefined))
    call.end()
  })
}
