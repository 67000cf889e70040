import type { Proxy as MeshProxy } from '../api/schema.ts'

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
