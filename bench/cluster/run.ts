import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startProcess } from '../../cli/processes/process.ts'
import { copyStore } from '../../cli/store-copy.ts'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { GameServer } from '../../test/dataplane/game.ts'
import { startConsul, type TestConsul } from '../../test/helpers/consul.ts'
import { startEcho } from '../../test/helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../../test/helpers/envoy.ts'
import { freePorts, portOpen } from '../../test/helpers/ports.ts'
import { stopEverything } from '../../test/helpers/processes.ts'
import { type ServeChild, serveChild } from '../../test/helpers/serve.ts'
import { Balancer } from './balancer.ts'
import { Load } from './load.ts'
import { documents, GAME_PORT, HTTP_HOST, web } from './mesh.ts'

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
  /** How long a backend goes on serving after it left Consul, ms. */
  readonly drainMs: number
  readonly say: (line: string) => void
}

export const CLUSTER_DEFAULTS: Omit<ClusterOptions, 'say'> = {
  ...{ seconds: 60, rate: 2_000, controlPlanes: 3, envoys: 4, messageProxies: 2, instances: 4, flaps: 20 },
  drainMs: 5_000,
}

/** The ledger of a run. */
export interface ClusterResult {
  readonly sent: number
  readonly lost: number
  readonly wrong: number
  readonly seconds: number
  /** How often each thing was done to the cluster. */
  readonly events: Readonly<Record<string, number>>
  /** Losses by what was done last before them, and by what the caller saw. */
  readonly lostAfter: Readonly<Record<string, number>>
  readonly losses: Readonly<Record<string, number>>
  readonly rejected: Readonly<Record<string, number>>
}

interface Instance {
  readonly id: string
  readonly stop: () => Promise<unknown>
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

class Cluster {
  readonly #options: ClusterOptions
  readonly #folder: string
  readonly #events: { readonly at: number; readonly what: string }[] = []
  readonly #counts: Record<string, number> = {}
  readonly #planes: ServeChild[] = []
  readonly #instances: Record<'web' | 'game', Instance[]> = { web: [], game: [] }
  readonly #stops: (() => Promise<unknown>)[] = []
  #born = 0
  #over = false
  #consul!: TestConsul
  #balancer!: Balancer

  constructor(options: ClusterOptions, folder: string) {
    this.#options = options
    this.#folder = folder
  }

