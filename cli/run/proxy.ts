import type { ClientTlsFiles, NodeOptions } from '../../controlplane/bootstrap/envoy.ts'
import { type HostPort, hostAndPort } from '../../controlplane/bootstrap/host-port.ts'
import { defaultCluster } from '../../controlplane/bootstrap/node-id.ts'
import { withControlPlane } from '../../dataplane/admin/control-plane.ts'
import { localAdmin } from '../../dataplane/admin/local.ts'
import { AdminServer, type AdminSource } from '../../dataplane/admin/server.ts'
import { ConfigClient, type ConfigClientOptions } from '../../dataplane/config/index.ts'
import type { Configuration } from '../../dataplane/configuration.ts'
import { withLocalCodecs } from '../../dataplane/protocols.ts'
import { type ConfigurationProblem, MessageProxy } from '../../dataplane/proxy.ts'
import { CommandError } from '../errors.ts'
import { listening } from './listening.ts'
import { createLog, type Log } from './log.ts'
import { logDescriptors } from './log-descriptors.ts'
import type { LogOptions } from './log-options.ts'
import { planeTls } from './plane-tls.ts'
import { untilSignal } from './until-signal.ts'

/** One proxy in this process, or several in processes of their own. */
interface Runner {
  apply(configuration: Configuration): Promise<readonly ConfigurationProblem[]>
  drain(timeoutMs: number): Promise<void>
  admin(drain: () => void): AdminSource
  close(): void
}

async function startRunner(workers: number, log: Log): Promise<Runner> {
  if (workers === 1) {
    const proxy = new MessageProxy()
    return {
      apply: (configuration) => proxy.apply(configuration),
      drain: (timeoutMs) => proxy.drain(timeoutMs),
      admin: (drain) => localAdmin(proxy, drain),
      close: () => proxy.close(),
    }
  }
  const { WorkerPool } = await import('../../dataplane/workers/pool.ts')
  const pool = new WorkerPool({
    workers,
    onCrash: (pid, code, signal) => log.error({ pid, code, signal }, 'a worker ended; another takes its place'),
    onSilent: (pid, silent) => {
      if (silent)
        log.error(
          { pid },
          'a worker does not answer: it is stopped or cannot go on, its clients wait and it has no newer configuration; end it, and another takes its place',
        )
      else log.info({ pid }, 'a worker answers again')
    },
  })
  await pool.start()
  return {
    apply: (configuration) => pool.apply(configuration),
    drain: (timeoutMs) => pool.drain(timeoutMs),
    admin: (drain) => pool.admin(drain),
    // Workers end when they have drained, or with this process.
    close: () => {},
  }
}

const NO_CODECS: ReadonlyMap<string, string> = new Map()

/** What a message proxy is run with. */
export interface ProxyOptions extends LogOptions {
  /** Node id. */
  readonly node: string
  /** Node cluster; the workload in the id if not given. */
  readonly cluster?: string
  readonly metadata?: NodeOptions['metadata']
  readonly locality?: NodeOptions['locality']
  /** Where control planes are, and how TLS is spoken to them; without TLS if undefined. */
  readonly xds: readonly HostPort[]
  readonly tls: ClientTlsFiles | undefined
  /** Processes that share the ports. */
  readonly workers: number
  /** Where state and metrics are served. */
  readonly admin?: HostPort
  /** The last configuration is saved there. */
  readonly configCache?: string
  /** Path of a codec module by the name of its protocol. */
  readonly codec?: ReadonlyMap<string, string>
  /** Seconds that requests in flight may take at the end. */
  readonly drainTime: number
}

/**
 * Runs the message proxy until a signal comes, then drains it.
 * @throws CommandError when a file cannot be read or the admin address is taken
 */
export async function runProxy(options: ProxyOptions): Promise<void> {
  const log = createLog(options, process.stdout)
  const certificates = options.tls && planeTls(options.tls, log)
  const signal = untilSignal()
  const quiet = logDescriptors(log)
  const runner = await startRunner(options.workers, log)
  let drained: Promise<void> | undefined
  const drain = () => {
    drained ??= runner.drain(options.drainTime * 1000)
    return drained
  }
  let told = ''
  const client = new ConfigClient({
    ...clientOptions(options),
    ...(certificates && { tls: certificates.tls }),
    log,
    onConfiguration: async (sent) => {
      const configuration = withLocalCodecs(sent, options.codec ?? NO_CODECS)
      const problems = await runner.apply(configuration)
      // The same comes again as long as a port is in use: told once.
      const news = JSON.stringify([configuration.version, problems])
      if (news !== told) report(log, configuration, problems)
      told = news
      return problems
    },
  })
  const admin =
    options.admin &&
    new AdminServer(
      withControlPlane(
        runner.admin(() => void drain()),
        () => client.status(),
      ),
    )
  try {
    if (admin && options.admin) {
      const { host, port } = options.admin
      const found = await listening('admin', options.admin, () => admin.listen(host, port))
      log.info({ admin: hostAndPort({ host, port: found }) }, 'admin interface')
    }
    await client.start().catch((error: Error) => {
      throw new CommandError(error.message)
    })
    log.info(
      { node: options.node, xds: options.xds.map(hostAndPort).join(' '), workers: options.workers },
      'message proxy is up',
    )
    log.info({ signal: await signal }, 'draining')
  } finally {
    // Both at once: a copy of the configuration that is being saved, on a slow disk, does not keep the ports open.
    await Promise.all([drain(), client.stop()])
    certificates?.stop()
    quiet()
    runner.close()
    admin?.close()
  }
}

function report(log: Log, configuration: Configuration, problems: readonly ConfigurationProblem[]): void {
  for (const { kind, name, message, transient } of problems)
    log.error({ [kind]: name }, transient ? `${message}; it is tried again` : message)
  const without = new Set(problems.flatMap(({ kind, name }) => (kind === 'listener' ? [name] : [])))
  const { version, listeners, routes, clusters } = configuration
  log.info(
    {
      version,
      listeners: listeners.flatMap(({ name }) => (without.has(name) ? [] : [name])),
      routes: routes.reduce((sum, table) => sum + table.routes.length, 0),
      clusters: clusters.length,
    },
    'configuration in force',
  )
}

function clientOptions(options: ProxyOptions): Pick<ConfigClientOptions, 'xds' | 'node' | 'cacheFile'> {
  const { node, cluster, metadata: given, locality, xds, configCache, admin } = options
  // A control plane on the same machine reads counters there.
  const metadata = admin && admin.port > 0 ? { ADMIN_ADDRESS: `${admin.host}:${admin.port}`, ...given } : given
  return {
    xds,
    node: {
      id: node,
      cluster: cluster ?? defaultCluster(node),
      ...(metadata && { metadata }),
      ...(locality && { locality }),
    },
    ...(configCache !== undefined && { cacheFile: configCache }),
  }
}
