import type { OutlierDetection } from '../configuration.ts'
import { C } from '../stats/counters.ts'
import type { Host } from './host.ts'

/** What the detector needs of its cluster. */
export interface OutlierScope {
  readonly hosts: readonly Host[]
  readonly counters: Float64Array
  /** The set of hosts that get traffic has changed. */
  healthChanged(): void
}

/** `local`: no reply came (timeout, reset, connect failure), `error`: an error reply of the protocol. */
export type RequestResult = 'success' | 'error' | 'local'

/**
 * Ejects hosts that fail, as Envoy does for HTTP, with error replies of the protocol in place of 5xx.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier
 */
export class OutlierDetector {
  readonly #scope: OutlierScope
  readonly config: OutlierDetection
  #nextSweep = 0

  constructor(scope: OutlierScope, config: OutlierDetection) {
    this.#scope = scope
    this.config = config
  }

  /** Counts a finished request of a host, and ejects it where it is one error in a row too many; `now` in ms. */
  record(host: Host, result: RequestResult, now: number): void {
    host.volume++
    if (result === 'success') {
      host.successes++
      host.errorsInRow = 0
      host.localErrorsInRow = 0
      return
    }
    const { consecutiveErrors = 5, consecutiveLocalErrors = 5, splitLocalErrors } = this.config
    if (result === 'local' && splitLocalErrors) {
      if (++host.localErrorsInRow === consecutiveLocalErrors) this.#eject(host, now)
      return
    }
    if (++host.errorsInRow === consecutiveErrors) this.#eject(host, now)
  }

  /** To be called now and then: brings hosts back and looks at rates once an interval. */
  sweep(now: number): void {
    const { intervalMs = 10_000, baseEjectionMs = 30_000 } = this.config
    if (now < this.#nextSweep) return
    const first = this.#nextSweep === 0
    this.#nextSweep = now + intervalMs
    const maxMs = this.#longestMs
    let changed = false
    for (const host of this.#scope.hosts) {
      if (host.ejected && now - host.ejectedAt >= Math.min(maxMs, baseEjectionMs * host.ejections)) {
        host.ejected = false
        host.errorsInRow = 0
        host.localErrorsInRow = 0
        changed = true
      } else if (!host.ejected && host.ejections > 0 && now - host.ejectedAt > intervalMs * 2) {
        // Good behaviour shortens the next ejection.
        host.ejections--
      }
    }
    if (changed) this.#scope.healthChanged()
    if (!first) this.#rates(now)
    for (const host of this.#scope.hosts) {
      host.volume = 0
      host.successes = 0
    }
  }

  get #longestMs(): number {
    const { maxEjectionMs = 300_000, baseEjectionMs = 30_000 } = this.config
    return Math.max(maxEjectionMs, baseEjectionMs)
  }

  #rates(now: number): void {
    const { successRate, failurePercentage } = this.config
    const rate = (host: Host) => (host.successes * 100) / host.volume
    if (successRate) {
      const hosts = this.#scope.hosts.filter((host) => !host.ejected && host.volume >= successRate.requestVolume)
      if (hosts.length >= Math.max(1, successRate.minimumHosts)) {
        const mean = hosts.reduce((sum, host) => sum + rate(host), 0) / hosts.length
        const variance = hosts.reduce((sum, host) => sum + (rate(host) - mean) ** 2, 0) / hosts.length
        // The factor is in thousandths, as in Envoy: 1900 is 1.9 standard deviations.
        const threshold = mean - Math.sqrt(variance) * (successRate.stdevFactor / 1000)
        for (const host of hosts) if (rate(host) < threshold) this.#eject(host, now)
      }
    }
    if (failurePercentage) {
      const hosts = this.#scope.hosts.filter((host) => !host.ejected && host.volume >= failurePercentage.requestVolume)
      if (hosts.length >= Math.max(1, failurePercentage.minimumHosts)) {
        for (const host of hosts) if (100 - rate(host) >= failurePercentage.threshold) this.#eject(host, now)
      }
    }
  }

  #eject(host: Host, now: number): void {
    if (host.ejected || host.removed) return
    const { hosts, counters } = this.#scope
    const ejected = hosts.reduce((count, other) => count + (other.ejected ? 1 : 0), 0)
    const percent = this.config.maxEjectionPercent ?? 10
    // Envoy lets one host go even when the share of one is already above the limit, unless the limit is 0.
    const allowed = percent > 0 && (ejected === 0 || ((ejected + 1) * 100) / hosts.length <= percent)
    if (!allowed) {
      counters[C.outlier_detection_ejections_overflow]!++
      host.errorsInRow = 0
      host.localErrorsInRow = 0
      return
    }
    host.ejected = true
    // Beyond the longest time more would only take longer to be forgiven; so it is in Envoy.
    const { baseEjectionMs = 30_000 } = this.config
    if (host.ejections * baseEjectionMs < this.#longestMs + baseEjectionMs) host.ejections++
    host.ejectedAt = now
    counters[C.outlier_detection_ejections_enforced_total]!++
    this.#scope.healthChanged()
  }
}
