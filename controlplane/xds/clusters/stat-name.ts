import type { Cluster } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import type { ProxyClass } from '../../model/proxy-class.ts'
import { statName } from '../names.ts'

/** What statistics and access logs call a cluster; empty where that is its name. */
export function altStatName(proxy: ProxyClass, name: string): string {
  const inStats = statName(name, proxy.delimitedStats === true)
  return inStats === name ? '' : inStats
}

/** The cluster with what statistics and access logs call it (`alt_stat_name`). Changes a message that was just made. */
export function withStatName<Compiled extends { readonly message: Cluster }>(
  proxy: ProxyClass,
  compiled: Compiled,
): Compiled {
  const { message } = compiled
  message.altStatName = altStatName(proxy, message.name)
  return compiled
}
