import type { Registry } from 'prom-client'
import { type ExtraService, type Logger, SILENT } from '../ads/index.ts'
import type { StatusBook } from '../status/index.ts'
import { AccessBook, type AccessLimits } from './access-book.ts'
import { accessService } from './access-service.ts'
import { LoadBook, type LoadLimits } from './load-book.ts'
import { loadService } from './load-service.ts'
import { accessMetrics, loadMetrics, statusMetrics } from './metrics.ts'
import type { ReportLimits } from './node-stream.ts'
import { statusService } from './status-service.ts'
import { steadyNow } from './steady-clock.ts'

export interface ReportsOptions {
  readonly logger?: Logger
  /** ms since 1970; must not go back. */
  readonly now?: () => number
  /** How often clients report their load, in ms. Default: 10,000. */
  readonly loadInterval?: () => number
  readonly limits?: Partial<ReportLimits>
  readonly loadLimits?: Partial<LoadLimits>
  readonly accessLimits?: Partial<AccessLimits>
  /** Who is connected; without it client status is not served. */
  readonly status?: () => StatusBook
  /** Where the figures are registered. */
  readonly metrics?: Registry
}

/** What proxies tell besides xDS, and the gRPC services that take it. */
export interface Reports {
  readonly load: LoadBook
  readonly access: AccessBook
  /** For `XdsServerOptions.services`. */
  readonly services: readonly ExtraService[]
  /** To be called when the configuration has changed. */
  configChanged(): void
}

/** Books of what proxies report, and the services that fill them. */
export function createReports(options: ReportsOptions = {}): Reports {
  const { logger = SILENT, now, loadInterval = () => 10_000, limits = {}, loadLimits = {} } = options
  const load = new LoadBook(now ?? steadyNow, loadLimits)
  const loads = loadService({ book: load, logger, now: now ?? steadyNow, interval: loadInterval, limits })
  const access = new AccessBook(now ?? Date.now, options.accessLimits)
  const accesses = accessService({ book: access, logger, now: now ?? steadyNow, limits })
  const statuses = options.status ? [statusService({ status: options.status, logger })] : []
  if (options.metrics) {
    loadMetrics(options.metrics, load, loads.streams)
    accessMetrics(options.metrics, access, accesses.streams)
    for (const status of statuses) statusMetrics(options.metrics, status)
  }
  return { load, access, services: [loads, accesses, ...statuses], configChanged: () => loads.intervalChanged() }
}

export type { AccessBook, Caller, Edge, MissingCluster } from './access-book.ts'
export { RECENT_MINUTES } from './access-book.ts'
export type { ClusterLoad, LoadReport, LoadTotals, LocalityLoad, NodeLoad } from './load-book.ts'
export { LoadBook } from './load-book.ts'
export { steadyNow } from './steady-clock.ts'
