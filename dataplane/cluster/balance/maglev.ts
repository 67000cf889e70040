import { xxHash64 } from './xxhash64.ts'

/**
 * Maglev tables as Envoy builds them, bit for bit: a key lands on the same host through Envoy or through us.
 * @see https://github.com/envoyproxy/envoy/blob/main/source/extensions/load_balancing_policies/maglev/maglev_lb.cc
 */

/** Envoy's default and its largest table. */
export const defaultTableSize = 65537
const maxTableSize = 5_000_011

export interface MaglevHost {
  /** What is hashed: metadata `envoy.lb/hash_key`, else the host name when the policy says so, else `address:port`. */
  readonly key: string
  /** `address:port`; breaks ties between equal keys. */
  readonly address: string
  /** Load-balancing weight, 1 or more. */
  readonly weight: number
  /** Index into the weights of localities; only with locality-weighted balancing. */
  readonly locality?: number
}

export interface MaglevOptions {
  /** A prime, at most `maxTableSize`; default 65537. */
  readonly tableSize?: number
  /** Weights of localities. Absent: every host competes by its own weight. A weight of 0 takes a locality's hosts out. */
  readonly localityWeights?: readonly number[]
}

export interface Maglev {
  readonly size: number
  /** `table[slot]` is an index into the hosts given, or -1 in a table without hosts. */
  readonly table: Uint8Array | Uint16Array | Int32Array
  /** Index of the host for a 64-bit hash given as int32 halves, -1 if there is none. `attempt` counts retries from 0. */
  pick(lo: number, hi: number, attempt?: number): number
  /**
   * The host for a hash, skipping those `refused` (tried before, ejected): up to `attempts` looks at the table.
   * When all were refused the last one looked at is returned, as Envoy does.
   */
  choose(lo: number, hi: number, attempts: number, refused: (host: number) => boolean): number
}

/** @throws RangeError when the table size is no prime or too large, a weight is not positive, or a locality has no weight. */
export function buildMaglev(hosts: readonly MaglevHost[], options: MaglevOptions = {}): Maglev {
  const size = options.tableSize ?? defaultTableSize
  const wrong = wrongTableSize(size)
  if (wrong) throw new RangeError(wrong)
  return lookup(size, narrow(fill(entriesOf(hosts, options.localityWeights, size), size), hosts.length))
}

interface Entries {
  readonly host: Int32Array
  readonly position: Int32Array
  readonly skip: Int32Array
  readonly weight: Float64Array
}

/** Normalised weights in the order Envoy sorts the hosts: by key, then by address. */
function entriesOf(
  hosts: readonly MaglevHost[],
  localityWeights: readonly number[] | undefined,
  size: number,
): Entries {
  const weights = normalise(hosts, localityWeights)
  const order = hosts
    .map((host, index) => ({ index, key: Buffer.from(host.key), address: Buffer.from(host.address) }))
    .filter(({ index }) => weights[index]! > 0)
    .sort((a, b) => Buffer.compare(a.key, b.key) || Buffer.compare(a.address, b.address))
  const count = order.length
  const entries: Entries = {
    host: new Int32Array(count),
    position: new Int32Array(count),
    skip: new Int32Array(count),
    weight: new Float64Array(count),
  }
  const modulo = BigInt(size)
  order.forEach(({ index, key }, i) => {
    entries.host[i] = index
    entries.position[i] = Number(xxHash64(key, 0n) % modulo)
    entries.skip[i] = size > 2 ? Number(xxHash64(key, 1n) % (modulo - 1n)) + 1 : 1
    entries.weight[i] = weights[index]!
  })
  return entries
}

