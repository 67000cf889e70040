import { buildMaglev, type Maglev, type MaglevHost } from '../../../dataplane/cluster/balance/maglev.ts'
import { xxHash64 } from '../../../dataplane/cluster/balance/xxhash64.ts'

export interface PreviewEndpoint {
  /** `address:port` */
  readonly address: string
  readonly weight: number
}

export interface MaglevPreview {
  readonly tableSize: number
  readonly endpoints: readonly (PreviewEndpoint & {
    /** Share of the keys, 0 to 1. */
    readonly share: number
    /** Share of the keys that go elsewhere when this one leaves, its own included, 0 to 1. */
    readonly moved: number
  })[]
  /** Where each key goes, in order: an address, absent when there is no endpoint. */
  readonly keys: readonly { readonly key: string; readonly address?: string; readonly without?: string }[]
}

/**
 * Which endpoint a key hits, by the table Envoy builds, and how much moves when one leaves. `without` of a key is where it goes when
 * the endpoint it is on leaves. @throws RangeError for a table size that is no prime or too large
 */
export function maglevPreview(
  endpoints: readonly PreviewEndpoint[],
  tableSize: number,
  keys: readonly string[],
): MaglevPreview {
  const hosts = endpoints.map(({ address, weight }): MaglevHost => ({ key: address, address, weight }))
  const whole = buildMaglev(hosts, { tableSize })
  const rests = hosts.map((_host, gone) => hosts.filter((_one, index) => index !== gone))
  const tables = rests.map((rest) => buildMaglev(rest, { tableSize }))
  const counts = new Array<number>(hosts.length).fill(0)
  for (const host of whole.table) if (host >= 0) counts[host]!++
  return {
    tableSize,
    endpoints: endpoints.map(({ address, weight }, index) => ({
      ...{ address, weight },
      share: counts[index]! / tableSize,
      moved: movedShare(whole, tables[index]!, index),
    })),
    keys: keys.map((key) => {
      const [lo, hi] = halves(xxHash64(Buffer.from(key), 0n))
      const host = whole.pick(lo, hi)
      if (host < 0) return { key }
      const next = rests[host]![tables[host]!.pick(lo, hi)]
      return { key, address: hosts[host]!.address, ...(next ? { without: next.address } : {}) }
    }),
  }
}

function movedShare(whole: Maglev, rest: Maglev, gone: number): number {
  let moved = 0
  for (let slot = 0; slot < whole.size; slot++) {
    const before = whole.table[slot]!
    const after = rest.table[slot]!
    // Indices behind the one that left are one less.
    if (before === gone || after < 0 || (after >= gone ? after + 1 : after) !== before) moved++
  }
  return moved / whole.size
}

function halves(hash: bigint): readonly [lo: number, hi: number] {
  return [Number(BigInt.asIntN(32, hash)), Number(BigInt.asIntN(32, hash >> 32n))]
}
