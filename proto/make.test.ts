import { create, fromBinary } from '@bufbuild/protobuf'
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
