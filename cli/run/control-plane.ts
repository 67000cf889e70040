import { hostname } from 'node:os'
import { presenceEntries } from '../../controlplane/admin/replicas.ts'
import { isLoopback, type XdsServer } from '../../controlplane/ads/index.ts'
import { type HostPort, hostAndPort } from '../../controlplane/bootstrap/host-port.ts'
import type { SourceState } from '../../controlplane/consul/index.ts'
import type { ServiceFigures } from '../../controlplane/figures/index.ts'
import type { LiveConfig } from '../../controlplane/live-config.ts'
import type { CompiledMesh } from '../../controlplane/mesh.ts'
import type { Reports } from '../../controlplane/reports/index.ts'
import { Presence, redisPresence } from '../../controlplane/shared/index.ts'
import { CommandError } from '../errors.ts'
import { apiCertificates, startApi, urlOf } from './api.ts'
import { certificateMetrics } from './certificate-metrics.ts'
import { type ConfigStore, openConfigStore, stateFolder } from './config-store.ts'
import { type ControlPlaneOptions, refuseOpen } from './control-plane-options.ts'
import { ConfigHistory } from './history.ts'
import { listening } from './listening.ts'
import type { Log } from './log.ts'
import { logDescriptors } from './log-descriptors.ts'
import { logUpdates } from './log-updates.ts'
import { makeParts, type Parts } from './parts.ts'

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
  const state = stateFolder(options.folder, options.stateDir)
  const { consul: { url: _, datacenters: __, ...address } = {} } = options
  const store = await openConfigStore(options.folder, { address, stateDir: state, log })
  const parts = makeParts(options, store, state, log)
  const { config, mesh, xds, memory, sources, reports, figures, version } = parts
  /** What was started last is stopped first. */
  const started: { stop(): Promise<unknown> }[] = [
    { stop: () => xds.stop(options.drainMs) },
    memory,
    sources,
    config,
    store,
    parts.limits,
    figures,
    ...(parts.learned ? [parts.learned] : []),
  ]
  const stop = async () => {
    for (const one of started) await one.stop()
  }
  try {
    await memory.load()
    memory.start(() => xds.lazyProxies())
    const { port } = await listening('xds', options.xds, () => xds.listen(hostAndPort(options.xds)))
    const xdsAddress = { ...options.xds, port }
    // Before the files are read: it completes what an earlier process left half written.
    const history = await ConfigHistory.open({
      store,
      loopback: isLoopback(options.api.host),
      log,
      folder: store.folder,
      source: store.source,
      config,
      mesh,
      status: xds.status,
      mine: () => store.isSequencer(),
      figures,
    })
    started.unshift(history)
    const presence = presenceOf(parts, { redis: options.redis, store, port, log })
    if (presence) {
      presence.start()
      started.unshift(presence)
    }
    const context = {
      version,
      xds: hostAndPort(xdsAddress),
      folder: options.folder,
      config,
      mesh,
      metrics: parts.metrics,
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
    const certificates = apiCertificates(options.apiTls, log)
    if (certificates) started.unshift({ stop: async () => certificates.stop() })
    certificateMetrics(parts.metrics, config, { xds: () => xds.certificateUntil, api: () => certificates?.until })
    const api = await startApi(context, certificates, options, log)
    started.unshift({ stop: () => api.close() })
    const apiUrl = urlOf(api, options)
    store.announce(apiUrl)
    for (const quiet of [logUpdates(config, log), logDescriptors(log)]) started.unshift({ stop: async () => quiet() })
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
      xdsAddress,
      apiUrl,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

interface PresenceOptions {
  readonly redis: string | undefined
  readonly store: ConfigStore
  /** That xDS is served on: two control planes of one host are told apart by it. */
  readonly port: number
  readonly log: Log
}

/** What tells other replicas of the proxies here, and of theirs; undefined where replicas share nothing. */
function presenceOf(parts: Parts, { redis, store, port, log }: PresenceOptions): Presence | undefined {
  const { memory, mesh, xds } = parts
  const place = redis ? redisPresence(redis, log) : store.presence()
  return (
    place &&
    new Presence({
      store: place,
      name: `${hostname()}:${port}`,
      entries: () => presenceEntries({ status: xds.status, memory, mesh }),
      warn: (error) =>
        log.warn({ err: error }, 'other replicas cannot be told of the proxies here, nor asked for theirs'),
    })
  )
}
