/**
 * Clusters on demand under fire: a control plane of its own process that is killed (SIGKILL) again and again, a real Envoy, a thousand
 * services of which requests ask in random order, retries off, while services move, are renamed, split and joined, and what
 * nobody uses is let go of by the load reports of the proxy.
 *
 * `npm run soak:kills [-- --requests 10000 --services 1000 --rate 60 --virtual-hosts --seed 1 -o json]`. Exits with 1 when a request was
 * lost that need not have been: any while the control plane lives, and one for a service in steady use at any time.
 */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type RunningProcess, startProcess } from '../cli/processes/process.ts'
import { ensureEnvoy } from '../cli/tools/envoy.ts'
import { startEcho } from '../test/helpers/echo.ts'
import { freePort } from '../test/helpers/ports.ts'
import { stopEverything } from '../test/helpers/processes.ts'
import { startLazyEnvoy } from '../test/ondemand/bed.ts'
import { ChangingWorld, randomOf } from '../test/ondemand/changing-world.ts'
import { quantile, report, round } from './measure.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '10000' },
    services: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    'virtual-hosts': { type: 'boolean', default: false },
    output: { type: 'string', short: 'o', default: 'text' },
  },
})
const [REQUESTS, SERVICES, RATE] = [Number(values.requests), Number(values.services), Number(values.rate)]
/** Services asked for all the time, so that they are never let go of. */
const STEADY = 20
const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const MESH = `apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {clusterIdleTimeout: 1s, loadReportInterval: 1s, lazyVirtualHosts: ${values['virtual-hosts']}}
`

interface TypeStatus {
  readonly state: string
  readonly acked?: object
}

/**
 * Whether the proxy has accepted a state of this process, or came back with it. There may be a newer one on its way: changes do
 * not pause, and on a busy machine there always is.
 */
function isTold({ state, acked }: TypeStatus): boolean {
  return acked !== undefined || state === 'SYNCED' || state === 'NOT SENT'
}

/** The control plane, which may be dead. */
class Plane {
  kills = 0
  /** Until the proxy is back and has everything: what was asked meanwhile may have failed. */
  isAway = true
  #process: RunningProcess | undefined
  readonly #args: readonly string[]
  readonly #api: string

  constructor(folder: string, xds: number, api: number) {
    this.#api = `http://127.0.0.1:${api}/api/v1/proxies`
    const ports = ['--xds', `127.0.0.1:${xds}`, '--api', `127.0.0.1:${api}`]
    this.#args = [MAIN, 'serve', folder, ...ports, '--log-level', 'warn', '--log-format', 'json']
  }

  async start(): Promise<void> {
    this.#process = await startProcess({ command: process.execPath, args: this.#args, onLine: told })
  }

  kill(): Promise<unknown> {
    this.kills++
    this.isAway = true
    process.kill(this.#process!.pid, 'SIGKILL')
    return this.#process!.exited
  }

  async inStep(): Promise<void> {
    for (const deadline = Date.now() + 120_000; !(await this.#isSynced()); await sleep(20))
      if (Date.now() > deadline) throw new Error('the proxy is not in step two minutes after a start')
    this.isAway = false
  }

  async #isSynced(): Promise<boolean> {
    try {
      const { proxies } = (await (await fetch(this.#api)).json()) as {
        readonly proxies: readonly { readonly connected: boolean; readonly types: readonly TypeStatus[] }[]
      }
      return proxies.some(({ connected, types }) => connected && types.length >= 3 && types.every(isTold))
    } catch {
      return false
    }
  }
}

const warnings = new Map<string, number>()

/** Counts what the control plane says; lines that are no JSON are its last words. */
function told(line: string): void {
  try {
    const { msg } = JSON.parse(line) as { readonly msg: string }
    warnings.set(msg, (warnings.get(msg) ?? 0) + 1)
  } catch {
    process.stderr.write(`${line}\n`)
  }
}

interface Answer {
  readonly status: number
  readonly ms: number
  readonly text: string
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

function ask(port: number, host: string): Promise<Answer> {
  const started = performance.now()
  return new Promise((resolve) => {
    const done = (status: number, text: string) => resolve({ status, text, ms: performance.now() - started })
    const call = request({ agent, host: '127.0.0.1', port, headers: { host } }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => {
        if (text.length < 200) text += chunk
      })
      response.on('end', () => done(response.statusCode ?? 0, text))
      response.on('error', (error) => done(0, error.message))
    })
    call.on('error', (error) => done(0, error.message))
    call.end()
  })
}

async function soak() {
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-soak-'))
  const random = randomOf(Number(values.seed))
  const upstreams = await Promise.all(['one', 'two', 'three'].map((name) => startEcho(name)))
  const world = new ChangingWorld(SERVICES, upstreams)
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, `.${name}.new`), text)
    await rename(join(folder, `.${name}.new`), join(folder, name))
  }
  const writeService = (index: number) => write(`svc${index}.yaml`, world.file(index))
  await write('mesh.yaml', MESH)
  await write('all.yaml', world.policy())
  for (let index = 0; index < SERVICES; index++) await writeService(index)
  const [xds, api] = [await freePort(), await freePort()]
  const plane = new Plane(folder, xds, api)
  await plane.start()
  const envoy = await startLazyEnvoy(xds)
  await plane.inStep()

