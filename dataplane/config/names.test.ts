import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import {
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  ClusterSchema,
} from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { DnsLookupFamily } from '../../proto/gen/envoy/extensions/clusters/common/dns/v3/dns_pb.ts'
import { DnsClusterSchema } from '../../proto/gen/envoy/extensions/clusters/dns/v3/dns_cluster_pb.ts'
import { duration, pack } from '../../proto/make.ts'
import { namesOf } from './names.ts'

const old = (type: keyof typeof Cluster_DiscoveryType, more: MessageInitShape<typeof ClusterSchema> = {}) =>
  namesOf(
    create(ClusterSchema, {
      ...more,
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType[type] },
    }),
  ).names
const dns = (more: MessageInitShape<typeof DnsClusterSchema> = {}) =>
  namesOf(
    create(ClusterSchema, {
      clusterDiscoveryType: {
        case: 'clusterType',
        value: { name: 'envoy.clusters.dns', typedConfig: pack(DnsClusterSchema, more) },
      },
    }),
  ).names

const defaults = { family: 'v6Preferred', refreshMs: 5000, retryMs: { base: 5000, max: 5000 } }

describe('names of an Envoy cluster', () => {
  it('are looked up where each address is a host', () => {
    expect(old('STRICT_DNS')).toEqual(defaults)
    expect(dns()).toEqual(defaults)
    expect(dns({ allAddressesInSingleEndpoint: true })).toBeUndefined()
    for (const type of ['STATIC', 'EDS', 'LOGICAL_DNS'] as const) expect(old(type)).toBeUndefined()
    expect(namesOf(create(ClusterSchema, {}))).toEqual({})
  })

  it('as often as it says, as often as by default where addresses carry a time', () => {
    const dnsRefreshRate = duration(60_000)
    expect(old('STRICT_DNS', { dnsRefreshRate })).toMatchObject({
      refreshMs: 60_000,
      retryMs: { base: 60_000, max: 60_000 },
    })
    expect(dns({ dnsRefreshRate, respectDnsTtl: true })).toMatchObject({ refreshMs: 5000 })
    expect(dns({ dnsRefreshRate: duration(700), respectDnsTtl: true })).toMatchObject({ refreshMs: 700 })
    expect(dns({ dnsRefreshRate, dnsFailureRefreshRate: { baseInterval: duration(100) } })).toMatchObject({
      refreshMs: 60_000,
      retryMs: { base: 100, max: 1000 },
    })
    const dnsFailureRefreshRate = { baseInterval: duration(100), maxInterval: duration(300) }
    expect(old('STRICT_DNS', { dnsFailureRefreshRate })).toMatchObject({ retryMs: { base: 100, max: 300 } })
    // No timer can wait longer: it would fire at once, again and again.
    const years = { baseInterval: duration(30 * 86_400_000) }
    expect(old('STRICT_DNS', { dnsFailureRefreshRate: years })).toMatchObject({ retryMs: { max: 2 ** 31 - 1 } })
  })

  it.each([
    ['UNSPECIFIED', undefined, 'v6Preferred'],
    ['AUTO', 'AUTO', 'v6Preferred'],
    ['V4_ONLY', 'V4_ONLY', 'v4'],
    ['V6_ONLY', 'V6_ONLY', 'v6'],
    ['V4_PREFERRED', 'V4_PREFERRED', 'v4Preferred'],
    ['ALL', 'ALL', 'all'],
  ] as const)('%s: the addresses of which family count', (typed, written, family) => {
    expect(dns({ dnsLookupFamily: DnsLookupFamily[typed] })).toMatchObject({ family })
    if (written)
      expect(old('STRICT_DNS', { dnsLookupFamily: Cluster_DnsLookupFamily[written] })).toMatchObject({ family })
  })
})
