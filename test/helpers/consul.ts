import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import type { RunningProcess } from '../../cli/processes/process.ts'
import { ensureConsul, findConsul, HOW_TO_GET_CONSUL } from './consul-binary.ts'
import { comesTrue } from './eventually.ts'
import { freePorts } from './ports.ts'
import { startWitness, stopAfterTests } from './processes.ts'
import { requireTool } from './tools.ts'

export interface ConsulOptions {
  /** Keep data in a folder, so that `restart` finds it again; else everything is in memory and a restart is empty. */
  readonly persistent?: boolean
  readonly datacenter?: string
  /** Further settings of the agent's configuration file; ports are added to those it gets. */
  readonly config?: Readonly<Record<string, unknown>> & { readonly ports?: Readonly<Record<string, number>> }
  /** One of several servers of a datacenter: their `serfLan` ports, its own first. */
  readonly servers?: readonly number[]
  /** Token for the calls made here, where ACLs are on. */
  readonly token?: string
  /** Join another server over the wide area: its `serfWan` port. */
  readonly joinWan?: number
}

/** One instance of a service as Consul's agent takes it. */
export interface Registration {
  readonly name: string
  readonly id?: string
  readonly address?: string
  readonly port: number
  readonly tags?: readonly string[]
  readonly meta?: Readonly<Record<string, string>>
  readonly weights?: { readonly Passing: number; readonly Warning: number }
  readonly check?: object
}

export interface TestConsul {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly httpPort: number
  readonly serfWan: number
  /** The port by which servers know each other. */
  readonly serverPort: number
  readonly pid: number
  /** One call of the HTTP API. @throws Error on any status that is not 2xx */
  call(method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown, token?: string): Promise<unknown>
  register(service: Registration): Promise<void>
  deregister(id: string): Promise<void>
  /** SIGSTOP: takes connections and answers nothing. */
  freeze(): void
  thaw(): void
  kill(): Promise<void>
  /** Starts it again on the same ports, after `kill` or instead of what runs; perhaps as one of another datacenter. */
  restart(datacenter?: string): Promise<void>
  /** All it knows, as `restore` takes it. */
  snapshot(): Promise<ArrayBuffer>
  restore(snapshot: ArrayBuffer): Promise<void>
  stop(): Promise<void>
}

/** Skips loudly where there is no Consul; in CI that is a failure. */
export async function requireConsul(context: Pick<TestContext, 'skip'>): Promise<void> {
  const found = await ensureConsul((line) => process.stderr.write(`${line}\n`))
  requireTool(context, 'consul', found !== undefined, HOW_TO_GET_CONSUL)
}

/** Whether a Consul can be had; for `describe.skipIf`. In CI the tests run, and fail, without one. */
export async function hasConsul(): Promise<boolean> {
  const found = await ensureConsul((line) => process.stderr.write(`${line}\n`))
  if (!found) process.stderr.write(`\nSKIPPED: consul is missing: ${HOW_TO_GET_CONSUL}\n`)
  return found !== undefined || Boolean(process.env['CI'])
}

/** An election of several servers on a busy machine takes some rounds. */
const START_MS = 60_000
/** One question while it starts: an answer that hangs is asked for again. */
const ANSWER_MS = 5_000

/**
 * Starts a real single-server Consul on free ports of loopback and waits until it has elected itself.
 * @throws Error with its own words when that does not happen
 */
