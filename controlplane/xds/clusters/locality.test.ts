import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LocalityLbSetting } from '../../config/kinds/policy/locality.ts'
import type { Endpoint } from '../../model/service.ts'
import { SHOP, scopeOf, target } from './fixture.ts'
import { arrangeByLocality } from './locality.ts'

const shop = scopeOf(SHOP)
const { origin } = target(shop, 'shop.test:80')[0]

let last = 0
function endpoint(locality: string, labels: Record<string, string> = {}, weight = 1): Endpoint {
  const [region = '', zone = '', subZone = ''] = locality.split('/')
  return { address: `10.0.0.${++last}`, port: 80, labels, weight, origin, locality: { region, zone, subZone } }
}

const at = (region: string, zone = '', subZone = '', labels: Record<string, string> = {}) => ({
  locality: { region, zone, subZone },
  labels,
})

/** `<priority> <locality> <weight> <number of endpoints>` for each group. */
function arranged(
  endpoints: readonly Endpoint[],
  setting: LocalityLbSetting | undefined,
  proxy: Parameters<typeof arrangeByLocality>[2],
  failover = true,
) {
  return arrangeByLocality(endpoints, setting, proxy, failover).map(
    ({ locality: { region, zone, subZone }, ...group }) =>
      `${group.priority} ${[region, zone, subZone].filter(Boolean).join('/')} ${group.weight} ${group.endpoints.length}`,
  )
}

const world = [
  endpoint('us/b'),
  endpoint('eu/x', {}, 2),
  endpoint('us/a/1'),
  endpoint('us/a/2', {}, 5),
  endpoint('us/a/1'),
  endpoint('asia/q'),
]

test('without a setting there is one priority, localities in order of name, weights added up', () => {
  const all = ['0 asia/q 1 1', '0 eu/x 2 1', '0 us/a/1 2 2', '0 us/a/2 5 1', '0 us/b 1 1']
  expect(arranged(world, undefined, at('us'))).toEqual(all)
  expect(arranged(world.toReversed(), undefined, at('us'))).toEqual(all)
})

describe('failover', () => {
  test('needs outlier detection', () => {
    expect(arranged(world, {}, at('us'), false).every((group) => group.startsWith('0'))).toBe(true)
  })

  test('goes from the own sub-zone to zone, region and the rest', () => {
    expect(arranged(world, {}, at('us', 'a', '1'))).toEqual([
      '0 us/a/1 2 2',
      '1 us/a/2 5 1',
      '2 us/b 1 1',
      '3 asia/q 1 1',
      '3 eu/x 2 1',
    ])
  })

  test('leaves no gap where a distance has no endpoint', () => {
    expect(arranged(world, {}, at('us', 'b'))).toEqual([
      '0 us/b 1 1',
      '1 us/a/1 2 2',
      '1 us/a/2 5 1',
      '2 asia/q 1 1',
      '2 eu/x 2 1',
    ])
  })

  test('prefers the region it names for the own one', () => {
    const setting = { failover: [{ from: 'us', to: 'eu' }] }
    expect(arranged(world, setting, at('us', 'b')).slice(-2)).toEqual(['2 eu/x 2 1', '3 asia/q 1 1'])
    expect(arranged(world, setting, at('asia', 'q')).slice(0, 2)).toEqual(['0 asia/q 1 1', '1 eu/x 2 1'])
  })

  test('has no order among known places for a proxy without a locality; with it are endpoints without one', () => {
    const nowhere = { locality: undefined, labels: {} }
    expect(arranged(world, {}, nowhere).every((group) => group.startsWith('0'))).toBe(true)
    expect(arranged([endpoint('us'), endpoint('')], {}, nowhere)).toEqual(['0  1 1', '1 us 1 1'])
  })
})

