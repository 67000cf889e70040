import { Gauge, type Registry } from 'prom-client'
import type { OnDemandMemory } from './memory.ts'

/** Registers what is remembered and what was let go of. */
export function onDemandMetrics(registry: Registry, memory: Pick<OnDemandMemory, 'evictions' | 'workloads'>): void {
  const registers = [registry]
  new Gauge({
    name: 'meshgate_ondemand_evicted_clusters',
    help: 'Clusters let go of because nobody used them, since the start.',
    registers,
    collect() {
      this.set(memory.evictions)
    },
  })
  new Gauge({
    name: 'meshgate_ondemand_workloads',
    help: 'Workloads whose clusters are remembered.',
    registers,
    collect() {
      this.set(memory.workloads)
    },
  })
}
