import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import {
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { MaglevSchema } from '../../proto/gen/envoy/extensions/load_balancing_policies/maglev/v3/maglev_pb.ts'
import { RingHashSchema } from '../../proto/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts'
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { MessageListenerSchema } from '../../proto/gen/meshgate/v1/message_listener_pb.ts'
import { MessageRouteTableSchema } from '../../proto/gen/meshgate/v1/message_route_pb.ts'
import { ProtocolSchema } from '../../proto/gen/meshgate/v1/protocol_pb.ts'
import { duration, pack } from '../../proto/make.ts'
import type { SecretFiles } from './secret-files.ts'
import { ResourceStore } from './store.ts'

function incoming<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>, name: string) {
  return { name, version: '1', bytes: toBinary(schema, create(schema, init)) }
}

const address = (port: number) =>
  ({
    address: {
      case: 'socketAddress',
      value: { address: '10.0.0.1', portSpecifier: { case: 'portValue', value: port } },
    },
  }) as const
const listener = (more: object = {}) =>
  incoming(
    MessageListenerSchema,
    { name: 'l', address: address(7000), protocol: 'game', routeTable: 't', ...more },
    'l',
  )
const table = (routes: MessageInitShape<typeof MessageRouteTableSchema>['routes'] = []) =>
  incoming(MessageRouteTableSchema, { name: 't', routes }, 't')
const eds = incoming(
  ClusterSchema,
  {
    name: 'c',
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { serviceName: 'e' },
  },
  'c',
)
const assignment = incoming(
  ClusterLoadAssignmentSchema,
  {
    clusterName: 'e',
    endpoints: [
      {
        locality: { region: 'r' },
        priority: 1,
        lbEndpoints: [
          {
            hostIdentifier: { case: 'endpoint', value: { address: address(1) } },
            loadBalancingWeight: 3,
            healthStatus: 3,
          },
        ],
      },
    ],
  },
  'e',
)

const host = { hostIdentifier: { case: 'endpoint', value: { address: address(1) } } } as const
const hashedBy = <Desc extends DescMessage>(name: string, schema: Desc, init: MessageInitShape<Desc>) => ({
  loadBalancingPolicy: { policies: [{ typedExtensionConfig: { name, typedConfig: pack(schema, init) } }] },
})