  const counts = { sent: 0, lost: 0, whileAway: 0, steadySent: 0, steadyLost: 0, changes: 0 }
  const lost: object[] = []
  const times: number[] = []
  const one = async (index: number, steady: boolean) => {
    const [kills, wasAway] = [plane.kills, plane.isAway]
    const { status, text, ms } = await ask(envoy.httpPort, world.host(index))
    if (steady) counts.steadySent++
    else counts.sent++
    if (status === 200) return void times.push(ms)
    if (steady) counts.steadyLost++
    else if (wasAway || plane.isAway || plane.kills !== kills) return void counts.whileAway++
    else counts.lost++
    lost.push({ host: world.host(index), status, text, ms: round(ms), steady, at: new Date().toISOString() })
  }
  const steady = async () => {
    for (let turn = 0; counts.sent < REQUESTS; turn++) {
      await one(turn % STEADY, true)
      await sleep(20)
    }
  }
  const load = async () => {
    const open = new Set<Promise<void>>()
    const started = performance.now()
    for (let begun = 0; begun < REQUESTS; begun++) {
      while (begun > ((performance.now() - started) / 1000) * RATE) await sleep(5)
      const call = one(random(SERVICES), false)
      open.add(call)
      void call.then(() => open.delete(call))
    }
    await Promise.all(open)
  }
  // They are in use before anything happens: the first request to each is a cold one.
  for (let index = 0; index < STEADY; index++)
    while ((await ask(envoy.httpPort, world.host(index))).status !== 200) await sleep(100)
  let over = false
  let evicted = 0
  const changes = async () => {
    while (!over) {
      const index = random(SERVICES)
      const what = random(100)
      counts.changes++
      if (what < 40) world.move(index)
      // Two files that change together may be read one after the other.
      else if (what < 70 && !world.isSplit((index + SERVICES - 1) % SERVICES)) world.rename(index)
      else if (what < 95) world.toggleSplit(index)
      else world.update()
      await writeService(index)
      await write('all.yaml', world.policy())
      await sleep(100 + random(500))
    }
  }
  const killing = async () => {
    for (;;) {
      // Clusters are let go of every ten seconds, and a new process must first be told what is used.
      await sleep(12_000 + random(10_000))
      if (over) return
      await plane.kill()
      await sleep(random(1000))
      await plane.start()
      await plane.inStep()
    }
  }
  const evictions = async () => {
    let last = 0
    while (!over) {
      const now = await envoy.stat('cluster_manager.cluster_removed')
      evicted += now - last
      last = now
      await sleep(1000)
    }
  }
  const started = performance.now()
  const events = Promise.all([changes(), killing(), evictions()])
  await Promise.all([load(), steady()])
  over = true
  await events
  const rejected = await envoy.rejected()
  const kills = plane.kills
  await plane.kill()
  await rm(folder, { recursive: true, force: true })
  return {
    ...counts,
    kills,
    evicted,
    'p50 ms': round(quantile(times, 0.5)),
    'p99 ms': round(quantile(times, 0.99)),
    seconds: Math.round((performance.now() - started) / 1000),
    detail: { lost: lost.slice(0, 50), rejected, warnings: Object.fromEntries(warnings) },
  }
}

await ensureEnvoy((line) => process.stderr.write(`${line}\n`))
try {
  const { detail, ...row } = await soak()
  await report([row], { soak: 'kills', seed: Number(values.seed), ...row, ...detail }, values.output)
  process.exitCode = row.lost + row.steadyLost + Object.keys(detail.rejected).length > 0 ? 1 : 0
} finally {
  await stopEverything()
}
