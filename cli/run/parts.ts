import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createMetrics, sourceMetrics } from '../../controlplane/admin/metrics.ts'
import { adsMetrics, DEFAULT_LIMITS, type Limits, XdsServer } from '../../controlplane/ads/index.ts'
import type { RateLimitSpec } from '../../controlplane/config/kinds/rate-limit.ts'
import { ServiceFigures } from '../../controlplane/figures/index.ts'
import { LiveConfig } from '../../controlplane/live-config.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import { Discovery } from '../../controlplane/model/index.ts'
import { OnDemandMemory, onDemandMetrics, stateFile } from '../../controlplane/ondemand/index.ts'
import { createRateLimits } from '../../controlplane/ratelimit/index.ts'
import { createReports, steadyNow } from '../../controlplane/reports/index.ts'
import { LearnedSets } from '../../controlplane/shared/index.ts'
import { packageFile } from '../package-file.ts'
import type { ConfigStore } from './config-store.ts'
import { ConsulSource } from './consul-source.ts'
import type { ControlPlaneOptions, ServerTls } from './control-plane-options.ts'
import type { Log } from './log.ts'

/** What a control plane consists of. */
export type Parts = ReturnType<typeof makeParts>

/** Beside the history: what workloads use and which names of clusters are burnt. */
const STATE_FILE = 'on-demand.json'

/**
 * Makes the rooms of a control plane and connects them; nothing is read and nothing listens yet. They ask each other for what they
 * need when it is needed, so those that know each other may be made in any order.
 */
export function makeParts(options: ControlPlaneOptions, store: ConfigStore, stateDir: string, log: Log) {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }
  // A single file has no place beside it that would be its own.
  const keeps = isFolder(store.folder) || store.folder === '' || options.stateDir !== undefined
  const discovery = new Discovery()
  const own = stateFile(join(stateDir, STATE_FILE))
  const learned = keeps
    ? (store.learned(own) ?? (options.redis === undefined ? undefined : new LearnedSets(own, options.redis, log)))
    : undefined
  const memory = new OnDemandMemory({
    logger: log,
    usage: {
      reporting: (node) => reports.load.reporting(node),
      lastUsed: (node, cluster) => reports.load.lastUsed(node, cluster),
    },
    now: steadyNow,
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
  const config = new LiveConfig(store.source, mesh, store.earlier, () => store.replaced())
  const metrics = createMetrics(version, config, mesh)
  const sources = new ConsulSource({
    discovery,
    given: options.consul,
    config,
    folder: store.folder || '.',
    stateDir: keeps ? stateDir : undefined,
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
  return { version, config, mesh, metrics, memory, learned, sources, reports, limits, xds, figures }
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

function defined({ cert, key, clientCa }: ServerTls) {
  return { cert, key, ...(clientCa ? { clientCa } : {}) }
}