describe('what the proxy holds', () => {
  it('a cluster and its assignment become one, whichever comes first', () => {
    const store = new ResourceStore()
    store.apply('cds', [eds], [])
    expect(store.wanted('eds')).toEqual(['e'])
    expect(store.configuration().clusters[0]!.localities).toEqual([])
    expect(store.apply('eds', [assignment], []).size).toBe(0)
    expect(store.configuration().clusters).toEqual([
      {
        name: 'c',
        balancer: { kind: 'roundRobin' },
        localities: [
          {
            region: 'r',
            priority: 1,
            endpoints: [{ address: { host: '10.0.0.1', port: 1 }, weight: 3, health: 'draining' }],
          },
        ],
      },
    ])
    store.apply('cds', [{ ...eds, version: '2' }], [])
    expect(store.configuration().clusters[0]!.localities).toHaveLength(1)
    expect(store.versions('cds')).toEqual({ c: '2' })
  })

  it('of a batch with a bad resource the good ones are taken, and the old one of the bad stays', () => {
    const store = new ResourceStore()
    store.apply('mrds', [table([{ name: 'good', clusters: [{ name: 'c', weight: 1 }] }])], [])
    const bad = table([{ name: 'bad', match: { fields: [{ field: 'x', condition: { case: 'regex', value: '(' } }] } }])
    const problems = store.apply('mrds', [bad, incoming(MessageRouteTableSchema, { name: 'u' }, 'u')], [])
    expect([...problems.keys()]).toEqual(['t'])
    expect(problems.get('t')).toMatch(/^routes\[0\] "bad"\.match\.fields\[0\]\.regex: /)
    expect(store.configuration().routes.map(({ name, routes }) => [name, routes[0]?.name])).toEqual([
      ['t', 'good'],
      ['u', undefined],
    ])
  })

  it('bytes that are no message, another name and code over the wire are refused', () => {
    const store = new ResourceStore()
    expect(store.apply('mlds', [{ name: 'x', version: '', bytes: Uint8Array.of(0xff) }], []).get('x')).toContain(
      'cannot be read',
    )
    expect(store.apply('mlds', [{ ...listener(), name: 'other' }], []).get('other')).toContain('called "l"')
    const module = incoming(
      ProtocolSchema,
      { name: 'p', codec: { case: 'layout', value: { module: './evil.js' } } },
      'p',
    )
    expect(store.apply('pds', [module], []).get('p')).toContain('not taken from a control plane')
    expect(store.empty).toBe(true)
  })

  it.each([
    ['a total weight of 0', [{ clusters: [{ name: 'c', weight: 0 }] }], 'total weight is 0'],
    ['a condition of a newer version', [{ match: { fields: [{ field: 'x' }] } }], 'a condition is needed'],
    [
      'an empty range',
      [
        {
          match: {
            fields: [{ field: 'x', condition: { case: 'ranges', value: { ranges: [{ first: 2n, last: 1n }] } } }],
          },
        },
      ],
      'above last',
    ],
    ['more than the whole', [{ fault: { abort: { millionths: 1_000_001 } } }], 'more than the whole'],
    [
      'a bucket without interval',
      [{ rateLimits: [{ tokenBucket: { maxTokens: 1, fillInterval: duration(0) } }] }],
      'at least 1 ms',
    ],
    [
      'a rate limit service that must answer in no time',
      [{ globalRateLimits: [{ domain: 'd', cluster: 'c', timeout: duration(0) }] }],
      'no answer can come in no time',
    ],
    [
      'a descriptor without entries',
      [{ globalRateLimits: [{ domain: 'd', cluster: 'c', sets: [{ descriptors: [{}] }] }] }],
      'there is no entry',
    ],
    ['an unknown retry condition', [{ retry: { numRetries: 1, retryOn: ['5xx'] } }], '"5xx" is none of'],
  ] as const)('a route with %s is refused', (_, routes, reason) => {
    expect(new ResourceStore().apply('mrds', [table(routes as never)], []).get('t')).toContain(reason)
  })

  it.each([
    [
      'ORIGINAL_DST',
      { clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST } },
      'ORIGINAL_DST',
    ],
    [
      'an unknown balancer',
      { loadBalancingPolicy: { policies: [{ typedExtensionConfig: { name: 'mine' } }] } },
      'none of the policies',
    ],
    [
      'an unknown socket',
      { transportSocket: { name: 'quic', configType: { case: 'typedConfig', value: pack(ProtocolSchema, {}) } } },
      'quic is not known',
    ],
    ['a table that is no prime', hashedBy('maglev', MaglevSchema, { tableSize: 4n }), 'must be a prime number, not 4'],
    ['too large a table', hashedBy('maglev', MaglevSchema, { tableSize: 5_000_077n }), 'at most 5000011'],
    [
      'such a table in old words',
      {
        lbPolicy: Cluster_LbPolicy.MAGLEV,
        lbConfig: { case: 'maglevLbConfig', value: { tableSize: 0n } },
      },
      'must be a prime number, not 0',
    ],
    ['too large a ring', hashedBy('ring', RingHashSchema, { maximumRingSize: 8_388_609n }), 'at most 8388608'],
    [
      'a ring whose bounds cross',
      hashedBy('ring', RingHashSchema, { maximumRingSize: 1023n }),
      '1024 is above maximum_ring_size',
    ],
    [
      'a host without weight',
      { loadAssignment: { endpoints: [{ lbEndpoints: [{ ...host, loadBalancingWeight: 0 }] }] } },
      'endpoints[0].lb_endpoints[0].load_balancing_weight: at least 1, not 0',
    ],
    [
      'more priorities than Envoy knows',
      { loadAssignment: { endpoints: [{ priority: 4_000_000_000, lbEndpoints: [host] }] } },
      'endpoints[0].priority: at most 128, not 4000000000',
    ],
  ] as const)('a cluster with %s is refused', (_, init, reason) => {
    const cluster = incoming(ClusterSchema, { name: 'c', ...init } as never, 'c')
    expect(new ResourceStore().apply('cds', [cluster], []).get('c')).toContain(reason)
  })

  it('a removed table stays as long as a listener names it', () => {
    const store = new ResourceStore()
    store.apply('mlds', [listener()], [])
    store.apply('mrds', [table()], [])
    store.apply('mrds', [], ['t'])
    expect(store.configuration().routes.map(({ name }) => name)).toEqual(['t'])
    expect(store.versions('mrds')).toEqual({})
    store.apply('mlds', [], ['l'])
    expect(store.configuration().routes).toEqual([])
  })
})