/** Floating-point steps in Envoy's order, because the turn in which a host gets its slot hangs on the last bit. */
function normalise(hosts: readonly MaglevHost[], localityWeights: readonly number[] | undefined): Float64Array {
  const weights = new Float64Array(hosts.length)
  for (const host of hosts) {
    if (!(host.weight > 0)) throw new RangeError(`weight of host ${host.address} must be positive, not ${host.weight}`)
  }
  if (!localityWeights) {
    const sum = hosts.reduce((total, host) => total + host.weight, 0)
    hosts.forEach((host, i) => {
      weights[i] = host.weight / sum
    })
    return weights
  }
  const sums = new Float64Array(localityWeights.length)
  for (const host of hosts) {
    const locality = host.locality ?? -1
    if (!(locality in localityWeights)) throw new RangeError(`host ${host.address} names no weighted locality`)
    sums[locality]! += host.weight
  }
  // Envoy counts localities that have no (healthy) host in the sum too.
  const total = localityWeights.reduce((sum, weight) => sum + weight, 0)
  hosts.forEach((host, i) => {
    const locality = host.locality!
    const share = total > 0 ? localityWeights[locality]! / total : 0
    weights[i] = (share * host.weight) / sums[locality]!
  })
  return weights
}

/** Hosts take turns to claim their next free slot; a light host sits out until its weight has added up. */
function fill(entries: Entries, size: number): Int32Array {
  const { host, position, skip, weight } = entries
  const table = new Int32Array(size).fill(-1)
  const count = host.length
  if (count === 0) return table
  const heaviest = weight.reduce((a, b) => Math.max(a, b), 0)
  const target = new Float64Array(count)
  let filled = 0
  for (let iteration = 1; filled < size; iteration++) {
    for (let i = 0; i < count && filled < size; i++) {
      if (iteration * weight[i]! < target[i]!) continue
      target[i]! += heaviest
      const step = skip[i]!
      let slot = position[i]!
      while (table[slot]! >= 0) {
        slot += step
        if (slot >= size) slot -= size
      }
      table[slot] = host[i]!
      slot += step
      position[i] = slot >= size ? slot - size : slot
      filled++
    }
  }
  return table
}

/** The same table in as few bytes as its indices need: every message with a key reads a random place in it. */
function narrow(table: Int32Array, hosts: number): Maglev['table'] {
  if (table[0]! < 0 || hosts > 1 << 16) return table
  return hosts > 1 << 8 ? Uint16Array.from(table) : Uint8Array.from(table)
}

function lookup(size: number, table: Maglev['table']): Maglev {
  const word = 2 ** 32 % size
  const inverse = 1 / size
  // Whether the whole sum below is a whole number a double can hold.
  const small = 2 ** 32 * (word + 1) <= 2 ** 53
  const pick = (lo: number, hi: number, attempt = 0): number => {
    // Envoy's retry: hash XOR (2^64 - attempt); the high half of that mask is all ones.
    const low = (attempt > 0 ? lo ^ -attempt : lo) >>> 0
    const high = (attempt > 0 ? ~hi : hi) >>> 0
    // (2^32 mod size) * (high mod size) stays below 2^53 for every allowed size, so no bigint is needed; and a division
    // with one correction, because the modulo of a double costs five times as much.
    const sum = small ? high * word + low : (high % size) * word + (low % size)
    let slot = sum - Math.floor(sum * inverse) * size
    if (slot < 0) slot += size
    else if (slot >= size) slot -= size
    return table[slot]!
  }
  return {
    size,
    table,
    pick,
    choose: (lo, hi, attempts, refused) => {
      let host = -1
      for (let attempt = 0; attempt < Math.max(1, attempts); attempt++) {
        host = pick(lo, hi, attempt)
        if (host < 0 || !refused(host)) return host
      }
      return host
    },
  }
}

/** What is wrong with a table size, by Envoy's rules; undefined if nothing is. */
export function wrongTableSize(size: number): string | undefined {
  if (size > maxTableSize) return `Maglev table size must be at most ${maxTableSize}, not ${size}`
  return isPrime(size) ? undefined : `Maglev table size must be a prime number, not ${size}`
}

function isPrime(n: number): boolean {
  if (!Number.isInteger(n) || n < 2) return false
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false
  return true
}
