import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildMaglev, type MaglevHost } from './maglev.ts'
import { hashInto, split, xxHash64 } from './xxhash64.ts'

interface CaseHost {
  readonly address: string
  readonly weight: number
  readonly hostname?: string
  readonly hashKey?: string
  readonly zone?: string
}
interface Vector {
  readonly name: string
  readonly tableSize: number
  readonly hashOn: string
  readonly hosts?: readonly CaseHost[]
  readonly healthy?: readonly number[]
  readonly localities?: readonly { readonly zone: string; readonly weight: number }[]
  readonly table: readonly number[] | null
  readonly error?: string
  readonly minEntries?: number
  readonly maxEntries?: number
  readonly retries?: readonly { readonly hash: number; readonly attempt: number; readonly host: number }[]
  readonly generate?: {
    readonly addressPattern: string
    readonly count: number
    readonly zoneA: readonly number[]
    readonly localityWeights: Readonly<Record<string, number>>
  }
  readonly counts?: { readonly others: number } & Readonly<Record<string, number>>
}

const cases = process.env['MESHGATE_CASES'] ?? fileURLToPath(new URL('../../../../shared/cases', import.meta.url))
const file = join(cases, 'maglev.json')
const present = existsSync(file)
if (!present) console.warn(`SKIPPED: no ${file}; set MESHGATE_CASES to compare Maglev tables with Envoy's`)
const vectors: readonly Vector[] = present ? JSON.parse(readFileSync(file, 'utf8')).vectors : []

const keyOf = (host: CaseHost, hashOn: string) =>
  (hashOn.startsWith('metadata') ? host.hashKey : hashOn === 'hostname' ? host.hostname : undefined) ?? host.address

function build(vector: Vector) {
  const { generate } = vector
  const weights = generate
    ? Object.entries(generate.localityWeights).map(([zone, weight]) => ({ zone, weight }))
    : vector.localities
  const list: readonly CaseHost[] = generate
    ? Array.from({ length: generate.count }, (_, i) => ({
        address: generate.addressPattern.replace('{i}', String(i)),
        weight: 1,
        zone: generate.zoneA.includes(i) ? 'A' : 'B',
      }))
    : (vector.hosts ?? [])
  const hosts = list.map((host): MaglevHost => {
    const base = { key: keyOf(host, vector.hashOn), address: host.address, weight: host.weight }
    return weights ? { ...base, locality: weights.findIndex(({ zone }) => zone === host.zone) } : base
  })
  return buildMaglev(hosts, {
    tableSize: vector.tableSize,
    ...(weights && { localityWeights: weights.map(({ weight }) => weight) }),
  })
}

function countsOf(table: Iterable<number>): Map<number, number> {
  const counts = new Map<number, number>()
  for (const host of table) counts.set(host, (counts.get(host) ?? 0) + 1)
  return counts
}

describe.skipIf(!present)('tables equal to those of stock Envoy', () => {
  test.each(vectors.map((vector) => [vector.name, vector] as const))('%s', (_, vector) => {
    if (vector.error) {
      expect(() => build(vector)).toThrow(/must be a prime number/)
      return
    }
    const maglev = build(vector)
    if (vector.table) expect([...maglev.table]).toEqual(vector.table)
    else if (vector.counts) {
      const { others, ...named } = vector.counts
      for (const [host, count] of countsOf(maglev.table)) expect(count, `host ${host}`).toBe(named[host] ?? others)
    } else expect(maglev.pick(12345, 678)).toBe(-1)
    if (vector.table && vector.maxEntries !== undefined && new Set(vector.table).size > 1) {
      const counts = [...countsOf(maglev.table).values()]
      expect([Math.min(...counts), Math.max(...counts)]).toEqual([vector.minEntries, vector.maxEntries])
    }
    for (const { hash, attempt, host } of vector.retries ?? []) expect(maglev.pick(hash, 0, attempt)).toBe(host)
  })
})

const hostsOf = (count: number): MaglevHost[] =>
  Array.from({ length: count }, (_, i) => ({ key: `10.0.0.${i}:80`, address: `10.0.0.${i}:80`, weight: 1 + (i % 3) }))

describe('lookup', () => {
  test('is hash modulo table size, for any prime and any hash', () => {
    const tables = [2, 7, 65537, 1021, 5_000_011].map((tableSize) => buildMaglev(hostsOf(9), { tableSize }))
    const hash = { lo: 0, hi: 0 }
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.integer({ min: 0, max: 5 }), (value, attempt) => {
        split(value, hash)
        const mixed = attempt === 0 ? value : value ^ (2n ** 64n - BigInt(attempt))
        for (const { table, size, pick } of tables) {
          expect(pick(hash.lo, hash.hi, attempt)).toBe(table[Number(mixed % BigInt(size))])
        }
      }),
    )
  })

  test('retries move on; when every attempt is refused the last host looked at is used', () => {
    const maglev = buildMaglev(hostsOf(5), { tableSize: 7 })
    const seen: number[] = []
    const last = maglev.choose(10, 0, 3, (host) => seen.push(host) > 0)
    expect(seen).toEqual([0, 1, 2].map((attempt) => maglev.pick(10, 0, attempt)))
    expect(last).toBe(seen[2])
    expect(maglev.choose(10, 0, 3, () => false)).toBe(seen[0])
  })
})

describe('tables', () => {
  test('do not depend on the order in which hosts are given', () => {
    const hosts = hostsOf(12)
    const addresses = (given: MaglevHost[]) =>
      [...buildMaglev(given, { tableSize: 1021 }).table].map((i) => given[i]!.address)
    expect(addresses([...hosts].reverse())).toEqual(addresses(hosts))
  })

  test('hold as many hosts as are given', () => {
    for (const count of [0, 1, 256, 257]) {
      const { table } = buildMaglev(hostsOf(count), { tableSize: 65537 })
      expect(new Set(table)).toEqual(new Set(count === 0 ? [-1] : Array.from({ length: count }, (_, i) => i)))
    }
  })

  test('removing one host of many moves few keys', () => {
    const hosts = hostsOf(100).map((host) => ({ ...host, weight: 1 }))
    const before = buildMaglev(hosts)
    const after = buildMaglev(hosts.slice(0, 99))
    const moved = before.table.filter((host, slot) => host !== 99 && after.table[slot] !== host).length
    expect(moved / before.size).toBeLessThan(0.02)
  })

  test('refuse sizes and weights Envoy refuses', () => {
    expect(() => buildMaglev(hostsOf(1), { tableSize: 5_000_077 })).toThrow(/at most 5000011/)
    expect(() => buildMaglev(hostsOf(1), { tableSize: 1 })).toThrow(/prime/)
    expect(() => buildMaglev([{ key: 'a', address: 'a', weight: 0 }])).toThrow(/positive/)
  })
})

test('xxHash64 gives the published values', () => {
  // https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md and its test vectors
  expect(xxHash64('')).toBe(0xef46db3751d8e999n)
  expect(xxHash64('a')).toBe(0xd24ec4f1a98c6e5bn)
  const out = { lo: 0, hi: 0 }
  hashInto(new TextEncoder().encode('a'), out)
  expect([out.hi >>> 0, out.lo >>> 0]).toEqual([0xd24ec4f1, 0xa98c6e5b])
})
