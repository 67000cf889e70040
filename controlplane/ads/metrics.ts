import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { ResourceType } from '../../proto/types.ts'
import type { Form } from '../subscription/request.ts'

/** What the serving side counts. Names are istiod's where the meaning is the same: people's dashboards know them. */
export interface AdsMetrics {
  connected(count: number): void
  pushed(type: ResourceType, bytes: number): void
  /** A resource was encoded, once for all proxies of a class. */
  compiled(type: ResourceType): void
  sendTime(seconds: number): void
  /** From a change of the configuration until a client has accepted everything it was sent because of it. */
  converged(seconds: number): void
  rejected(type: ResourceType): void
  expiredNonce(type: ResourceType): void
  acked(type: ResourceType): void
  pushTriggered(reason: 'config' | 'request' | 'verdict'): void
  writeTimeout(): void
  /** A proxy that gets clusters on demand has not acknowledged clusters for a second: it can start nothing cold. */
  slowAck(): void
  /** Clusters sent because a request found none. */
  rescued(count: number): void
  refused(reason: string): void
  opened(form: Form): void
  roundTime(seconds: number): void
  /** Resources that differed from the configuration although no change was told; they are sent anew. */
  drifted(count: number): void
  /** A comparison of all classes is complete. */
  verified(): void
}

/** Registers the metrics of one server in `registry`. */
export function adsMetrics(registry: Registry): AdsMetrics {
  const registers = [registry]
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name, help, labelNames, registers })
  const connected = new Gauge({ name: 'pilot_xds', help: 'Proxies connected over xDS.', registers })
  const pushes = counter('pilot_xds_pushes', 'Responses sent.', ['type'])
  const compiled = counter('meshgate_xds_compiled_resources', 'Resources compiled and encoded, once per class.', [
    'type',
  ])
  const rejects = counter('pilot_total_xds_rejects', 'Responses refused by proxies.', ['type'])
  const expired = counter('pilot_xds_expired_nonce', 'Requests that answer no outstanding response.', ['type'])
  const acks = counter('meshgate_xds_acks', 'Responses accepted by proxies.', ['type'])
  const triggers = counter('pilot_push_triggers', 'What made the server send.', ['type'])
  const timeouts = counter('pilot_xds_write_timeout', 'Proxies disconnected because they did not read.')
  const slow = counter('meshgate_ondemand_slow_acks', 'Clusters got on demand and not acknowledged within a second.')
  const rescued = counter('meshgate_ondemand_rescued_clusters', 'Clusters sent because a request failed without them.')
  const refused = counter('meshgate_xds_refused_streams', 'Streams refused or ended by the server.', ['reason'])
  const streams = counter('meshgate_xds_streams', 'Streams opened.', ['form'])
  const size = new Histogram({
    name: 'pilot_xds_config_size_bytes',
    help: 'Size of responses.',
    labelNames: ['type'],
    buckets: [1000, 10_000, 100_000, 1e6, 4e6, 10e6, 40e6],
    registers,
  })
  const sendTime = new Histogram({
    name: 'pilot_xds_send_time',
    help: 'Seconds until a flight of responses had left for the kernel.',
    buckets: [0.001, 0.01, 0.1, 1, 3, 5, 10, 20, 30],
    registers,
  })
  const convergence = new Histogram({
    name: 'pilot_proxy_convergence_time',
    help: 'Seconds from a change until a proxy accepted all of it.',
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 3, 5, 10, 20, 30],
    registers,
  })
  const round = new Histogram({
    name: 'pilot_xds_push_time',
    help: 'Seconds one round of pushes took, other work in between included.',
    buckets: [0.001, 0.01, 0.1, 0.5, 1, 3, 5],
    registers,
  })
  const drift = counter(
    'meshgate_xds_drift_repaired',
    'Resources that differed from the configuration although no change was told; they were sent anew.',
  )
  const verified = new Gauge({
    name: 'meshgate_xds_verified_timestamp_seconds',
    help: 'When all that proxies were told was last compared with the configuration.',
    registers,
  })
  return {
    connected: (count) => connected.set(count),
    pushed(type, bytes) {
      pushes.inc({ type })
      size.observe({ type }, bytes)
    },
    compiled: (type) => compiled.inc({ type }),
    sendTime: (seconds) => sendTime.observe(seconds),
    converged: (seconds) => convergence.observe(seconds),
    rejected: (type) => rejects.inc({ type }),
    expiredNonce: (type) => expired.inc({ type }),
    acked: (type) => acks.inc({ type }),
    pushTriggered: (type) => triggers.inc({ type }),
    writeTimeout: () => timeouts.inc(),
    rescued: (count) => rescued.inc(count),
    slowAck: () => slow.inc(),
    refused: (reason) => refused.inc({ reason }),
    opened: (form) => streams.inc({ form }),
    roundTime: (seconds) => round.observe(seconds),
    drifted: (count) => drift.inc(count),
    verified: () => verified.setToCurrentTime(),
  }
}

const nothing = () => {}

/** For servers nobody watches. */
export const NO_METRICS: AdsMetrics = {
  connected: nothing,
  pushed: nothing,
  compiled: nothing,
  sendTime: nothing,
  converged: nothing,
  rejected: nothing,
  expiredNonce: nothing,
  acked: nothing,
  pushTriggered: nothing,
  writeTimeout: nothing,
  slowAck: nothing,
  rescued: nothing,
  refused: nothing,
  opened: nothing,
  roundTime: nothing,
  drifted: nothing,
  verified: nothing,
}
