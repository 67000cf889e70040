import type { Path } from '../yaml/index.ts'
import { choose, type FormEdit } from './edits.ts'
import { readMap, readText } from './schema.ts'

/** Algorithms without a key, as `simple` takes them, Istio's default first. */
export const SIMPLE = ['LEAST_REQUEST', 'ROUND_ROBIN', 'RANDOM', 'PASSTHROUGH'] as const

/** What a consistent hash reads: one of these fields. */
export const HASH_KEYS = ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'] as const
export type HashKey = (typeof HASH_KEYS)[number]

export type Algorithm = 'maglev' | 'ringHash'

/** How endpoints are chosen, as the form shows it. */
export type Balancing =
  | { readonly kind: 'simple'; readonly simple: string | undefined }
  | {
      readonly kind: 'hash'
      readonly key: HashKey | undefined
      readonly algorithm: Algorithm
      readonly tableSize: number | undefined
      readonly minimumRingSize: number | undefined
    }
  | { readonly kind: 'utilization' }

/** How a `loadBalancer` says that endpoints are chosen; names written with underscores count, too. */
export function readBalancing(loadBalancer: unknown): Balancing {
  const map = readMap({ loadBalancer }, 'loadBalancer')
  if ('consistentHash' in map || 'consistent_hash' in map) {
    const hash = readMap(map, 'consistentHash')
    const ring = readMap(hash, 'ringHash')
    const size = (of: unknown, field: string) => {
      const text = readText(of, field)
      return text === undefined ? undefined : Number(text)
    }
    return {
      kind: 'hash',
      key: HASH_KEYS.find((key) => readText(hash, key) !== undefined || hash[key] !== undefined),
      algorithm: 'ringHash' in hash || 'ring_hash' in hash ? 'ringHash' : 'maglev',
      tableSize: size(readMap(hash, 'maglev'), 'tableSize'),
      minimumRingSize: size(ring, 'minimumRingSize') ?? size(hash, 'minimumRingSize'),
    }
  }
  if ('backendUtilization' in map) return { kind: 'utilization' }
  return { kind: 'simple', simple: readText(map, 'simple') }
}

const KINDS = ['simple', 'consistentHash', 'backendUtilization'] as const

/** Balancing without a key. */
export function chooseSimple(document: unknown, path: Path, simple: string): readonly FormEdit[] {
  return choose(document, path, KINDS, 'simple', simple)
}

const FIRST_VALUE: Readonly<Record<HashKey, unknown>> = {
  httpHeaderName: 'x-user',
  httpCookie: { name: 'user', ttl: '0s' },
  useSourceIp: true,
  httpQueryParameterName: 'user',
}

/** Balancing by a key; what is written about the algorithm stays. */
export function chooseHash(document: unknown, path: Path, key: HashKey): readonly FormEdit[] {
  const hash = readMap(document, ...path, 'consistentHash')
  if (Object.keys(hash).length > 0)
    return choose(document, [...path, 'consistentHash'], HASH_KEYS, key, FIRST_VALUE[key])
  return choose(document, path, KINDS, 'consistentHash', { [key]: FIRST_VALUE[key], maglev: {} })
}

/** The table of a consistent hash. */
export function chooseAlgorithm(
  document: unknown,
  path: Path,
  algorithm: Algorithm,
  size: number | undefined,
): readonly FormEdit[] {
  const value = size === undefined ? {} : algorithm === 'maglev' ? { tableSize: size } : { minimumRingSize: size }
  return choose(document, [...path, 'consistentHash'], ['ringHash', 'maglev'], algorithm, value)
}

/**
 * The service a host of a DestinationRule names: as it is written, or a short name in the namespace of the rule. Undefined when there is none
 * of that name, or the host is a pattern.
 */
export function serviceOf(host: string, namespace: string, services: readonly string[]): string | undefined {
  const name = host.toLowerCase()
  return services.find((one) => one === name) ?? services.find((one) => one.startsWith(`${name}.${namespace}.svc.`))
}

/** Table sizes on offer: primes, each about four times the one before. Envoy takes primes up to 5000011. */
export const TABLE_SIZES = [251, 1021, 4093, 16_381, 65_537, 262_139, 1_048_573] as const
/** Envoy's bound: https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/load_balancing_policies/maglev/v3/maglev.proto */
export const LARGEST_TABLE = 5_000_011

/** Whether a whole number is prime, by division: fast enough up to the largest table. */
export function isPrime(n: number): boolean {
  if (!Number.isInteger(n) || n < 2) return false
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false
  return true
}

/** What is wrong with a table size, by the key of its text. */
export function tableSizeProblem(size: number): 'notPrime' | 'tooLarge' | undefined {
  if (size > LARGEST_TABLE) return 'tooLarge'
  return isPrime(size) ? undefined : 'notPrime'
}

/** The next prime at or above a number, for a hint. */
export function primeAtLeast(n: number): number {
  let at = Math.max(2, Math.ceil(n))
  while (!isPrime(at)) at++
  return at
}

/**
 * What a table costs a proxy, bytes, and how uneven it is at worst: Maglev's shares of two endpoints differ by about endpoints / size.
 * Envoy keeps one pointer of 8 bytes a slot (its compact form, for small clusters, less).
 */
export function tableCost(size: number, endpoints: number): { readonly bytes: number; readonly unevenness: number } {
  return { bytes: size * 8, unevenness: endpoints === 0 ? 0 : Math.min(1, endpoints / size) }
}
