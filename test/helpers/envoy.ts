import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startProcess } from '../../cli/processes/process.ts'
import { comesTrue, IN_THE_END_MS } from './eventually.ts'
import { startWitness, stopAfterTests } from './processes.ts'
import { requireEnvoy } from './tools.ts'

export interface StartEnvoyOptions {
  /** An Envoy bootstrap: an object (protobuf JSON) or YAML text. An object without `admin` gets one on a free port. */
  readonly bootstrap: object | string
  /** Wait until /ready says LIVE (default). Without, wait only for the admin interface. */
  readonly waitLive?: boolean
  /** For each of the two, in ms; default IN_THE_END_MS. */
  readonly timeoutMs?: number
  /** Between two looks, in ms, for who measures; default that of `until`. */
  readonly everyMs?: number
  readonly concurrency?: number
  /** `-l`, default `warning`. */
  readonly logLevel?: string
  /** Further ones for its command line. */
  readonly more?: readonly string[]
}

export interface TestEnvoy {
  readonly pid: number
  /** `http://127.0.0.1:<port>` of the admin interface. */
  readonly adminUrl: string
  /** GET on the admin interface, as text. @throws Error on any other status than 200. */
  admin(path: string): Promise<string>
  /** Counters and gauges whose name matches the regular expression (as Envoy's `/stats?filter=`). */
  stats(filter?: string): Promise<Record<string, number>>
  /** One counter or gauge. @throws Error when Envoy has none of that name: to be compared with 0 it must be there */
  stat(name: string): Promise<number>
  /** `/config_dump?include_eds`: the entries of `configs`, by the last part of their type (`ClustersConfigDump`, …). */
  configDump(): Promise<Record<string, ConfigDump>>
  /** Updates Envoy refused so far, by stat name; empty when all were accepted. */
  rejected(): Promise<Record<string, number>>
  /** The warnings and errors it logged. */
  log(): string
  /** Address a listener got (it may have asked for port 0), as Envoy tells it in /listeners. */
  listenerPort(name: string): Promise<number>
  /** Ends it; `kill` ends it without a goodbye. Called by itself after the test file. */
  stop(): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: a dump is free JSON; tests name the paths they look at.
type ConfigDump = any

/**
 * Starts a real Envoy in a fresh folder. It is gone after the test file at the latest, whatever happens to the test.
 * @throws Error with Envoy's own words when it does not become ready.
 */
export async function startEnvoy(options: StartEnvoyOptions): Promise<TestEnvoy> {
  const {
    waitLive = true,
    timeoutMs = IN_THE_END_MS,
    everyMs,
    concurrency = 1,
    logLevel = 'warning',
    more = [],
  } = options
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-envoy-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  const file = await writeBootstrap(folder, withAdmin(options.bootstrap))
  const addressFile = join(folder, 'admin')
  const run = await startWitness(
    {
      command: requireEnvoy().path,
      args: [
        ['-c', file],
        ['--disable-hot-restart'],
        ['--concurrency', String(concurrency)],
        ['-l', logLevel],
        ['--drain-time-s', '1'],
        ['--drain-strategy', 'immediate'],
        ['--admin-address-path', addressFile],
        more,
      ].flat(),
      cwd: folder,
    },
    'Envoy',
  ).catch(async (error: unknown) => {
    await remove()
    throw error
  })
  const stop = async () => {
    forget()
    await run.stop()
    await remove()
  }
  const forget = stopAfterTests(stop)

  let adminUrl = ''
  const waitFor = async (what: string, ready: () => Promise<boolean>) => {
    try {
      await comesTrue(
        () => {
          if (!run.running) throw new Error('it ended')
          return ready().catch(() => false)
        },
        what,
        { withinMs: timeoutMs, ...(everyMs !== undefined && { everyMs }) },
      )
    } catch (error) {
      const init = adminUrl ? await text(adminUrl, '/init_dump').catch(() => '') : ''
      await stop()
      throw new Error(
        `Envoy: ${what}: ${(error as Error).message}.\n${run.errors()}${init ? `\n/init_dump: ${init}` : ''}`,
      )
    }
  }
  await waitFor('admin interface', async () => {
    const address = await readFile(addressFile, 'utf8')
    adminUrl = `http://${address.trim()}`
    return address.trim() !== ''
  })
  if (waitLive) await waitFor('LIVE', async () => (await text(adminUrl, '/ready')).trim() === 'LIVE')

  const admin = (path: string) => text(adminUrl, path)
  const stats = async (filter = '') => parseStats(await admin(`/stats?filter=${encodeURIComponent(filter)}`))
  return {
    pid: run.pid,
    adminUrl,
    admin,
    stats,
    async stat(name) {
      const value = (await stats(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`))[name]
      if (value === undefined) throw new Error(`Envoy has no statistic ${name}`)
      return value
    },
    async configDump() {
      const { configs } = JSON.parse(await admin('/config_dump?include_eds')) as { configs: ConfigDump[] }
      return Object.fromEntries(configs.map((config) => [String(config['@type']).split('.').at(-1), config]))
    },
    async rejected() {
      const all = await stats('update_rejected|lds\\.update_rejected')
      return Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0))
    },
    log: () => run.errors(),
    async listenerPort(name) {
      const { listener_statuses: listeners = [] } = JSON.parse(await admin('/listeners?format=json')) as {
        listener_statuses?: { name: string; local_address: { socket_address: { port_value: number } } }[]
      }
      const listener = listeners.find((one) => one.name === name)
      if (!listener) throw new Error(`no listener ${name}; there are: ${listeners.map((one) => one.name).join(', ')}`)
      return listener.local_address.socket_address.port_value
    },
    stop,
  }
}

export interface Validation {
  readonly ok: boolean
  /** Envoy's own words when it refuses; empty when it accepts. */
  readonly error: string
}

/** What `envoy --mode validate` says to a bootstrap (object in protobuf JSON, or YAML text). */
export async function validateEnvoy(config: object | string): Promise<Validation> {
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-validate-'))
  try {
    const file = await writeBootstrap(folder, config)
    const run = await startProcess({
      command: requireEnvoy().path,
      args: ['--mode', 'validate', '-c', file, '-l', 'critical'],
      cwd: folder,
    })
    const { code } = await run.exited
    return code === 0 ? { ok: true, error: '' } : { ok: false, error: run.errors().replaceAll(folder, '') }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Writes a bootstrap into a folder. @returns the file */
export async function writeBootstrap(folder: string, config: object | string): Promise<string> {
  const file = join(folder, typeof config === 'string' ? 'envoy.yaml' : 'envoy.json')
  await writeFile(file, typeof config === 'string' ? config : JSON.stringify(config))
  return file
}

function withAdmin(bootstrap: object | string): object | string {
  if (typeof bootstrap === 'string' || 'admin' in bootstrap) return bootstrap
  return { ...bootstrap, admin: { address: { socket_address: { address: '127.0.0.1', port_value: 0 } } } }
}

async function text(base: string, path: string): Promise<string> {
  const response = await fetch(base + path, { signal: AbortSignal.timeout(IN_THE_END_MS) })
  const body = await response.text()
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${body.slice(0, 500)}`)
  return body
}

function parseStats(body: string): Record<string, number> {
  const stats: Record<string, number> = {}
  for (const line of body.split('\n')) {
    const at = line.lastIndexOf(': ')
    const value = Number(line.slice(at + 2))
    if (at > 0 && Number.isFinite(value)) stats[line.slice(0, at)] = value
  }
  return stats
}
