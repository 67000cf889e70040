import type { Configuration } from '../configuration.ts'
import { label, type StatsSnapshot } from './prometheus.ts'

/** A snapshot without what was counted for listeners, routes and clusters that the configuration has no more. */
export function withoutDeleted(snapshot: StatsSnapshot, { listeners, routes, clusters }: Configuration): StatsSnapshot {
  const there = new Set([
    ...listeners.map(({ name, statPrefix }) => `{envoy_listener_address="${label(statPrefix ?? name)}"}`),
    ...clusters.map(({ name, statName }) => `{envoy_cluster_name="${label(statName ?? name)}"}`),
    ...routes.flatMap((table) =>
      table.routes.map(({ name }, i) => `{table="${label(table.name)}",route="${label(name || String(i))}"}`),
    ),
  ])
  const stays = (key: string) => {
    const at = key.indexOf('{')
    return at < 0 || there.has(key.slice(at)) || key.includes('route="-1"')
  }
  const kept = <T>(of: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(of).filter(([key]) => stays(key)))
  return {
    counters: kept(snapshot.counters),
    gauges: kept(snapshot.gauges),
    histograms: kept(snapshot.histograms),
  }
}
