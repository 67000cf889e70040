import type { ConsistentHash } from '../../config/kinds/traffic-policy.ts'

/** Envoy's default and upper limit; both are prime. */
export const DEFAULT_TABLE_SIZE = 65_537
export const MAX_TABLE_SIZE = 5_000_011

/**
 * Size of the Maglev table: the one asked for or the nearest size that Envoy accepts (a prime up to 5000011), else the
 * default. A smaller table makes a small cluster cheaper; it would be chosen here.
 */
export function maglevTableSize(hash: ConsistentHash): bigint {
  return BigInt(nearestTableSize(hash.maglev?.tableSize || DEFAULT_TABLE_SIZE))
}

/** The prime next to `wanted`, from 2 to 5000011; of two equally near ones the larger. */
export function nearestTableSize(wanted: number): number {
  const middle = Math.min(Math.max(Math.round(wanted), 2), MAX_TABLE_SIZE)
  for (let distance = 0; ; distance++) {
    if (middle + distance <= MAX_TABLE_SIZE && isPrime(middle + distance)) return middle + distance
    if (isPrime(middle - distance)) return middle - distance
  }
}

function isPrime(candidate: number): boolean {
  if (candidate < 2) return false
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) return false
  return true
}
