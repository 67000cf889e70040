import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clusterWith } from './fixture.ts'
import { MAX_TABLE_SIZE, maglevTableSize, nearestTableSize } from './maglev-table.ts'

/** Name and settings of the typed policy. */
function policyWith(loadBalancer: string, more = '') {
  const cluster = clusterWith(`{loadBalancer: ${loadBalancer}${more}}`)
  const { name, typedConfig } = cluster.loadBalancingPolicy.policies[0].typedExtensionConfig
  const { '@type': _, ...settings } = typedConfig
  return [name.replace('envoy.load_balancing_policies.', ''), settings]
}

describe('simple', () => {
  test.each([
    ['{}', 'least_request'],
    ['{simple: UNSPECIFIED}', 'least_request'],
    ['{simple: LEAST_REQUEST}', 'least_request'],
    ['{simple: LEAST_CONN}', 'least_request'],
    ['{simple: ROUND_ROBIN}', 'round_robin'],
    ['{simple: RANDOM}', 'random'],
  ])('%s is %s', (settings, name) => {
    expect(policyWith(settings)).toEqual([name, {}])
  })

  test('PASSTHROUGH goes to the address the caller dialled', () => {
    const cluster = clusterWith('{loadBalancer: {simple: PASSTHROUGH}}')
    expect(cluster).toMatchObject({ type: 'ORIGINAL_DST', lbPolicy: 'CLUSTER_PROVIDED' })
    expect(cluster.loadBalancingPolicy).toBeUndefined()
    expect(cluster.edsClusterConfig).toBeUndefined()
  })
})

test('backendUtilization takes weights from what endpoints report', () => {
  expect(policyWith('{backendUtilization: {}}')).toEqual(['client_side_weighted_round_robin', {}])
  expect(
    policyWith(
      `{backendUtilization: {errorUtilizationPenaltyPercent: 150, metricNamesForComputingUtilization: [named_metrics.q],
        weightExpirationPeriod: 60s, weightStabilizationPeriod: 5s, weightUpdatePeriod: 500ms}}`,
    ),
  ).toEqual([
    'client_side_weighted_round_robin',
    {
      errorUtilizationPenalty: 1.5,
      metricNamesForComputingUtilization: ['named_metrics.q'],
      weightExpirationPeriod: '60s',
      blackoutPeriod: '5s',
      weightUpdatePeriod: '0.500s',
    },
  ])
})

describe('consistentHash', () => {
  test.each([
    ['{httpHeaderName: uid}', ['maglev', { tableSize: '4093' }]],
    ['{httpHeaderName: uid, maglev: {}}', ['maglev', { tableSize: '4093' }]],
    ['{httpHeaderName: uid, maglev: {tableSize: 1021}}', ['maglev', { tableSize: '1021' }]],
    ['{httpHeaderName: uid, maglev: {tableSize: 1000}}', ['maglev', { tableSize: '997' }]],
    ['{httpHeaderName: uid, ringHash: {}}', ['ring_hash', { minimumRingSize: '1024' }]],
    ['{httpHeaderName: uid, ringHash: {minimumRingSize: 64}}', ['ring_hash', { minimumRingSize: '64' }]],
    ['{httpHeaderName: uid, minimumRingSize: 64}', ['ring_hash', { minimumRingSize: '64' }]],
  ])('%s', (hash, expected) => {
    expect(policyWith(`{consistentHash: ${hash}}`)).toEqual(expected)
  })

  test('a Maglev table is small for up to 40 endpoints, unless its size is asked for', () => {
    const size = (hash: object, few: boolean) => Number(maglevTableSize(hash, few))
    expect([size({}, true), size({}, false)]).toEqual([4093, 65_537])
    expect([true, false].map((few) => size({ maglev: { tableSize: 1021 } }, few))).toEqual([1021, 1021])
  })

  test('a Maglev table is always a prime Envoy accepts, near the size asked for', () => {
    expect([0, 1, 4, 65_536, 65_537, 6_000_000].map(nearestTableSize)).toEqual([2, 2, 5, 65_537, 65_537, 5_000_011])
    fc.assert(
      fc.property(fc.integer({ min: 2, max: MAX_TABLE_SIZE }), (wanted) => {
        const size = nearestTableSize(wanted)
        for (let divisor = 2; divisor * divisor <= size; divisor++) if (size % divisor === 0) return false
        return Math.abs(size - wanted) < 200
      }),
    )
  })
})

describe('warm-up', () => {
  test('warmup is slow start, for least request and round robin', () => {
    const slowStartConfig = {
      slowStartWindow: '30s',
      aggression: { defaultValue: 2, runtimeKey: 'meshgate.warmup_aggression' },
      minWeightPercent: { value: 5 },
    }
    const warmup = 'warmup: {duration: 30s, minimumPercent: 5, aggression: 2}'
    expect(policyWith(`{${warmup}}`)).toEqual(['least_request', { slowStartConfig }])
    expect(policyWith(`{simple: ROUND_ROBIN, ${warmup}}`)).toEqual(['round_robin', { slowStartConfig }])
  })

  test('the old field gives the duration', () => {
    expect(policyWith('{warmupDurationSecs: 10s}')[1]).toEqual({ slowStartConfig: { slowStartWindow: '10s' } })
  })
})

describe('locality weights', () => {
  const weighted = { localityWeightedLbConfig: {} }
  const distribute = 'localityLbSetting: {distribute: [{from: "*", to: {"*": 100}}]}'

  test.each([
    ['', ['least_request', { localityLbConfig: weighted }]],
    ['simple: RANDOM, ', ['random', { localityLbConfig: weighted }]],
    ['simple: ROUND_ROBIN, ', ['round_robin', { localityLbConfig: weighted }]],
    ['consistentHash: {useSourceIp: true}, ', ['maglev', { tableSize: '4093', ...weighted }]],
    ['consistentHash: {ringHash: {}}, ', ['ring_hash', { minimumRingSize: '1024', ...weighted }]],
  ])('distribute with %s', (settings, expected) => {
    expect(policyWith(`{${settings}${distribute}}`)).toEqual(expected)
  })

  test('failover weighs localities only when it can happen, with outlier detection', () => {
    const failover = '{localityLbSetting: {failover: [{from: a, to: b}]}}'
    expect(policyWith(failover)).toEqual(['least_request', {}])
    expect(policyWith(failover, ', outlierDetection: {}')).toEqual(['least_request', { localityLbConfig: weighted }])
  })

  test('enabled: false turns everything off', () => {
    expect(policyWith(`{${distribute.replace('{dist', '{enabled: false, dist')}}`)).toEqual(['least_request', {}])
  })
})
