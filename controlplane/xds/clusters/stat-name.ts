import type { ProxyClass } from '../../model/proxy-class.ts'
import { statName } from '../names.ts'
import type { CompiledCluster } from './cluster.ts'

/** The cluster with what statistics and access logs call it (`alt_stat_name`), where that is not its name. Changes a message that was just made. */
export function withStatName(proxy: ProxyClass, compiled: CompiledCluster): CompiledCluster {
  const { message } = compiled
  const inStats = statName(message.name, proxy.delimitedStats === true)
  if (inStats !== message.name) message.altStatName = inStats
  return compiled
}
