import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { Cluster_DiscoveryType, ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { DownstreamTlsContextSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts'
import { MessageListenerSchema } from '../../proto/gen/meshgate/v1/message_listener_pb.ts'
import { MessageRouteTableSchema } from '../../proto/gen/meshgate/v1/message_route_pb.ts'
import { ProtocolSchema } from '../../proto/gen/meshgate/v1/protocol_pb.ts'
import { duration, pack } from '../../proto/make.ts'
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

  it('a listener with TLS waits for its certificate and is never opened without', () => {
    const store = new ResourceStore()
    const context = pack(DownstreamTlsContextSchema, {
      commonTlsContext: { tlsCertificateSdsSecretConfigs: [{ name: 'cert' }] },
    })
    const tls = { name: 'tls', configType: { case: 'typedConfig', value: context } } as const
    expect(store.apply('mlds', [listener({ transportSocket: tls })], []).size).toBe(0)
    expect(store.wanted('sds')).toEqual(['cert'])
    expect(store.configuration().listeners).toEqual([])
    const inline = (value: string) => ({ specifier: { case: 'inlineString', value } }) as const
    const secret = incoming(
      SecretSchema,
      {
        name: 'cert',
        type: { case: 'tlsCertificate', value: { certificateChain: inline('C'), privateKey: inline('K') } },
      },
      'cert',
    )
    store.apply('sds', [secret], [])
    expect(store.configuration().listeners[0]!.tls).toEqual({ certificate: 'C', privateKey: 'K' })
  })
})
