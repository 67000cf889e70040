import { WireError, WireReader } from '../subscription/wire.ts'
import { bytes, readDuration, varint } from './wire-fields.ts'

/** Requests of one locality of a cluster within one interval. */
export interface LocalityReport {
  /** `region/zone/subzone`; empty when endpoints have none. */
  readonly locality: string
  readonly issued: number
  readonly succeeded: number
  readonly failed: number
  /** Unfinished at the end of the interval. */
  readonly inProgress: number
}

/** One cluster within one interval. */
export interface ClusterReport {
  readonly cluster: string
  /** Empty: nothing was sent to the cluster, and nothing is unfinished. */
  readonly localities: readonly LocalityReport[]
  readonly dropped: number
  /** Length of the interval in ms, as the client measured it; 0 when it did not. */
  readonly intervalMs: number
}

export interface LoadStatsRequest {
  readonly node: Buffer | undefined
  readonly clusters: readonly ClusterReport[]
}

const NAME_LENGTH = 1024
const CLUSTERS_IN_A_REPORT = 100_000
const LOCALITIES_IN_A_CLUSTER = 1000

/**
 * ```
 * LoadStatsRequest:      node = 1, repeated cluster_stats = 2 (ClusterStats)
 * ClusterStats:          cluster_name = 1, repeated upstream_locality_stats = 2, total_dropped_requests = 3,
 *                        load_report_interval = 4 (Duration)
 * ```
 * By hand, because an Envoy lists every cluster it has each time, used or not: 1,000 Envoys of 1,000 clusters are 100,000
 * entries a second, and a generic codec takes some microseconds for each.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/load_stats/v3/lrs.proto
 * @throws WireError
 */
export function readLoadStatsRequest(message: Buffer): LoadStatsRequest {
  const reader = new WireReader(message)
  const clusters: ClusterReport[] = []
  let node: Buffer | undefined
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === bytes(2)) {
      if (clusters.length >= CLUSTERS_IN_A_REPORT)
        throw new WireError(`more than ${CLUSTERS_IN_A_REPORT} clusters in a report`)
      clusters.push(readCluster(reader.message()))
    } else if (tag === bytes(1)) node = reader.bytes()
    else reader.skip(tag)
  }
  return { node, clusters }
}

const NO_LOCALITIES: readonly LocalityReport[] = []

function readCluster(reader: WireReader): ClusterReport {
  let cluster = ''
  let dropped = 0
  let intervalMs = 0
  let localities: LocalityReport[] | undefined
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === bytes(1)) cluster = reader.string(NAME_LENGTH)
    else if (tag === bytes(2)) {
      localities ??= []
      if (localities.length >= LOCALITIES_IN_A_CLUSTER)
        throw new WireError(`more than ${LOCALITIES_IN_A_CLUSTER} localities of cluster ${cluster}`)
      localities.push(readLocalityStats(reader.message()))
    } else if (tag === varint(3)) dropped = reader.varint()
    else if (tag === bytes(4)) intervalMs = readDuration(reader.message())
    else reader.skip(tag)
  }
  return { cluster, dropped, intervalMs, localities: localities ?? NO_LOCALITIES }
}

/**
 * ```
 * UpstreamLocalityStats: locality = 1, total_successful_requests = 2, total_requests_in_progress = 3,
 *                        total_error_requests = 4, total_issued_requests = 8
 * ```
 */
function readLocalityStats(reader: WireReader): LocalityReport {
  let locality = ''
  let issued = 0
  let succeeded = 0
  let failed = 0
  let inProgress = 0
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === bytes(1)) locality = readLocality(reader.message())
    else if (tag === varint(2)) succeeded = reader.varint()
    else if (tag === varint(3)) inProgress = reader.varint()
    else if (tag === varint(4)) failed = reader.varint()
    else if (tag === varint(8)) issued = reader.varint()
    else reader.skip(tag)
  }
  return { locality, issued, succeeded, failed, inProgress }
}

/** Locality: region = 1, zone = 2, sub_zone = 3 */
function readLocality(reader: WireReader): string {
  const parts = ['', '', '']
  while (!reader.done) {
    const tag = reader.tag()
    if (tag === bytes(1) || tag === bytes(2) || tag === bytes(3)) parts[(tag >>> 3) - 1] = reader.string(NAME_LENGTH)
    else reader.skip(tag)
  }
  return parts.filter(Boolean).join('/')
}
