import type { ProxyClass } from '../../model/proxy-class.ts'
import { statName } from '../names.ts'
import type { CompiledCluster } from './cluster.ts'

/** What statistics and access logs call a cluster; empty where that is its name. */
export function altStatName(proxy: ProxyClass, name: string): string {
  const inStats = statName(name, proxy.delimitedStats === true)
  return inStats === name ? '' : inStats
}

/** The cluster with what statistics and access logs call it (`alt_stat_name`). Changes a message that was just made. */
export function withStatName(proxy: ProxyClass, compiled: CompiledCluster): CompiledCluster {
  const { message } = compiled
  message.altStatName = altStatName(proxy, message.name)
  return compiled
}
