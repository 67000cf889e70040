import type { CircuitBreaker } from '../configuration.ts'

/** Envoy's defaults. @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/circuit_breaker.proto */
export class Breaker {
  maxConnections = 1024
  maxPending = 1024
  maxRequests = 1024
  maxRetries = 3
  maxPendingBytes = 4 * 1024 * 1024
  #budgetPercent = -1
  #budgetMinimum = 3
  connections = 0
  pending = 0
  requests = 0
  /**
   * Of `requests`, those whose connection is not open yet: they are among the pending, too. Envoy lets them be requests when it opens, and turns away
   * then what is above the limit; here that is turned away before it waits.
   */
  opening = 0
  retries = 0

  /** Takes other limits; what is in use counts on. */
  update(config: CircuitBreaker = {}): void {
    this.maxConnections = config.maxConnections ?? 1024
    this.maxPending = config.maxPendingRequests ?? 1024
    this.maxRequests = config.maxRequests ?? 1024
    this.maxRetries = config.maxRetries ?? 3
    this.maxPendingBytes = config.maxPendingBytes ?? 4 * 1024 * 1024
    this.#budgetPercent = config.retryBudget?.percent ?? -1
    this.#budgetMinimum = config.retryBudget?.minRetryConcurrency ?? 3
  }

  /** Requests on open connections: Envoy's active ones. */
  get active(): number {
    return this.requests - this.opening
  }

  /** Whether one more retry may run beside those that do. The budget is of what is active or pending, each counted once. */
  mayRetry(): boolean {
    const most =
      this.#budgetPercent < 0
        ? this.maxRetries
        : Math.max(this.#budgetMinimum, Math.floor((this.#budgetPercent / 100) * (this.active + this.pending)))
    return this.retries < most
  }
}