describe('failoverPriority', () => {
  const labelled = [
    endpoint('us/a', { rack: 'r1', shard: 's1' }),
    endpoint('us/a', { rack: 'r1', shard: 's2' }),
    endpoint('eu/x', { rack: 'r2', shard: 's1' }),
  ]

  test('prefers endpoints that share more of the labels, in their order', () => {
    const setting = { failoverPriority: ['rack', 'shard'] }
    expect(arranged(labelled, setting, at('us', 'a', '', { rack: 'r1', shard: 's1' }))).toEqual([
      '0 us/a 1 1',
      '1 us/a 1 1',
      '2 eu/x 1 1',
    ])
  })

  test('a value in the setting stands for that of the proxy', () => {
    const setting = { failoverPriority: ['rack=r2'] }
    expect(arranged(labelled, setting, at('us', 'a', '', { rack: 'r1' }))).toEqual(['0 eu/x 1 1', '1 us/a 2 2'])
  })

  test('locality labels need not be written', () => {
    const setting = { failoverPriority: ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone'] }
    expect(arranged(world, setting, at('us', 'b'))).toEqual([
      '0 us/b 1 1',
      '1 us/a/1 2 2',
      '1 us/a/2 5 1',
      '2 asia/q 1 1',
      '2 eu/x 2 1',
    ])
  })

  test('another network comes after every endpoint of the own one', () => {
    const network = 'topology.istio.io/network'
    const endpoints = [
      endpoint('us/a', { [network]: 'n2', rack: 'r1' }),
      endpoint('us/a', { [network]: 'n1', rack: 'r2' }),
      endpoint('us/a', { [network]: 'n1', rack: 'r1' }),
    ]
    const groups = arrangeByLocality(
      endpoints,
      { failoverPriority: [network, 'rack'] },
      at('us', 'a', '', { [network]: 'n1', rack: 'r1' }),
      true,
    )
    expect(groups.map((group) => group.endpoints[0]!.address)).toEqual([2, 1, 0].map((i) => endpoints[i]!.address))
  })

  test('failover orders what the labels leave equal', () => {
    const setting = { failoverPriority: ['rack'], failover: [{ from: 'us', to: 'eu' }] }
    expect(arranged(world, setting, at('us', 'b'))).toEqual([
      '0 us/b 1 1',
      '1 us/a/1 2 2',
      '1 us/a/2 5 1',
      '2 eu/x 2 1',
      '3 asia/q 1 1',
    ])
  })
})

describe('distribute', () => {
  const setting = {
    distribute: [
      { from: 'us/a/*', to: { 'us/a/*': 80, eu: 20 } },
      { from: 'us/*', to: { '*': 100 } },
    ],
  }

  test('gives each locality its share, split by weight, and nothing to localities it does not name', () => {
    expect(arranged(world, setting, at('us', 'a', '1'), false)).toEqual([
      '0 eu/x 20 1',
      '0 us/a/1 23 2',
      '0 us/a/2 58 1',
    ])
  })

  test('uses the first entry for the own locality', () => {
    expect(arranged(world, setting, at('us', 'b'), false)).toHaveLength(5)
  })

  test('from * is for proxies without a locality too', () => {
    const all = { distribute: [{ from: '*', to: { us: 100 } }] }
    expect(arranged(world, all, { locality: undefined, labels: {} }, false)).toHaveLength(3)
  })

  test('leaves everything as it is for other localities', () => {
    expect(arranged(world, setting, at('asia', 'q'), false)).toEqual(arranged(world, undefined, at('asia', 'q')))
  })
})

test('whatever the setting: no endpoint twice, priorities without gaps, weights of at least 1', () => {
  const region = fc.constantFrom('us', 'eu', 'asia')
  const place = fc
    .tuple(region, fc.constantFrom('', 'a', 'b'), fc.constantFrom('', '1'))
    .map((parts) => parts.join('/'))
  const settings = fc.record(
    {
      failover: fc.array(fc.record({ from: region, to: region })),
      failoverPriority: fc.array(fc.constantFrom('rack', 'rack=r1', 'topology.kubernetes.io/zone')),
      distribute: fc.array(fc.record({ from: place, to: fc.dictionary(place, fc.integer({ min: 0, max: 100 })) })),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.array(place, { maxLength: 12 }), settings, place, fc.boolean(), (places, setting, own, failover) => {
      const endpoints = places.map((text, index) => endpoint(text, { rack: `r${index % 2}` }, index + 1))
      const [from = '', zone, subZone] = own.split('/')
      const groups = arrangeByLocality(endpoints, setting, at(from, zone, subZone, { rack: 'r1' }), failover)
      const used = groups.flatMap((group) => group.endpoints)
      expect(new Set(used).size).toBe(used.length)
      if (!setting.distribute?.length) expect(used.length).toBe(endpoints.length)
      const priorities = [...new Set(groups.map((group) => group.priority))]
      expect(priorities.toSorted((a, b) => a - b)).toEqual(priorities.map((_, index) => index))
      for (const group of groups) expect(group.weight).toBeGreaterThanOrEqual(1)
    }),
    { numRuns: 300 },
  )
})
