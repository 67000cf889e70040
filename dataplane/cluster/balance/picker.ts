import type { Balancer } from '../../configuration.ts'
import type { Host } from '../host.ts'
import { buildMaglev, type Maglev } from './maglev.ts'
import { buildRing, type Ring } from './ring-hash.ts'

/** Chooses among a fixed set of hosts. `lo`, `hi`: the hash, when `hashed`. `attempt` counts tries from 0. */
export interface Picker {
  pick(hashed: boolean, lo: number, hi: number, attempt: number): Host | undefined
}

export interface WeightedHost {
  readonly host: Host
  /** After slow start; any positive number. */
  readonly weight: number
}

export interface PickerOptions {
  /** Only with locality-weighted balancing: weights by the index of the locality. */
  readonly localityWeights?: readonly number[]
  /** Maglev and ring hash take the names of hosts instead of their addresses. */
  readonly hashHostnames?: boolean
}

/** The picker of one priority of a cluster; of no hosts it picks none. Weights hold within a locality, and between localities where these have weights. */
export function buildPicker(balancer: Balancer, hosts: readonly WeightedHost[], options: PickerOptions = {}): Picker {
  if (hosts.length === 0) return { pick: () => undefined }
  if (balancer.kind === 'maglev' || balancer.kind === 'ringHash') return hashPicker(balancer, hosts, options)
  const { localityWeights } = options
  if (!localityWeights) return plainPicker(balancer, hosts)
  const localities = [...new Set(hosts.map(({ host }) => host.locality))].filter((i) => (localityWeights[i] ?? 0) > 0)
  const pickers = localities.map((i) =>
    plainPicker(
      balancer,
      hosts.filter(({ host }) => host.locality === i),
    ),
  )
  if (pickers.length === 0) return { pick: () => undefined }
  const turn = rotation(localities.map((i) => localityWeights[i]!))
  return { pick: (hashed, lo, hi, attempt) => pickers[turn()]!.pick(hashed, lo, hi, attempt) }
}

function plainPicker(balancer: Balancer, weighted: readonly WeightedHost[]): Picker {
  const hosts = weighted.map(({ host }) => host)
  const weights = weighted.map(({ weight }) => weight)
  if (hosts.length === 1) return { pick: () => hosts[0] }
  if (balancer.kind === 'leastRequest') return leastRequest(hosts, weights, balancer.choices ?? 2)
  const draw = balancer.kind === 'random' ? lottery(weights) : rotation(weights)
  return { pick: () => hosts[draw()] }
}

/** The fewest requests in flight, by weight, of some drawn at random. */
function leastRequest(hosts: readonly Host[], weights: readonly number[], choices: number): Picker {
  const count = hosts.length
  return {
    pick: () => {
      let best = Math.floor(Math.random() * count)
      let bestScore = (hosts[best]!.active + 1) / weights[best]!
      for (let i = 1; i < choices; i++) {
        const other = Math.floor(Math.random() * count)
        const score = (hosts[other]!.active + 1) / weights[other]!
        if (score < bestScore) {
          best = other
          bestScore = score
        }
      }
      return hosts[best]
    },
  }
}

const longestSchedule = 8192

/** Indices in turn, as often as their weights say and evenly spread. Starts anywhere, so that many proxies do not start at the same host. */
export function rotation(weights: readonly number[]): () => number {
  const count = weights.length
  let at = Math.floor(Math.random() * count)
  if (weights.every((weight) => weight === weights[0])) {
    return () => {
      at = at + 1 >= count ? 0 : at + 1
      return at
    }
  }
  const whole = weights.every(Number.isInteger)
    ? weights
    : weights.map((weight) => Math.max(1, Math.round(weight * 100)))
  const divisor = whole.reduce(gcd)
  const shares = whole.map((weight) => weight / divisor)
  const sum = shares.reduce((a, b) => a + b, 0)
  if (sum > longestSchedule) return lottery(weights)
  const schedule = new Int32Array(sum)
  const credit = new Float64Array(count)
  for (let n = 0; n < sum; n++) {
    let best = 0
    for (let i = 0; i < count; i++) {
      credit[i]! += shares[i]!
      if (credit[i]! > credit[best]!) best = i
    }
    credit[best]! -= sum
    schedule[n] = best
  }
  at = Math.floor(Math.random() * sum)
  return () => {
    at = at + 1 >= sum ? 0 : at + 1
    return schedule[at]!
  }
}

/** Indices at random, by weight. */
function lottery(weights: readonly number[]): () => number {
  const count = weights.length
  if (weights.every((weight) => weight === weights[0])) return () => Math.floor(Math.random() * count)
  const sums = new Float64Array(count)
  let sum = 0
  weights.forEach((weight, i) => {
    sum += weight
    sums[i] = sum
  })
  return () => {
    const point = Math.random() * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (sums[middle]! > point) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** Tables are built at the first message that needs one: a class of clusters nobody talks to costs nothing. */
function hashPicker(
  balancer: Extract<Balancer, { kind: 'maglev' | 'ringHash' }>,
  weighted: readonly WeightedHost[],
  options: PickerOptions,
): Picker {
  let table: Maglev | Ring | undefined
  const hosts = weighted.map(({ host }) => host)
  const build = () => {
    const list = weighted.map(({ host, weight }) => ({
      key: host.config.hashKey ?? (options.hashHostnames ? nameOf(host) : host.key),
      address: host.key,
      weight,
      ...(options.localityWeights && { locality: host.locality }),
    }))
    const weights = options.localityWeights && { localityWeights: options.localityWeights }
    return balancer.kind === 'maglev'
      ? buildMaglev(list, { ...(balancer.tableSize !== undefined && { tableSize: balancer.tableSize }), ...weights })
      : buildRing(list, balancer, options.localityWeights)
  }
  return {
    pick: (hashed, lo, hi, attempt) => {
      table ??= build()
      // Without a hash Envoy draws one.
      const index = hashed
        ? table.pick(lo, hi, attempt)
        : table.pick((Math.random() * 2 ** 32) | 0, (Math.random() * 2 ** 32) | 0, 0)
      return index < 0 ? undefined : hosts[index]
    },
  }
}

/** As Envoy names a host of a DNS cluster, the only kind it takes names of: as written, without the port. */
function nameOf({ config, address }: Host): string {
  return config.hostname ?? config.name ?? ('host' in address ? address.host : address.path)
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))