  async run(): Promise<ClusterResult> {
    const { seconds, rate, say } = this.#options
    const { load, envoys } = await this.#start()
    load.start()
    await sleep(1_000)
    if (load.lost.length > 0) say(`lost before anything was done: ${load.lost[0]!.what}`)
    say(`up; ${rate} requests/s, retries off, for ${seconds} s`)
    const started = performance.now()
    const work = [this.#roll(), this.#flap(), this.#edit(), this.#kill()]
    await sleep(seconds * 1_000)
    this.#over = true
    await Promise.all(work)
    await load.stop()
    for (const stop of this.#stops) await stop()
    for (const { stop } of this.#instances.game) await stop()
    this.#balancer.stop()
    const rejected: Record<string, number> = {}
    for (const envoy of envoys)
      for (const [name, count] of Object.entries(await envoy.rejected())) rejected[name] = (rejected[name] ?? 0) + count
    const lostAfter: Record<string, number> = {}
    const losses: Record<string, number> = {}
    for (const { at, via, what } of load.lost) {
      const last = this.#events.findLast((event) => event.at <= at && event.what !== 'flap')?.what ?? 'nothing'
      lostAfter[last] = (lostAfter[last] ?? 0) + 1
      losses[`${via} ${what}`] = (losses[`${via} ${what}`] ?? 0) + 1
    }
    return {
      ...{ sent: load.sent, lost: load.lost.length, wrong: load.wrong.length },
      seconds: Math.round((performance.now() - started) / 1_000),
      ...{ events: this.#counts, lostAfter, losses, rejected },
    }
  }

  async #start(): Promise<{ load: Load; envoys: readonly TestEnvoy[] }> {
    const { controlPlanes, envoys: envoyCount, messageProxies, instances, rate, say } = this.#options
    this.#consul = await startConsul({ persistent: true })
    say(`Consul ${this.#consul.url}`)
    const messagePorts = await freePorts(messageProxies)
    const config = join(this.#folder, 'config')
    await mkdir(config)
    for (const [name, text] of Object.entries(documents(messagePorts, '30s'))) await writeFile(join(config, name), text)
    const copied = await copyStore(config, this.#place, { dryRun: false, why: 'cluster', address: {} })
    if (!copied.same) throw new Error(copied.text)
    for (let count = 0; count < instances; count++) for (const name of ['web', 'game'] as const) await this.#add(name)
    this.#balancer = await Balancer.start()
    this.#planes.push(
      ...(await Promise.all(Array.from({ length: controlPlanes }, (_, index) => this.#startPlane(index)))),
    )
    this.#retarget()
    say(`${controlPlanes} control planes: ${this.#planes.map(({ apiUrl }) => apiUrl).join(', ')}`)
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
    for (const [index, port] of messagePorts.entries()) {
      const proxy = await startProcess({
        command: process.execPath,
        args: [
          ...[
            '--import',
            import.meta.resolve('tsx'),
            fileURLToPath(new URL('../../cli/main.ts', import.meta.url)),
            'proxy',
          ],
          ...['--node', `message~127.0.0.1~edge-${index}.default~default.svc.cluster.local`],
          ...['--metadata', JSON.stringify({ LABELS: { edge: `e${index}` } })],
          ...['--xds', `127.0.0.1:${xds.port}`, '--log-level', 'warn'],
        ],
      })
      this.#stops.push(() => proxy.stop())
      await portOpen(port, { timeoutMs: 60_000 })
    }
    say(`${envoyCount} Envoys, ${messageProxies} message proxies`)
    const load = new Load({ http: httpPorts, messages: messagePorts, host: HTTP_HOST, rate })
    await this.#warm(httpPorts)
    return { load, envoys }
  }

  get #place(): string {
    return `consul:${this.#consul.url}/cluster`
  }

  /** Waits until each Envoy has a route that leads somewhere. */
  async #warm(ports: readonly number[]): Promise<void> {
    for (const port of ports) {
      const end = Date.now() + 20_000
      while ((await statusOf(port)) !== 200) {
        if (Date.now() > end) throw new Error(`the Envoy on port ${port} has no route to ${HTTP_HOST} after 20 s`)
        await sleep(50)
      }
    }
  }

  #startPlane(index: number): Promise<ServeChild> {
    const state = join(this.#folder, `state-${index}`)
    return serveChild(this.#place, { cwd: this.#folder, args: ['--consul', this.#consul.url, '--state-dir', state] })
  }

  #retarget(): void {
    this.#balancer.targets = this.#planes.filter(({ process }) => process.running).map(({ xdsPort }) => xdsPort)
  }

  #note(what: string): void {
    this.#events.push({ at: performance.now(), what })
    this.#counts[what] = (this.#counts[what] ?? 0) + 1
  }

  async #add(name: 'web' | 'game'): Promise<void> {
    const id = `${name}-${++this.#born}`
    const server = name === 'web' ? await startEcho(id) : await new GameServer(id).listen()
    if (server instanceof GameServer) server.keep = false
    const { port } = server
    const tags = name === 'game' ? [`meshgate.port=${GAME_PORT}/arena`] : []
    await this.#patiently(() => this.#consul.register({ name, id, port, tags }))
    const stop = 'stop' in server ? () => server.stop() : () => server.close()
    this.#instances[name].push({ id, stop })
  }

  /** Replaces every instance, one after the other: register, deregister, wait, stop. */
  async #roll(): Promise<void> {
    const leaving: Promise<unknown>[] = []
    for (let turn = 0; !this.#over; turn++) {
      const name = turn % 2 === 0 ? 'web' : 'game'
      await this.#add(name)
      await sleep(300)
      const [oldest] = this.#instances[name].splice(0, 1)
      this.#note('replace')
      await this.#patiently(() => this.#consul.deregister(oldest!.id))
      leaving.push(sleep(this.#options.drainMs).then(() => oldest!.stop()))
      await sleep(700)
    }
    await Promise.all(leaving)
  }

  /** Endpoints that come and go and change: a second registration of a live instance, weights. */
  async #flap(): Promise<void> {
    const { flaps } = this.#options
    for (let count = 0; flaps > 0 && !this.#over; count++) {
      const name = count % 2 === 0 ? 'web' : 'game'
      const [first] = this.#instances[name]
      if (first) {
        this.#note('flap')
        const path = `/v1/agent/service/maintenance/${first.id}?enable=${count % 4 < 2}`
        await this.#consul.call('PUT', path).catch(() => undefined)
      }
      await sleep(1_000 / flaps)
    }
    for (const { id } of [...this.#instances.web, ...this.#instances.game])
      await this.#consul.call('PUT', `/v1/agent/service/maintenance/${id}?enable=false`).catch(() => undefined)
  }

  /** Edits a rule twice a second through the API of any control plane that is there. */
  async #edit(): Promise<void> {
    for (let count = 0; !this.#over; count++) {
      await sleep(500)
      const plane = this.#planes[count % this.#planes.length]!
      const changes = [{ file: 'web.yaml', text: web(`${30 + (count % 20)}s`) }]
      const post = async (path: string, body: object) => {
        const answer = await fetch(plane.apiUrl + path, {
          ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
          signal: AbortSignal.timeout(5_000),
        })
        return (await answer.json()) as { plan?: string; base?: number; id?: number }
      }
      try {
        const { plan, base } = await post('/api/v1/plan', { changes })
        if (!plan) continue
        const { id } = await post('/api/v1/apply', { base, changes, plan, reason: `edit ${count}` })
        if (id !== undefined) this.#note('edit')
      } catch {
        // That control plane is being killed, or Consul is.
        this.#note('edit refused')
      }
    }
  }

  /** Control planes in turn by SIGKILL, and Consul. */
  async #kill(): Promise<void> {
    for (let turn = 0; !this.#over; turn++) {
      await this.#pause(1_500 + Math.random() * 1_500)
      if (this.#over) break
      if (turn % 4 === 3) {
        this.#note('restart Consul')
        await this.#consul.restart()
        continue
      }
      const index = turn % 4
      if (index >= this.#planes.length) continue
      this.#note('kill control plane')
      await this.#planes[index]!.kill()
      this.#retarget()
      this.#planes[index] = await this.#startPlane(index)
      this.#retarget()
    }
  }

  async #pause(ms: number): Promise<void> {
    for (let left = ms; left > 0 && !this.#over; left -= 100) await sleep(Math.min(100, left))
  }

  /** Consul may be restarting: whoever registers tries again, as an orchestrator does. */
  async #patiently(work: () => Promise<unknown>): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await work()
        return
      } catch (error) {
        if (attempt > 100) throw error
        await sleep(200)
      }
    }
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