describe('secrets', () => {
  const inline = (value: string) => ({ specifier: { case: 'inlineString', value } }) as const
  const certificate = (name: string) =>
    incoming(
      SecretSchema,
      {
        name,
        type: { case: 'tlsCertificate', value: { certificateChain: inline(`of ${name}`), privateKey: inline('K') } },
      },
      name,
    )
  const authority = (name: string) =>
    incoming(
      SecretSchema,
      { name, type: { case: 'validationContext', value: { trustedCa: inline(`of ${name}`) } } },
      name,
    )
  const from = (name: string, timeoutMs?: number) => ({
    name,
    ...(timeoutMs !== undefined && { sdsConfig: { initialFetchTimeout: duration(timeoutMs) } }),
  })
  const secure = (name: string, timeoutMs?: number, more: object = {}) => {
    const commonTlsContext = { tlsCertificateSdsSecretConfigs: [from(name, timeoutMs)] }
    const typedConfig = pack(DownstreamTlsContextSchema, { commonTlsContext })
    return listener({
      transportSocket: { name: 'tls', configType: { case: 'typedConfig', value: typedConfig } },
      ...more,
    })
  }
  const upstream = (name: string, more: object = {}) => {
    const validationContextType = { case: 'validationContextSdsSecretConfig', value: from(name) } as const
    const typedConfig = pack(UpstreamTlsContextSchema, { commonTlsContext: { validationContextType } })
    const init = {
      name: 'c',
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
      edsClusterConfig: { serviceName: 'e' },
      transportSocket: { name: 'tls', configType: { case: 'typedConfig', value: typedConfig } },
      ...more,
    } as const
    return { ...incoming(ClusterSchema, init, 'c'), version: name }
  }

  it('a listener with TLS waits for its certificate and is never opened without', () => {
    const store = new ResourceStore()
    expect(store.apply('mlds', [secure('cert')], []).size).toBe(0)
    expect(store.wanted('sds')).toEqual(['cert'])
    expect(store.configuration().listeners).toEqual([])
    expect(store.unready).toEqual([{ type: 'mlds', name: 'l', version: '1', secrets: ['cert'], waitMs: undefined }])
    store.apply('sds', [certificate('cert')], [])
    expect(store.configuration().listeners[0]!.tls).toEqual({ certificate: 'of cert', privateKey: 'K' })
    expect(store.unready).toEqual([])
  })

  it('a listener that waits for its first secret is told, one that stays as it was meanwhile is not', () => {
    const store = new ResourceStore()
    store.apply('mlds', [secure('cert')], [])
    store.configuration()
    expect(store.waiting).toMatchObject([{ config: { name: 'l', protocol: 'game' }, unready: { secrets: ['cert'] } }])
    store.apply('sds', [certificate('cert')], [])
    store.configuration()
    expect(store.waiting).toEqual([])
    store.apply('mlds', [secure('other')], [])
    store.configuration()
    expect([store.unready.length, store.waiting.length]).toEqual([1, 0])
    store.apply('sds', [], ['other'])
    store.configuration()
    expect(store.waiting).toHaveLength(1)
  })

  it('TLS is made of its secrets once for a configuration, of what they are then', () => {
    let reads = 0
    const files = {
      inlined: (secret: unknown) => {
        reads++
        return secret
      },
    } as unknown as SecretFiles
    const store = new ResourceStore(files)
    store.apply('mlds', [secure('cert')], [])
    store.apply('cds', [upstream('authority')], [])
    store.apply('sds', [certificate('cert'), authority('authority')], [])
    const { listeners, clusters } = store.configuration()
    expect([listeners.length, clusters.length, reads]).toEqual([1, 1, 2])
    store.configuration()
    expect(reads).toBe(4)
  })

  it('a listener that names another secret stays as it was, whole, until that has come', () => {
    const store = new ResourceStore()
    store.apply('mrds', [table(), incoming(MessageRouteTableSchema, { name: 'u' }, 'u')], [])
    store.apply('mlds', [secure('old')], [])
    store.apply('sds', [certificate('old')], [])
    const [before] = store.configuration().listeners
    store.apply('mlds', [{ ...secure('new', 700, { address: address(8000), routeTable: 'u' }), version: '2' }], [])
    store.forget('sds', ['old'])
    store.apply('mrds', [], ['t'])
    const meanwhile = store.configuration()
    expect(meanwhile.listeners).toEqual([before])
    expect(meanwhile.routes.map(({ name }) => name).sort()).toEqual(['t', 'u'])
    expect(store.unready).toEqual([{ type: 'mlds', name: 'l', version: '2', secrets: ['new'], waitMs: 700 }])
    store.apply('sds', [certificate('new')], [])
    const after = store.configuration()
    expect(after.listeners).toMatchObject([{ address: { port: 8000 }, tls: { certificate: 'of new' } }])
    expect(after.routes.map(({ name }) => name)).toEqual(['u'])
  })

  it.each([
    ['says that there is none', (store: ResourceStore) => store.apply('sds', [], ['new'])],
    ['says nothing for too long', (store: ResourceStore) => store.giveUp('mlds', 'l')],
  ])('who waits for a secret of which the control plane %s is left out until it comes', (_, happens) => {
    const store = new ResourceStore()
    store.apply('mlds', [listener()], [])
    expect(store.configuration().listeners).toHaveLength(1)
    store.apply('mlds', [secure('new', 0)], [])
    expect(store.configuration().listeners).toMatchObject([{ name: 'l' }])
    expect(store.unready[0]?.waitMs).toBe(Number.POSITIVE_INFINITY)
    happens(store)
    expect(store.configuration().listeners).toEqual([])
    expect(store.unready[0]?.waitMs).toBeUndefined()
    store.apply('sds', [certificate('new')], [])
    expect(store.configuration().listeners).toMatchObject([{ tls: { certificate: 'of new' } }])
  })

  it('a listener that is removed while it waits is gone, and comes anew', () => {
    const store = new ResourceStore()
    store.apply('mlds', [listener()], [])
    store.configuration()
    store.apply('mlds', [secure('new')], [])
    store.apply('mlds', [], ['l'])
    expect(store.configuration().listeners).toEqual([])
    store.apply('mlds', [secure('new')], [])
    expect(store.configuration().listeners).toEqual([])
  })

  it('a secret that is held serves on when the control plane has it no more', () => {
    const store = new ResourceStore()
    store.apply('mlds', [secure('cert')], [])
    store.apply('sds', [certificate('cert')], [])
    store.apply('sds', [], ['cert'])
    expect(store.configuration().listeners).toMatchObject([{ tls: { certificate: 'of cert' } }])
    store.apply('mlds', [], ['l'])
    store.forget('sds', ['cert'])
    expect(store.empty).toBe(true)
  })

  it('a secret of another kind than it is named for is waited for by name', () => {
    const store = new ResourceStore()
    store.apply('mlds', [secure('cert')], [])
    store.apply('sds', [authority('cert')], [])
    expect(store.configuration().listeners).toEqual([])
    expect(store.unready).toMatchObject([{ secrets: ['cert'] }])
  })

  it('a cluster whose authority is another now stays as it was but for its endpoints', () => {
    const store = new ResourceStore()
    store.apply('cds', [upstream('old')], [])
    store.apply('sds', [authority('old')], [])
    expect(store.configuration().clusters).toMatchObject([{ localities: [], tls: { ca: 'of old' } }])
    store.apply('cds', [upstream('new', { connectTimeout: duration(70) })], [])
    store.apply('eds', [assignment], [])
    expect(store.unready).toEqual([])
    const [meanwhile] = store.configuration().clusters
    expect(meanwhile).toMatchObject({ localities: [{ region: 'r' }], tls: { ca: 'of old' } })
    expect(meanwhile!.connectTimeoutMs).toBeUndefined()
    expect(store.unready).toEqual([{ type: 'cds', name: 'c', version: 'new', secrets: ['new'], waitMs: 15_000 }])
    store.apply('sds', [authority('new')], [])
    expect(store.configuration().clusters).toMatchObject([
      { localities: [{ region: 'r' }], tls: { ca: 'of new' }, connectTimeoutMs: 70 },
    ])
    store.apply('cds', [], ['c'])
    expect(store.configuration().clusters).toEqual([])
  })

  it('a cluster that has other endpoints and another authority now keeps both as they were', () => {
    const store = new ResourceStore()
    store.apply('cds', [upstream('old')], [])
    store.apply('eds', [assignment], [])
    store.apply('sds', [authority('old')], [])
    const before = store.configuration().clusters
    store.apply('cds', [upstream('new', { edsClusterConfig: { serviceName: 'other' } })], [])
    expect(store.configuration().clusters).toEqual(before)
  })
})