export async function startConsul(options: ConsulOptions = {}): Promise<TestConsul> {
  const binary = findConsul()
  if (!binary) throw new Error(`there is no consul: ${HOW_TO_GET_CONSUL}`)
  const { servers } = options
  const [http, server, wan, ownLan] = (await freePorts(4)) as [number, number, number, number]
  const lan = servers?.[0] ?? ownLan
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-consul-'))
  const url = `http://127.0.0.1:${http}`
  const { ports, ...config } = options.config ?? {}
  await writeFile(
    join(folder, 'agent.json'),
    JSON.stringify({
      ports: { http, server, serf_lan: lan, serf_wan: wan, dns: -1, grpc: -1, ...ports },
      // One agent serves whole tests: its default of 200 connections from one address is for many hosts.
      limits: { http_max_conns_per_client: 8000 },
      // Several servers choose another leader when one says nothing for a second: not whenever a busy machine stands still.
      performance: { raft_multiplier: servers ? 5 : 1 },
      disable_update_check: true,
      ...(options.persistent || servers
        ? { server: true, bootstrap_expect: servers?.length ?? 1, data_dir: join(folder, 'data') }
        : {}),
      ...(servers ? { retry_join: servers.slice(1).map((port) => `127.0.0.1:${port}`), retry_interval: '1s' } : {}),
      ...config,
    }),
  )
  const args = [
    ...['agent', ...(options.persistent || servers ? [] : ['-dev'])],
    ...['-bind', '127.0.0.1', '-client', '127.0.0.1', '-config-file', join(folder, 'agent.json')],
    ...['-node', `n${http}`, '-log-level', 'warn'],
    ...(options.joinWan ? ['-retry-join-wan', `127.0.0.1:${options.joinWan}`] : []),
  ]
  let said = ''
  let datacenter = options.datacenter ?? 'dc1'
  let running: RunningProcess | undefined
  const start = async () => {
    running = await startWitness({
      command: binary,
      args: [...args, '-datacenter', datacenter],
      cwd: folder,
      onLine: (line) => {
        said = `${said}${line}\n`.slice(-8_000)
      },
    })
    const ask = (path: string) => fetch(url + path, { signal: AbortSignal.timeout(ANSWER_MS) })
    await comesTrue(
      async () => {
        if (!running?.running) throw new Error(`consul does not start:\n${said}`)
        const leader = await ask('/v1/status/leader')
          .then((answer) => answer.text())
          .catch(() => '""')
        // A leader that is known is not yet one that has caught up: a consistent read tells.
        return (
          leader.length > 2 &&
          (await ask('/v1/catalog/services?consistent')
            .then((answer) => answer.ok)
            .catch(() => false))
        )
      },
      'consul has elected itself',
      { withinMs: START_MS },
    )
  }
  const end = async () => {
    const current = running
    running = undefined
    if (!current?.running) return
    process.kill(current.pid, 'SIGCONT')
    process.kill(current.pid, 'SIGKILL')
    await current.exited
  }
  const stop = async () => {
    forget()
    await end()
    await rm(folder, { recursive: true, force: true })
  }
  const forget = stopAfterTests(stop)
  await start().catch(async (error: unknown) => {
    await stop()
    throw error
  })

  const call: TestConsul['call'] = async (method, path, body, token = options.token) => {
    const answer = await fetch(url + path, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(token ? { headers: { 'x-consul-token': token } } : {}),
      signal: AbortSignal.timeout(20_000),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 300)}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  return {
    url,
    httpPort: http,
    serfWan: wan,
    serverPort: server,
    get pid() {
      if (!running) throw new Error('consul does not run')
      return running.pid
    },
    call,
    async register({ name, id = name, address = '127.0.0.1', port, tags, meta, weights, check }) {
      await call('PUT', '/v1/agent/service/register', {
        ...{ Name: name, ID: id, Address: address, Port: port },
        ...{ Tags: tags ?? [], Meta: meta ?? {}, ...(weights ? { Weights: weights } : {}) },
        ...(check ? { Check: check } : {}),
      })
    },
    async deregister(id) {
      await call('PUT', `/v1/agent/service/deregister/${encodeURIComponent(id)}`)
    },
    freeze: () => process.kill(running!.pid, 'SIGSTOP'),
    thaw: () => process.kill(running!.pid, 'SIGCONT'),
    kill: end,
    async snapshot() {
      const answer = await fetch(`${url}/v1/snapshot`)
      if (!answer.ok) throw new Error(`snapshot: ${answer.status} ${await answer.text()}`)
      return answer.arrayBuffer()
    },
    async restore(snapshot) {
      const answer = await fetch(`${url}/v1/snapshot`, { method: 'PUT', body: snapshot })
      if (!answer.ok) throw new Error(`restore: ${answer.status} ${await answer.text()}`)
    },
    async restart(other = datacenter) {
      datacenter = other
      await end()
      await start()
    },
    stop,
  }
}

/** Several servers of one datacenter on loopback, which have chosen a leader among themselves. */
export async function startConsulServers(count: number): Promise<readonly TestConsul[]> {
  const ports = await freePorts(count)
  return Promise.all(
    ports.map((own, index) => startConsul({ servers: [own, ...ports.filter((_, other) => other !== index)] })),
  )
}
