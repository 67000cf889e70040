import type { MaglevHost } from './maglev.ts'
import { xxHash64 } from './xxhash64.ts'

/**
 * Ring hash as Envoy builds it: each host stands on the ring as often as its weight says, at the hashes of `<key>_0`, `<key>_1`, …
 * @see https://github.com/envoyproxy/envoy/blob/main/source/extensions/load_balancing_policies/ring_hash/ring_hash_lb.cc
 */
export interface Ring {
  readonly size: number
  /** Index of the host for a 64-bit hash given as int32 halves, -1 on an empty ring. */
  pick(lo: number, hi: number, attempt?: number): number
}

export interface RingOptions {
  readonly minimumRingSize?: number
  readonly maximumRingSize?: number
}

/** Envoy's default bounds; the larger one is also the largest it takes. */
export const defaultMinimum = 1024
export const defaultMaximum = 8 * 1024 * 1024

/**
 * Envoy's ring: each host stands on it as often as its weight asks, at the xxHash64 of its key and a number. `localityWeights` are by the index of
 * a locality. https://github.com/envoyproxy/envoy/blob/main/source/extensions/load_balancing_policies/ring_hash/ring_hash_lb.cc
 */
export function buildRing(
  hosts: readonly MaglevHost[],
  { minimumRingSize = defaultMinimum, maximumRingSize = defaultMaximum }: RingOptions,
  localityWeights?: readonly number[],
): Ring {
  const weights = normalised(hosts, localityWeights)
  const smallest = weights.reduce((low, weight) => (weight > 0 ? Math.min(low, weight) : low), 1)
  const scale = Math.min(Math.ceil(smallest * minimumRingSize) / smallest, maximumRingSize)
  const points: { readonly hash: bigint; readonly host: number }[] = []
  let target = 0
  hosts.forEach((host, index) => {
    target += scale * weights[index]!
    for (let i = 0; points.length < target && weights[index]! > 0; i++) {
      points.push({ hash: xxHash64(`${host.key}_${i}`), host: index })
    }
  })
  points.sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0))
  const size = points.length
  const high = Uint32Array.from(points, ({ hash }) => Number(hash >> 32n))
  const low = Uint32Array.from(points, ({ hash }) => Number(hash & 0xffffffffn))
  const owner = Int32Array.from(points, ({ host }) => host)
  return {
    size,
    pick: (lo, hi, attempt = 0) => {
      if (size === 0) return -1
      const wantedLow = lo >>> 0
      const wantedHigh = hi >>> 0
      let from = 0
      let to = size
      while (from < to) {
        const middle = (from + to) >> 1
        const h = high[middle]!
        if (h < wantedHigh || (h === wantedHigh && low[middle]! < wantedLow)) from = middle + 1
        else to = middle
      }
      return owner[(from + attempt) % size]!
    },
  }
}

function normalised(hosts: readonly MaglevHost[], localityWeights: readonly number[] | undefined): readonly number[] {
  if (!localityWeights) {
    const sum = hosts.reduce((total, { weight }) => total + weight, 0)
    return hosts.map(({ weight }) => weight / sum)
  }
  const sums = localityWeights.map((_, i) =>
    hosts.reduce((total, host) => total + (host.locality === i ? host.weight : 0), 0),
  )
  const total = localityWeights.reduce((a, b) => a + b, 0)
  return hosts.map(({ weight, locality = 0 }) =>
    total > 0 ? (weight * ((localityWeights[locality] ?? 0) / total)) / sums[locality]! : 0,
  )
}
