import { readFileSync, statSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { AdminContext } from '../controlplane/admin/context.ts'
import { createMetrics, sourceMetrics } from '../controlplane/admin/metrics.ts'
import { presenceEntries } from '../controlplane/admin/replicas.ts'
import { createAdminServer } from '../controlplane/admin/server.ts'
import { adsMetrics, DEFAULT_LIMITS, isLoopback, type Limits, XdsServer } from '../controlplane/ads/index.ts'
import type { HostPort } from '../controlplane/bootstrap/envoy.ts'
import type { RateLimitSpec } from '../controlplane/config/kinds/rate-limit.ts'
import type { ConsulSettings, SourceState } from '../controlplane/consul/index.ts'
import type { Diagnostic } from '../controlplane/diagnostics/diagnostic.ts'
import { ServiceFigures } from '../controlplane/figures/index.ts'
import { LiveConfig } from '../controlplane/live-config.ts'
import { type CompiledMesh, createMesh } from '../controlplane/mesh.ts'
import { Discovery } from '../controlplane/model/index.ts'
import { OnDemandMemory, onDemandMetrics, stateFile } from '../controlplane/ondemand/index.ts'
import { createRateLimits } from '../controlplane/ratelimit/index.ts'
import { createReports, type Reports } from '../controlplane/reports/index.ts'
import { learnedSets, Presence, redisPresence } from '../controlplane/shared/index.ts'
import { openConfigStore, stateFolder } from './config-store.ts'
import { ConsulSource } from './consul-source.ts'
import { CommandError, UsageError } from './errors.ts'
import { ConfigHistory } from './history.ts'
import type { Log } from './log.ts'
import { packageFile } from './package-file.ts'
import { storePlace } from './store.ts'

export interface ServerTls {
  readonly cert: string
  readonly key: string
  readonly clientCa?: string | undefined
}

export interface ControlPlaneOptions {
  readonly folder: string
  readonly xds: HostPort
  readonly api: HostPort
  /** Names of PEM files. */
  readonly xdsTls?: ServerTls | undefined
  readonly apiTls?: ServerTls | undefined
  /** Host names the API answers to besides addresses and localhost. */
  readonly apiNames?: readonly string[]
  /** Listen without TLS on addresses that are not loopback. */
  readonly insecure: boolean
  /** Consul whose services join the mesh; the Mesh document may name one too. */
  readonly consul?: Partial<ConsulSettings> | undefined
  /** Where what must outlive a restart is kept; `.meshgate` in the folder if not given. */
  readonly stateDir?: string | undefined
  /** URL of a Redis that is shared with other replicas: rate limits are counted there. */
  readonly redis?: string | undefined
  /** Streams of proxies at a time; the server's own default if not given. */
  readonly maxStreams?: number | undefined
  /** At which streams are ended in peace, ms; the server's own default if not given. */
  readonly streamAgeMs?: number | undefined
  /** Time over which streams are ended when stopping, ms. */
  readonly drainMs: number
}

export interface RunningControlPlane {
  readonly version: string
  readonly config: LiveConfig
  readonly mesh: CompiledMesh
  readonly xds: XdsServer
  readonly reports: Reports
  readonly figures: ServiceFigures
  /** Consul, as the services and as the store of configuration: how each is doing. */
  registries(): readonly SourceState[]
  /** Where it really listens: ports that were 0 are known now. */
  readonly xdsAddress: HostPort
  readonly apiUrl: string
  stop(): Promise<void>
}

/**
 * Configuration files, compiled mesh, xDS and HTTP API in one process. Resolves when everything has been read and is served.
 * @throws CommandError when a port is taken, a file cannot be read or the folder does not exist
 * @throws UsageError when an address would hand the configuration to everybody
 */
export async function startControlPlane(options: ControlPlaneOptions, log: Log): Promise<RunningControlPlane> {
  refuseOpen(options)
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }
  const state = stateFolder(options.folder, options.stateDir)
  const { consul: { url: _, datacenters: __, ...address } = {} } = options
  const store = await openConfigStore(options.folder, { address, stateDir: state, log })
  // A single file has no place beside it that would be its own.
  const keeps = isFolder(store.folder) || store.folder === '' || options.stateDir !== undefined
  const discovery = new Discovery()
  const own = stateFile(join(state, STATE_FILE))
  const learned = keeps
    ? (store.learned(own) ?? (options.redis === undefined ? undefined : learnedSets(own, options.redis, log)))
    : undefined
  const memory = new OnDemandMemory({
    logger: log,
    usage: {
      reporting: (node) => reports.load.reporting(node),
      lastUsed: (node, cluster) => reports.load.lastUsed(node, cluster),
    },
    idleMs: () => mesh.model.settings().clusterIdleMs,
    ...(keeps && { store: learned ?? own }),
  })
  const mesh = createMesh({
    discovery,
    generations: memory.generations,
    onCompiled: (type) => served.compiled(type),
    onFailure: (type, name, error) =>
      log.error({ type, name, err: error }, 'a resource cannot be compiled and is left out'),
  })
  const config = new LiveConfig(store.source, mesh)
  const metrics = createMetrics(version, config, mesh)
  const sources = new ConsulSource({
    discovery,
    given: options.consul,
    config,
    folder: store.folder || '.',
    stateDir: keeps ? state : undefined,
    store,
    log,
  })
  sourceMetrics(metrics, sources)
  const served = adsMetrics(metrics)
  const reports = createReports({
    logger: log,
    metrics,
    status: () => xds.status,
    loadInterval: () => mesh.model.settings().loadReportIntervalMs,
  })
  const limits = createRateLimits({
    documents: () => mesh.model.world.all<RateLimitSpec>('RateLimit'),
    redis: options.redis,
    logger: log,
    metrics,
  })
  mesh.onChange(() => {
    reports.configChanged()
    limits.configChanged()
  })
  const xds: XdsServer = new XdsServer(mesh, {
    logger: log,
    services: [...reports.services, limits.service],
    workingSets: (node) => memory.workingSet(node),
    metrics: {
      ...served,
      converged: (seconds) => {
        served.converged(seconds)
        sources.convergence.add(seconds * 1_000)
      },
    },
    ready: () => config.ready && sources.ready,
    insecure: options.insecure,
    limits: limitsFor(options),
    ...(options.xdsTls ? { tls: defined(options.xdsTls) } : {}),
  })
  onDemandMetrics(metrics, memory)
  const figures = new ServiceFigures({
    nodes: () =>
      xds.status
        .clients()
        .filter(({ disconnectedAt }) => disconnectedAt === undefined)
        .map(({ node: { id, metadata }, peer }) => ({ id, metadata, peer })),
    onReport: (listener) => reports.load.onReport(listener),
    warn: ({ node, address }, error) =>
      log.warn({ node, address, err: error }, 'the counters of a proxy cannot be read: its traffic is not shown'),
  })
  reports.access.onMissingCluster(({ node, request }) => xds.rescue(node.id, request))
  const started: { stop(): Promise<unknown> }[] = [
    { stop: () => xds.stop(options.drainMs) },
    memory,
    sources,
    config,
    store,
    limits,
    figures,
    ...(learned ? [learned] : []),
  ]
  const stop = async () => {
    for (const one of started) await one.stop()
  }
  try {
    await memory.load()
    memory.start(() => xds.lazyProxies())
    const { port } = await listening('xds', options.xds, () => xds.listen(hostAndPort(options.xds)))
    // Before the files are read: it completes what an earlier process left half written.
    const { source, folder } = store
    const loopback = isLoopback(options.api.host)
    const history = await ConfigHistory.open({
      ...{ store, loopback, log, folder, source, config, mesh },
      ...{ status: xds.status, mine: () => store.isSequencer() },
    })
    started.unshift(history)
    const place = options.redis ? redisPresence(options.redis, log) : store.presence()
    const presence = place
      ? new Presence({
          store: place,
          name: `${hostname()}:${port}`,
          entries: () => presenceEntries({ status: xds.status, memory, mesh }),
          warn: (error) =>
            log.warn({ err: error }, 'other replicas cannot be told of the proxies here, nor asked for theirs'),
        })
      : undefined
    if (presence) {
      presence.start()
      started.unshift(presence)
    }
    const context = {
      version,
      xds: hostAndPort({ ...options.xds, port }),
      folder: options.folder,
      config,
      mesh,
      metrics,
      status: xds.status,
      reports,
      figures,
      sources,
      memory,
      ...(presence ? { presence } : {}),
      get editing() {
        return history.editing
      },
      get noEditing() {
        return history.noEditing
      },
    }
    const api = await startApi(context, options, log)
    started.unshift({ stop: () => api.close() })
    store.announce(urlOf(api, options))
    const quiet = logUpdates(config, log)
    started.unshift({ stop: async () => quiet() })
    await config.start().catch((error: Error) => {
      throw new CommandError(error.message)
    })
    await sources.start()
    figures.start()
    return {
      version,
      config,
      mesh,
      xds,
      reports,
      figures,
      registries: () => sources.states(),
      xdsAddress: { ...options.xds, port },
      apiUrl: urlOf(api, options),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Beside the history: what workloads use and which names of clusters are burnt. */
const STATE_FILE = 'on-demand.json'

/** Refuses both addresses before anything listens. */
function refuseOpen({ xds, xdsTls, api, apiTls, insecure }: ControlPlaneOptions): void {
  const servers = [
    { what: 'xDS', option: 'xds', address: xds, tls: xdsTls },
    { what: 'the API', option: 'api', address: api, tls: apiTls },
  ] as const
  for (const { what, option, address, tls } of servers)
    if (!tls && !insecure && !isLoopback(address.host))
      throw new UsageError(
        `${what} on ${hostAndPort(address)} would tell the whole configuration to everybody who can reach it: give ` +
          `--${option}-cert and --${option}-key (and --${option}-client-ca), listen on 127.0.0.1, or say --insecure if the ` +
          'network itself is trusted',
      )
}

/** Connections beyond the streams, so that one too many is told why. */
const SPARE_CONNECTIONS = 5_000

function limitsFor({ maxStreams: streams, streamAgeMs }: ControlPlaneOptions): Partial<Limits> {
  return {
    ...(streams === undefined
      ? {}
      : { streams, connections: Math.max(DEFAULT_LIMITS.connections, streams + SPARE_CONNECTIONS) }),
    ...(streamAgeMs === undefined ? {} : { streamAgeMs }),
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** The folder that `meshgate user --dir` takes for this store. */
function usersDir({ folder, stateDir }: ControlPlaneOptions): string {
  return storePlace(folder).kind === 'file' ? folder : stateFolder(folder, stateDir)
}

async function startApi(context: AdminContext, options: ControlPlaneOptions, log: Log): Promise<FastifyInstance> {
  const { api, apiTls, apiNames = [] } = options
  if (!isLoopback(api.host) && context.noEditing?.closed) throw new CommandError(context.noEditing.reason)
  if (!isLoopback(api.host) && !apiTls?.clientCa && (context.editing?.accounts.users().length ?? 0) === 0)
    throw new UsageError(
      `the API on ${hostAndPort(api)} lets people change the configuration, and no users are defined: create one with ` +
        `"meshgate user add NAME --role admin --dir ${usersDir(options)}", ask for client certificates with --api-client-ca, ` +
        'or listen on 127.0.0.1',
    )
  const app = await createAdminServer(context, {
    log,
    names: apiNames,
    ui: packageFile('dist/admin-ui/pages'),
    ...(apiTls ? { tls: readTls(apiTls) } : {}),
  })
  await listening('api', api, () => app.listen({ host: api.host, port: api.port }))
  return app
}

function readTls({ cert, key, clientCa }: ServerTls) {
  const read = (file: string) => {
    try {
      return readFileSync(file, 'utf8')
    } catch (error) {
      throw new CommandError(`API TLS: cannot read ${file}: ${(error as Error).message}`)
    }
  }
  return { cert: read(cert), key: read(key), ...(clientCa ? { clientCa: read(clientCa) } : {}) }
}

/** Runs a listen call and says what a person can do when it fails. */
async function listening<Result>(
  what: 'xds' | 'api',
  address: HostPort,
  listen: () => Promise<Result>,
): Promise<Result> {
  try {
    return await listen()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const where = hostAndPort(address)
    if (code === 'EADDRINUSE')
      throw new CommandError(
        `${where} is in use: another program (or another meshgate) listens there; choose another address with --${what} HOST:PORT`,
      )
    if (code === 'EADDRNOTAVAIL') throw new CommandError(`${where} is no address of this machine; change --${what}`)
    if (code === 'EACCES') throw new CommandError(`this user may not listen on ${where}; change --${what}`)
    throw what === 'xds' && code === undefined ? new UsageError(message) : error
  }
}

/** How long the configuration must be at rest before documents are compared with each other for the log, ms. */
const ANALYSIS_REST_MS = 1_000

/** Tells what each reading of the configuration brought; a complaint is told once, not at every reading. Returns the way to stop. */
function logUpdates(config: LiveConfig, log: Log): () => void {
  let known = new Set<string>()
  const tell = (diagnostics: readonly Diagnostic[], forget: boolean) => {
    const now = new Set(diagnostics.map(keyOf))
    for (const diagnostic of diagnostics) {
      const { severity, message, ...fields } = diagnostic
      if (!known.has(keyOf(diagnostic))) log[severity === 'warning' ? 'warn' : severity](fields, message)
    }
    known = forget ? now : new Set([...known, ...now])
  }
  let timer: NodeJS.Timeout | undefined
  config.onUpdate(({ changed, tookMs, config: { objects } }) => {
    const diagnostics = config.documentDiagnostics()
    const errors = diagnostics.filter(({ severity }) => severity === 'error').length
    log.info({ objects: objects.size, changed: changed.length, errors, ms: Math.round(tookMs) }, 'configuration read')
    tell(diagnostics, false)
    // Analysis looks at everything; while changes come in quick succession nobody reads its complaints.
    clearTimeout(timer)
    timer = setTimeout(() => tell(config.diagnostics(), true), ANALYSIS_REST_MS)
  })
  return () => clearTimeout(timer)
}

/** Lines move when something is put above them; only what has no path is told apart by its place. */
function keyOf({ code, file, path, message, line, column }: Diagnostic): string {
  return JSON.stringify([code, file, path, message, ...(path === '' ? [line, column] : [])])
}

function urlOf(api: FastifyInstance, { api: { host }, apiTls }: ControlPlaneOptions): string {
  const { port } = api.server.address() as { port: number }
  return `${apiTls ? 'https' : 'http'}://${hostAndPort({ host, port })}`
}

export function hostAndPort({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function defined({ cert, key, clientCa }: ServerTls) {
  return { cert, key, ...(clientCa ? { clientCa } : {}) }
}
