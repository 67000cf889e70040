import { addressText } from '../cluster/host.ts'
import type { MessageProxy } from '../proxy.ts'
import { takeStats } from '../stats/prometheus.ts'
import type { AdminSource } from './server.ts'

/** Hosts of a proxy as plain data. */
export function describeClusters(proxy: MessageProxy): readonly unknown[] {
  return [...proxy.clusters.values()].map((cluster) => ({
    name: cluster.name,
    activeConnections: cluster.activeConnections,
    hosts: cluster.hosts.map((host) => ({
      address: addressText(host.address),
      priority: host.priority,
      weight: host.weight,
      health: host.ejected ? 'ejected' : host.silent ? 'silent' : (host.config.health ?? 'healthy'),
      requestsActive: host.active,
      requestsTotal: host.total,
      errors: host.errors,
      timeouts: host.timeouts,
      connectFailures: host.connectFailures,
    })),
  }))
}

/** The admin view of one proxy in this process. */
export function localAdmin(proxy: MessageProxy, drain: () => void = () => void proxy.drain()): AdminSource {
  return {
    stats: async () => takeStats(proxy),
    configDump: () => ({ ...proxy.configuration, problems: proxy.problems }),
    clusters: async () => describeClusters(proxy),
    state: () => (proxy.draining ? 'draining' : proxy.configuration.version === '' ? 'starting' : 'live'),
    drain,
  }
}
