/**
 * Make before break: thousands of random changes of a mesh while requests run through a real Envoy at a steady rate, retries off.
 * Every answer other than 200 is a request a correct order of updates would have saved.
 *
 * `npm run bench:hotupdate [-- --changes 10000 --rate 500 --mode delta|sotw|both --seed 1 -o json]`, or `-- --cluster [--seconds 60]`
 * for a whole cluster on Consul.
 */
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ensureEnvoy } from '../cli/tools/envoy.ts'
import { XdsServer } from '../controlplane/ads/server.ts'
import { envoyBootstrap } from '../controlplane/bootstrap/envoy.ts'
import { createMesh } from '../controlplane/mesh.ts'
import { startEcho } from '../test/helpers/echo.ts'
import { startEnvoy } from '../test/helpers/envoy.ts'
import { freePort } from '../test/helpers/ports.ts'
import { ChangingMesh } from './changing-mesh.ts'

export interface HotUpdateOptions {
  readonly mode: 'delta' | 'sotw'
  readonly changes: number
  /** Requests per second, sent on time whatever the answers do, while there are connections. */
  readonly rate: number
  readonly seed: number
}

export interface HotUpdateResult {
  readonly mode: 'delta' | 'sotw'
  readonly changes: number
  readonly sent: number
  readonly lost: number
  /** Requests that were not answered 200, by status and Envoy's flags. */
  readonly losses: Readonly<Record<string, number>>
  /** Updates Envoy refused. */
  readonly rejected: Readonly<Record<string, number>>
  readonly seconds: number
}

/** Changes a mesh `changes` times while requests go through an Envoy at `rate` a second, and counts what was lost. */
export async function hotUpdate({ mode, changes, rate, seed }: HotUpdateOptions): Promise<HotUpdateResult> {
  const upstreams = await Promise.all(['a', 'b', 'c', 'd'].map((name) => startEcho(name)))
  const httpPort = await freePort()
  const changing = new ChangingMesh(
    upstreams.map(({ port }) => port),
    httpPort,
    seed,
  )
  const mesh = createMesh()
  mesh.commit(changing.objects())
  const server = new XdsServer(mesh)
  const { port } = await server.listen('127.0.0.1:0')
  const envoy = await startEnvoy({
    bootstrap: envoyBootstrap({
      node: { id: 'sidecar~127.0.0.1~load.default~default.svc.cluster.local' },
      xds: { host: '127.0.0.1', port },
      mode,
    }),
  })
  const load = new OpenLoop(httpPort, rate, changing.hosts)
  const started = performance.now()
  try {
    load.start()
    await sleep(300)
    for (let change = 0; change < changes; change++) {
      changing.change()
      mesh.commit(changing.objects())
      // Some changes meet a proxy at rest, most arrive while it is busy with the last.
      if (change % 10 === 9) await sleep(60)
      else await sleep(changing.random(8))
    }
    await sleep(1000)
    await load.stop()
    return {
      mode,
      changes,
      sent: load.sent,
      lost: [...load.losses.values()].reduce((sum, count) => sum + count, 0),
      losses: Object.fromEntries(load.losses),
      rejected: await envoy.rejected(),
      seconds: Math.round((performance.now() - started) / 1000),
    }
  } finally {
    await load.stop()
    await envoy.stop()
    await server.stop()
    await Promise.all(upstreams.map((upstream) => upstream.stop()))
  }
}

/** Requests at once. More would wait in this process, where no update of the mesh can lose them. */
const MOST_OPEN = 64
/** A request that has no answer by then never gets one, ms. */
const LOST_MS = 60_000

/** Requests at fixed times: a slow answer does not delay the next request. What is due while all connections are busy is not sent. */
class OpenLoop {
  sent = 0
  #due = 0
  readonly losses = new Map<string, number>()
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MOST_OPEN })
  readonly #open = new Set<Promise<void>>()
  readonly #port: number
  readonly #rate: number
  readonly #hosts: readonly string[]
  #timer: NodeJS.Timeout | undefined

  constructor(port: number, rate: number, hosts: readonly string[]) {
    this.#port = port
    this.#rate = rate
    this.#hosts = hosts
  }

  start(): void {
    const started = performance.now()
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - started) / 1000) * this.#rate)
      for (; this.#due < due; this.#due++)
        if (this.#open.size < MOST_OPEN) this.#send(this.#hosts[this.#due % this.#hosts.length]!)
    }, 5)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#open)
    this.#agent.destroy()
  }

  #send(host: string): void {
    this.sent++
    const call = new Promise<void>((resolve) => {
      const lost = (what: string) => {
        this.losses.set(what, (this.losses.get(what) ?? 0) + 1)
        resolve()
      }
      const sending = request(
        { agent: this.#agent, host: '127.0.0.1', port: this.#port, path: '/', headers: { host }, timeout: LOST_MS },
        (response) => {
          let body = ''
          response.on('data', (chunk: Buffer) => {
            if (body.length < 200) body += chunk
          })
          response.on('end', () =>
            response.statusCode === 200 ? resolve() : lost(`${host} ${response.statusCode} ${body.slice(0, 120)}`),
          )
          response.on('error', (error) => lost(`${host} ${error.message}`))
        },
      )
      sending.on('timeout', () => sending.destroy(new Error('timeout')))
      sending.on('error', (error) => lost(`${host} ${error.message}`))
      sending.end()
    })
    this.#open.add(call)
    void call.then(() => this.#open.delete(call))
  }
}

/** The same question to a whole cluster on Consul: `--cluster [--seconds 60]`. See bench/cluster. */
async function clusterInstead(seconds: string | undefined, output: string): Promise<never> {
  const args = ['--output', output, ...(seconds ? ['--seconds', seconds] : [])]
  process.argv.splice(2, process.argv.length, ...args)
  await import('./cluster/main.ts')
  process.exit()
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const { values } = parseArgs({
    options: {
      changes: { type: 'string', default: '10000' },
      rate: { type: 'string', default: '500' },
      mode: { type: 'string', default: 'both' },
      seed: { type: 'string', default: '1' },
      cluster: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      output: { type: 'string', short: 'o', default: 'text' },
    },
  })
  if (values.cluster) await clusterInstead(values.seconds, values.output)
  await ensureEnvoy((line) => process.stderr.write(`${line}\n`))
  const results: HotUpdateResult[] = []
  for (const mode of values.mode === 'both' ? (['delta', 'sotw'] as const) : [values.mode as 'delta' | 'sotw'])
    results.push(
      await hotUpdate({ mode, changes: Number(values.changes), rate: Number(values.rate), seed: Number(values.seed) }),
    )
  if (values.output !== 'json') console.table(results.map(({ losses: _, rejected: __, ...row }) => row))
  console.log(JSON.stringify(results))
  process.exitCode = results.some(({ lost }) => lost > 0) ? 1 : 0
}
