import { create, fromBinary, fromJson, type JsonObject } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { ClusterSchema } from './gen/envoy/config/cluster/v3/cluster_pb.ts'
import { RouteConfigurationSchema } from './gen/envoy/config/route/v3/route_pb.ts'
import { duration, encode, make, pack, typeUrl } from './make.ts'

describe('encoding', () => {
  const cluster = (keys: readonly string[]) =>
    create(ClusterSchema, {
      name: 'a',
      metadata: {
        filterMetadata: Object.fromEntries(
          keys.map((key) => [key, Object.fromEntries(keys.map((inner) => [inner, { z: 1, a: [{ y: 1, b: 2 }] }]))]),
        ),
      },
      typedExtensionProtocolOptions: Object.fromEntries(
        keys.map((key) => [key, pack(RouteConfigurationSchema, { name: key })]),
      ),
    })

  it('equal content gives equal bytes, whatever the order of keys in maps and structs', () => {
    const one = encode(ClusterSchema, cluster(['x', 'b', 'm']))
    const two = encode(ClusterSchema, cluster(['m', 'x', 'b']))
    expect(Buffer.from(one).equals(two)).toBe(true)
  })

  it('loses nothing', () => {
    const message = cluster(['x', 'b'])
    expect(fromBinary(ClusterSchema, encode(ClusterSchema, message))).toEqual(cluster(['b', 'x']))
  })

  it('what lies deep and unsorted is sorted in one pass, and stays as it was for who wrote it', () => {
    const nested = (depth: number): JsonObject => (depth === 0 ? { b: 1, a: 2 } : { only: [nested(depth - 1)] })
    const written = nested(22)
    const message = create(ClusterSchema, { metadata: { filterMetadata: { deep: written } } })
    const bytes = encode(ClusterSchema, message)
    expect(JSON.stringify(written)).toContain('{"b":1,"a":2}')
    expect(JSON.stringify(fromBinary(ClusterSchema, bytes).metadata)).toContain('{"a":2,"b":1}')
  })

  it('a map far below is found, also when the type was asked about before', () => {
    const table = (keys: readonly string[]) =>
      make(RouteConfigurationSchema, {
        name: 't',
        virtualHosts: [
          {
            name: 'v',
            domains: ['*'],
            routes: [
              {
                typedPerFilterConfig: Object.fromEntries(keys.map((key) => [key, pack(ClusterSchema, { name: key })])),
              },
            ],
          },
        ],
      })
    for (let round = 0; round < 2; round++)
      expect(encode(RouteConfigurationSchema, table(['b', 'a']))).toEqual(
        encode(RouteConfigurationSchema, table(['a', 'b'])),
      )
  })
})

describe('durations', () => {
  it.each([
    [0, 0n, 0],
    [1500, 1n, 500_000_000],
    [0.25, 0n, 250_000],
    [3_600_000, 3600n, 0],
  ])('%s ms', (ms, seconds, nanos) => expect(duration(ms)).toMatchObject({ seconds, nanos }))
})

it('a type URL is the full name behind the usual prefix', () => {
  expect(typeUrl(ClusterSchema)).toBe('type.googleapis.com/envoy.config.cluster.v3.Cluster')
})

describe('names of fields', () => {
  it('are checked in variables too, and below: TypeScript itself looks at literals only', () => {
    const misspelt = { nmae: 1, name: 'x' }
    // @ts-expect-error there is no `nmae`
    expect(make(ClusterSchema, misspelt).name).toBe('x')
    const below = { name: 'x', edsClusterConfig: { serviceNme: 'y' } }
    // @ts-expect-error there is no `serviceNme`
    expect(make(ClusterSchema, below).edsClusterConfig?.serviceName).toBe('')
    const right = { name: 'x', edsClusterConfig: { serviceName: 'y' } }
    expect(make(ClusterSchema, right).edsClusterConfig?.serviceName).toBe('y')
  })

  it('in JSON are those of protobuf, which descriptors inside Envoy do not say', () => {
    const json = { name: 'x', outlierDetection: { consecutive5xx: 3, consecutive_gateway_failure: 4 } }
    expect(fromJson(ClusterSchema, json).outlierDetection).toMatchObject({
      consecutive5xx: 3,
      consecutiveGatewayFailure: 4,
    })
    expect(() => fromJson(ClusterSchema, { name: 'x', conectTimeout: '1s' })).toThrow(/conectTimeout/)
  })
})
