import type { ConsistentHash } from '../../config/kinds/policy/load-balancer.ts'
import { cells } from '../../model/cells.ts'
import type { Scope } from '../../model/scope.ts'
import type { Service, ServicePort } from '../../model/service.ts'

/** Up to so many endpoints a table of `SMALL_TABLE_SIZE` shares keys out evenly to about one percent: some hundred slots each. */
const FEW_ENDPOINTS = 40
const SMALL_TABLE_SIZE = 4093

/** Envoy's default and upper limit; both are prime. */
const DEFAULT_TABLE_SIZE = 65_537
export const MAX_TABLE_SIZE = 5_000_011

/**
 * Size of the Maglev table: the one asked for or the nearest size that Envoy accepts (a prime up to 5000011), else by the
 * number of endpoints: a large table costs some 30 kB and more than a millisecond of start time for each cluster, and a
 * cluster of few endpoints gains nothing by it. See docs/decisions/maglev-default.md for what the one step costs.
 */
export function maglevTableSize(hash: ConsistentHash, fewEndpoints: boolean): bigint {
  return BigInt(nearestTableSize(hash.maglev?.tableSize || (fewEndpoints ? SMALL_TABLE_SIZE : DEFAULT_TABLE_SIZE)))
}

/** The size where none is asked for, by the number of endpoints of the port. */
export function defaultTableSize(endpoints: number): number {
  return endpoints <= FEW_ENDPOINTS ? SMALL_TABLE_SIZE : DEFAULT_TABLE_SIZE
}

const few = new WeakMap<Scope, (key: string) => boolean>()

/** Whether a port has few endpoints. A tracked read of this answer alone: a change of endpoints compiles no cluster again. */
export function hasFewEndpoints(scope: Scope, service: Service, port: ServicePort): boolean {
  let known = few.get(scope)
  if (!known) {
    known = cells(
      (key) => {
        const [hostname, number] = key.split('\n') as [string, string]
        const found = scope.service(hostname)
        const foundPort = found?.ports.find((candidate) => candidate.number === Number(number))
        return found && foundPort ? scope.endpoints(found, foundPort).length <= FEW_ENDPOINTS : true
      },
      undefined,
      { lasting: scope.hosts },
    )
    few.set(scope, known)
  }
  return known(`${service.hostname}\n${port.number}`)
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
