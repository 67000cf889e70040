import type { MessageProxy } from '../proxy.ts'
import { takeStats } from '../stats/prometheus.ts'
import type { AdminSource } from './server.ts'
import { describeClusters, describeListeners, notOpen } from './views.ts'

/** The admin view of one proxy in this process. */
export function localAdmin(proxy: MessageProxy, drain: () => void = () => void proxy.drain()): AdminSource {
  return {
    stats: async () => takeStats(proxy),
    configDump: () => ({ ...proxy.configuration, problems: proxy.problems }),
    clusters: async () => describeClusters(proxy),
    listeners: async () => describeListeners(proxy),
    state: () => (proxy.draining ? 'draining' : proxy.configuration.version === '' ? 'starting' : 'live'),
    notOpen: () => notOpen(proxy.problems),
    drain,
  }
}
