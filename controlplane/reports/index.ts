import type { Registry } from 'prom-client'
import { type ExtraService, type Logger, SILENT } from '../ads/index.ts'
import { LoadBook, type LoadLimits } from './load-book.ts'
import { loadService } from './load-service.ts'
import { loadMetrics } from './metrics.ts'
import type { ReportLimits } from './node-stream.ts'

export interface ReportsOptions {
  readonly logger?: Logger
  /** ms since 1970; must not go back. */
  readonly now?: () => number
  /** How often clients report their load, in ms. Default: 10,000. */
  readonly loadInterval?: () => number
  readonly limits?: Partial<ReportLimits>
  readonly loadLimits?: Partial<LoadLimits>
  /** Where the figures are registered. */
  readonly metrics?: Registry
}

/** What proxies tell besides xDS, and the gRPC services that take it. */
export interface Reports {
  readonly load: LoadBook
  /** For `XdsServerOptions.services`. */
  readonly services: readonly ExtraService[]
  /** To be called when the configuration has changed. */
  configChanged(): void
}

export function createReports(options: ReportsOptions = {}): Reports {
  const { logger = SILENT, now = Date.now, loadInterval = () => 10_000, limits = {}, loadLimits = {} } = options
  const load = new LoadBook(now, loadLimits)
  const loads = loadService({ book: load, logger, now, interval: loadInterval, limits })
  if (options.metrics) loadMetrics(options.metrics, load, loads.streams)
  return { load, services: [loads], configChanged: () => loads.intervalChanged() }
}

export type { ClusterLoad, LoadReport, LoadTotals, LocalityLoad, NodeLoad } from './load-book.ts'
export { LoadBook } from './load-book.ts'
