import type { Proxy as MeshProxy } from '../api/schema.ts'
import { type Health, healthOf } from '../parts/health.ts'

export interface ProxyCounts {
  readonly connected: number
  readonly synced: number
  readonly stale: number
  readonly nack: number
  /** Left in the last minutes. */
  readonly gone: number
}

/** How the proxies are doing, by their worst type. */
export function countProxies(proxies: readonly MeshProxy[]): ProxyCounts {
  const counts = { connected: 0, synced: 0, stale: 0, nack: 0, gone: 0 }
  for (const { connected, state } of proxies) {
    if (!connected) {
      counts.gone++
      continue
    }
    counts.connected++
    if (state === 'NACK') counts.nack++
    else if (state === 'STALE') counts.stale++
    else counts.synced++
  }
  return counts
}

/** How many of the services are in which health, by what they got in the last minutes. */
export function countHealth(
  hosts: Iterable<string>,
  figures: readonly { readonly hostname: string; readonly requests: number; readonly failed: number }[],
): Readonly<Record<Health, number>> {
  const got = new Map(figures.map((one) => [one.hostname, one]))
  const counts = { failing: 0, degraded: 0, healthy: 0, idle: 0 }
  for (const host of new Set(hosts)) counts[healthOf(got.get(host))]++
  return counts
}
