import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Outcome } from './limiter.ts'
import type { Rule } from './rules.ts'
import type { Store, Take } from './store.ts'

/** Rules with series of their own; the rest is counted as `_other`. */
const SERIES = 500

/** Counts decisions by rule and outcome. */
export function rateLimitMetrics(
  registry: Registry,
  store: Store,
): (rule: Rule, outcome: Outcome, hits: number) => void {
  const registers = [registry]
  const decisions = new Counter({
    name: 'meshgate_ratelimit_hits_total',
    help: 'Hits decided, by rule and outcome.',
    labelNames: ['rule', 'outcome'],
    registers,
  })
  new Gauge({
    name: 'meshgate_ratelimit_store_up',
    help: 'Whether limits can be counted; `memory` counts for this instance alone.',
    labelNames: ['kind'],
    registers,
    collect() {
      this.set({ kind: store.kind }, store.healthy ? 1 : 0)
    },
  })
  const own = new Set<string>()
  return ({ id }, outcome, hits) => {
    if (!own.has(id) && own.size < SERIES) own.add(id)
    decisions.inc({ rule: own.has(id) ? id : '_other', outcome }, hits)
  }
}

/** The store with the time of its answers measured. */
export function timedStore(store: Store, registry: Registry): Store {
  const time = new Histogram({
    name: 'meshgate_ratelimit_store_seconds',
    help: 'Time the store took for the counters of one request.',
    buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05],
    registers: [registry],
  })
  return {
    kind: store.kind,
    get healthy() {
      return store.healthy
    },
    async take(takes: readonly Take[]) {
      const end = time.startTimer()
      try {
        return await store.take(takes)
      } finally {
        end()
      }
    },
    stop: () => store.stop(),
  }
}
