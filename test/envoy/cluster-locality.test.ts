import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { until } from '../helpers/eventually.ts'
import { type ClusterBed, clusterOf, MODES, many, rule, service, startClusterBed, tally } from './cluster-bed.ts'

const HERE = { region: 'us', zone: 'a', subZone: '' }
const EJECT =
  'outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 600s, maxEjectionPercent: 100}'

let near: Upstream
let zone: Upstream
let far: Upstream
let other: Upstream

beforeAll(async () => {
  ;[near, zone, far, other] = (await Promise.all(['near', 'zone', 'far', 'other'].map((name) => startEcho(name)))) as [
    Upstream,
    Upstream,
    Upstream,
    Upstream,
  ]
})

beforeEach(() => {
  for (const upstream of [near, zone, far, other]) upstream.reset()
})

describe.each(MODES)('localities in Envoy, %s', (mode) => {
  let bed: ClusterBed

  const places = (name: string) =>
    service(
      name,
      [
        [near, 'us/a', 'r1'],
        [zone, 'us/b', 'r1'],
        [far, 'eu/x', 'r2'],
        [other, 'asia/q', 'r2'],
      ].map(([upstream, locality, rack]) => {
        const { port } = upstream as Upstream
        return `{address: 127.0.0.1, ports: {http: ${port}}, locality: ${locality}, labels: {rack: ${rack}}}`
      }),
    )

  beforeAll(async () => {
    const locality = (setting: string, more = '') => `{loadBalancer: {localityLbSetting: ${setting}}${more}}`
    bed = await startClusterBed(
      mode,
      [
        places('level'),
        places('shared'),
        rule('shared', locality('{distribute: [{from: us/*, to: {us/a: 70, us/b: 20, eu: 10}}]}')),
        places('hashed'),
        rule(
          'hashed',
          '{loadBalancer: {consistentHash: {httpHeaderName: x-key}, localityLbSetting: {distribute: [{from: us/*, to: {us/a: 70, us/b: 20, eu: 10}}]}}}',
        ),
        places('failing'),
        rule('failing', locality('{failover: [{from: us, to: eu}]}', `, ${EJECT}`)),
        places('racks'),
        rule('racks', locality('{failoverPriority: ["rack=r2"]}', `, ${EJECT}`)),
        places('off'),
        rule('off', locality('{enabled: false}', `, ${EJECT}`)),
      ].join(''),
      HERE,
    )
  })

  afterAll(async () => {
    expect(await bed.envoy.rejected()).toEqual({})
  })

  test.each(['level', 'off'])('%s: all localities are equal', async (name) => {
    expect(Object.keys(tally(await many(200, () => bed.get(clusterOf(name))))).sort()).toEqual([
      'far',
      'near',
      'other',
      'zone',
    ])
  })

  test('distribute: each locality gets its share within 2 points, others nothing', async () => {
    const counts = tally(await many(2000, () => bed.get(clusterOf('shared'))))
    expect(counts['other']).toBeUndefined()
    expect(Math.abs(counts['near']! / 20 - 70)).toBeLessThan(2)
    expect(Math.abs(counts['zone']! / 20 - 20)).toBeLessThan(2)
    expect(Math.abs(counts['far']! / 20 - 10)).toBeLessThan(2)
  })

  test('distribute holds for a consistent hash too', async () => {
    const counts = tally(await many(2000, (index) => bed.get(clusterOf('hashed'), { key: `player-${index}` })))
    expect(counts['other']).toBeUndefined()
    expect(Math.abs(counts['near']! / 20 - 70)).toBeLessThan(5)
    expect(Math.abs(counts['far']! / 20 - 10)).toBeLessThan(5)
  })

  test('failover: own zone, then region, then the region named, then the rest', async () => {
    const name = clusterOf('failing')
    expect((await bed.hosts(name)).map((host) => host.priority).toSorted()).toEqual([0, 1, 2, 3])
    const order = [near, zone, far, other]
    for (const upstream of order) {
      expect(tally(await many(20, () => bed.get(name), 1))).toEqual({ [upstream.name]: 20 })
      upstream.behave({ status: 503 })
      await until(
        () => bed.get(name),
        (reply) => reply.name !== upstream.name,
      )
    }
  })

  test('failoverPriority: endpoints with the label first', async () => {
    const counts = tally(await many(40, () => bed.get(clusterOf('racks'))))
    expect(Object.keys(counts).sort()).toEqual(['far', 'other'])
  })
})
