import type { Cluster } from './cluster/cluster.ts'
import type { Engine } from './engine.ts'
import type { ListenerRuntime } from './listen/listener.ts'
import { HostPool } from './upstream/pool.ts'

/** Opens what the first message would otherwise wait for: connections held open, and those to rate limit services. Others are held open no longer. */
export function warm(engine: Engine, listeners: Iterable<ListenerRuntime>, clusters: Iterable<Cluster>): void {
  const held = new Set<object>()
  for (const { table, codec, mode: usual } of listeners) {
    if (!table) continue
    for (const { destinations, mode = usual, globalLimits } of table.routes) {
      if (globalLimits.length > 0) engine.limits.warm(globalLimits)
      // Those of clients are opened by clients.
      if (mode === 'bound') continue
      for (const { cluster } of destinations) {
        if (!cluster || cluster.minPerHost === 0) continue
        for (const host of cluster.hosts) {
          const pool = HostPool.of(engine, cluster, host, codec)
          pool.hold(mode)
          held.add(pool)
        }
      }
    }
  }
  for (const { hosts } of clusters)
    for (const { pools } of hosts) for (const pool of pools.values()) if (!held.has(pool)) pool.letGo()
}
