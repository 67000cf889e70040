import { create, type DescMessage, toJson } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ListenerSchema } from '../../../proto/gen/envoy/config/listener/v3/listener_pb.ts'
import { HttpConnectionManagerSchema } from '../../../proto/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.ts'
import { SecretSchema } from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { checkEnvoyJson } from './json.ts'

const issues = (desc: DescMessage, json: unknown) =>
  checkEnvoyJson(desc, json).map(({ code, path }) => `${code} ${path.join('.')}`)
const cluster = (json: object) => issues(ClusterSchema, { name: 'a', ...json })

describe('a message in JSON form', () => {
  it.each([
    {},
    { connect_timeout: '1.5s', lbPolicy: 'MAGLEV' },
    { lb_policy: 5, per_connection_buffer_limit_bytes: '1024' },
    { connect_timeout: null },
    // What Envoy reads beyond the format.
    { type: 'strict_dns', lb_policy: '2', respect_dns_ttl: 'True' },
    { dns_resolvers: { socket_address: { address: '10.0.0.1', port_value: 53 } } },
    { per_connection_buffer_limit_bytes: { value: 5 } },
    { connect_timeout: '1s', connectTimeout: '2s' },
    { metadata: { filter_metadata: { a: { b: [1, null, { c: true }] } } } },
    {
      transport_socket: {
        name: 'tls',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
          sni: 'x',
        },
      },
    },
  ])('takes %j', (json) => expect(cluster(json)).toEqual([]))

  it.each([
    [{ conect_timeout: '1s' }, 'ENVOY_FIELD_UNKNOWN conect_timeout'],
    [{ connect_timeout: '1m' }, 'ENVOY_VALUE connect_timeout'],
    [{ connect_timeout: '0s' }, 'ENVOY_RULE connect_timeout'],
    [{ lb_policy: 'MAGELV' }, 'ENVOY_VALUE lb_policy'],
    [{ lb_policy: 99 }, 'ENVOY_RULE lb_policy'],
    [
      { track_cluster_stats: { per_endpoint_stats: true } },
      'ENVOY_LOAD_REPORTS track_cluster_stats.per_endpoint_stats',
    ],
    [{ per_connection_buffer_limit_bytes: -1 }, 'ENVOY_VALUE per_connection_buffer_limit_bytes'],
    [{ per_connection_buffer_limit_bytes: 4294967296 }, 'ENVOY_VALUE per_connection_buffer_limit_bytes'],
    [{ load_assignment: { endpoints: [] } }, 'ENVOY_RULE load_assignment.cluster_name'],
    [{ dns_resolvers: { pipe: {} } }, 'ENVOY_RULE dns_resolvers.pipe.path'],
    [
      {
        health_checks: [
          { timeout: '1s', interval: '1s', unhealthy_threshold: 1, healthy_threshold: 1, grpc_health_check: {} },
        ],
      },
      'ENVOY_RULE health_checks.0',
    ],
    [{ health_checks: [['http']] }, 'ENVOY_VALUE health_checks.0.0'],
    [{ dns_resolvers: [[{ pipe: { path: '/a' } }, null]] }, 'ENVOY_RULE dns_resolvers.0.1'],
    [
      {
        metadata: {
          typed_filter_metadata: { a: { '@type': 'type.googleapis.com/google.protobuf.Struct', fields: {} } },
        },
      },
      'ENVOY_FIELD_UNKNOWN metadata.typed_filter_metadata.a.fields',
    ],
    [
      { health_checks: [{ timeout: '1s', interval: '1s', unhealthy_threshold: 1, healthy_threshold: 1 }] },
      'ENVOY_RULE health_checks.0',
    ],
    [{ type: 'EDS', cluster_type: { name: 'x' } }, 'ENVOY_VALUE cluster_type'],
    [{ metadata: { filter_metadata: { a: 3 } } }, 'ENVOY_VALUE metadata.filter_metadata.a'],
    [
      { transport_socket: { name: 'x', typed_config: { sni: 'x' } } },
      'ENVOY_TYPE_UNKNOWN transport_socket.typed_config',
    ],
    [
      { transport_socket: { name: 'x', typed_config: { '@type': 'type.googleapis.com/envoy.no.v3.Such' } } },
      'ENVOY_TYPE_UNKNOWN transport_socket.typed_config.@type',
    ],
    [
      {
        transport_socket: {
          name: 'x',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
            sny: 'x',
          },
        },
      },
      'ENVOY_FIELD_UNKNOWN transport_socket.typed_config.sny',
    ],
  ])('refuses %j', (json, problem) => expect(cluster(json)).toEqual([problem]))

  it('needs what the API says it needs', () => expect(issues(ClusterSchema, {})).toEqual(['ENVOY_RULE name']))
  it('is an object', () => expect(issues(ListenerSchema, [])).toEqual(['ENVOY_VALUE ']))
  it('may not be endless', () => {
    let json: unknown = { match: { any_match: true } }
    for (let depth = 0; depth < 500; depth++) json = { and_match: { rules: [json, json] } }
    const access = { access_log: [{ filter: { and_filter: { filters: [json] } } }] }
    expect(checkEnvoyJson(ListenerSchema, access).length).toBeLessThanOrEqual(200)
  })
  it('that protobuf itself writes has no wrong name or value', () => {
    const json = toJson(
      ClusterSchema,
      create(ClusterSchema, { name: 'a', connectTimeout: { seconds: 1n, nanos: 500_000_000 } }),
    )
    expect(issues(ClusterSchema, json)).toEqual([])
  })
  it('refuses what Envoy refuses only in its code', () => {
    const routes = {
      virtual_hosts: [
        {
          name: 'a',
          domains: ['*'],
          routes: [{ match: { safe_regex: { regex: '*x' } }, direct_response: { status: 200 } }],
        },
        { name: 'b', domains: ['*'] },
      ],
    }
    const listener = {
      address: { socket_address: { address: '127.0.0.1', port_value: 80 } },
      filter_chains: [
        {
          filters: [
            {
              name: 'hcm',
              typed_config: {
                '@type':
                  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                stat_prefix: 'x',
                route_config: routes,
              },
            },
          ],
        },
      ],
    }
    const at = 'filter_chains.0.filters.0.typed_config.route_config.virtual_hosts'
    expect(issues(ListenerSchema, listener)).toEqual([
      `ENVOY_RULE ${at}.0.routes.0.match.safe_regex.regex`,
      `ENVOY_RULE ${at}.1.domains.0`,
    ])
  })

  const assignment = (...addresses: string[]) => ({
    cluster_name: 'a',
    endpoints: [
      {
        lb_endpoints: addresses.map((address) => ({
          endpoint: { address: { socket_address: { address, port_value: 1 } } },
        })),
      },
    ],
  })
  const PROVIDED = 'cluster_provided.v3.ClusterProvided'
  const balancing = (type: string) => ({
    policies: [
      {
        typed_extension_config: {
          name: 'x',
          typed_config: { '@type': `type.googleapis.com/envoy.extensions.load_balancing_policies.${type}` },
        },
      },
    ],
  })
  const HOST = 'load_assignment.endpoints.0.lb_endpoints.0.endpoint.address.socket_address.address'

  it.each([
    [{ load_assignment: assignment('a.example') }, [`ENVOY_RULE ${HOST}`]],
    [{ load_assignment: assignment('127.0.0.1') }, []],
    [{ type: 'STRICT_DNS', load_assignment: assignment('a.example') }, []],
    [{ type: 'EDS' }, ['ENVOY_RULE eds_cluster_config']],
    [{ type: 'EDS', edsClusterConfig: { edsConfig: { ads: {} } } }, []],
    [{ edsClusterConfig: { edsConfig: { ads: {} } } }, ['ENVOY_RULE edsClusterConfig']],
    [{ type: 'ORIGINAL_DST' }, ['ENVOY_RULE lb_policy']],
    [{ type: 4, lbPolicy: 'CLUSTER_PROVIDED' }, []],
    [{ lbPolicy: 'CLUSTER_PROVIDED' }, ['ENVOY_RULE lbPolicy']],
    // What the extension says counts.
    [{ lbPolicy: 'CLUSTER_PROVIDED', loadBalancingPolicy: balancing('round_robin.v3.RoundRobin') }, []],
    [{ load_balancing_policy: balancing(PROVIDED) }, ['ENVOY_RULE load_balancing_policy']],
    [{ loadBalancingPolicy: {} }, ['ENVOY_RULE loadBalancingPolicy']],
    [{ type: 'ORIGINAL_DST', loadBalancingPolicy: balancing(PROVIDED) }, ['ENVOY_RULE lb_policy']],
    [{ type: 4, lbPolicy: 6, loadBalancingPolicy: balancing(PROVIDED) }, []],
    [
      { type: 4, lbPolicy: 6, loadBalancingPolicy: balancing('round_robin.v3.RoundRobin') },
      ['ENVOY_RULE loadBalancingPolicy'],
    ],
    [{ type: 'LOGICAL_DNS', loadAssignment: assignment('a.example', 'b.example') }, ['ENVOY_RULE loadAssignment']],
  ])('knows what the type of a cluster asks for: %j', (json, problems) => expect(cluster(json)).toEqual(problems))

  it('has an address, filter chains that differ, and the router at the end of them', () => {
    const address = { socketAddress: { address: '0.0.0.0', portValue: 80 } }
    const listener = (json: object) => issues(ListenerSchema, json)
    const sni = (...names: string[]) => ({ filterChainMatch: { serverNames: names } })
    expect(listener({ filterChains: [{}] })).toEqual(['ENVOY_RULE address'])
    expect(listener({ address })).toEqual(['ENVOY_RULE filter_chains'])
    expect(listener({ address, filterChains: [{}, { filter_chain_match: {} }] })).toEqual([
      'ENVOY_RULE filterChains.1.filter_chain_match',
    ])
    expect(listener({ address, filterChains: [sni('a.b', 'c.d'), sni('c.d', 'a.b'), sni('e.f')] })).toEqual([
      'ENVOY_RULE filterChains.1.filterChainMatch',
    ])
    const compat = { socketAddress: { ...address.socketAddress, ipv4Compat: true } }
    expect(listener({ address: compat, defaultFilterChain: {} })).toEqual([
      'ENVOY_RULE address.socketAddress.ipv4Compat',
    ])
    const type = (name: string) => ({ '@type': `type.googleapis.com/envoy.extensions.filters.${name}` })
    const router = { name: 'r', typedConfig: type('http.router.v3.Router') }
    const cors = { name: 'c', typedConfig: type('http.cors.v3.Cors') }
    const manager = (httpFilters: object[]) => ({
      name: 'h',
      typedConfig: {
        ...type('network.http_connection_manager.v3.HttpConnectionManager'),
        statPrefix: 'x',
        routeConfig: {},
        httpFilters,
      },
    })
    expect(listener({ address, filterChains: [{ filters: [manager([cors, router])] }] })).toEqual([])
    expect(listener({ address, filterChains: [{ filters: [manager([router, cors])] }] })).toEqual([
      'ENVOY_RULE filterChains.0.filters.0.typedConfig.httpFilters.0',
    ])
  })

  const network = (type: string, rest: object = {}) => ({
    name: 'n',
    typedConfig: { '@type': `type.googleapis.com/envoy.extensions.filters.network.${type}`, ...rest },
  })
  const http = (rest: object = {}) =>
    network('http_connection_manager.v3.HttpConnectionManager', { statPrefix: 'x', routeConfig: {}, ...rest })
  const tcp = network('tcp_proxy.v3.TcpProxy', { statPrefix: 'x', cluster: 'c' })

  it('has nothing behind a network filter that takes everything', () => {
    const address = { socketAddress: { address: '0.0.0.0', portValue: 80 } }
    const chain = (...filters: object[]) => issues(ListenerSchema, { address, filterChains: [{ filters }] })
    expect(chain(network('sni_cluster.v3.SniCluster'), tcp)).toEqual([])
    expect(chain(tcp, http())).toEqual(['ENVOY_RULE filterChains.0.filters.0'])
  })

  it('takes a listener for HTTP/3 only whole, and no filter chains on other UDP', () => {
    const address = { socketAddress: { protocol: 'UDP', address: '0.0.0.0', portValue: 443 } }
    const quic = { udpListenerConfig: { quicOptions: {} } }
    const transportSocket = {
      name: 'q',
      typedConfig: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport',
        downstreamTlsContext: {},
      },
    }
    const listener = (json: object) => issues(ListenerSchema, { address, ...json })
    const http3 = http({ codecType: 'HTTP3' })
    expect(listener({ ...quic, filterChains: [{ filters: [http3], transportSocket }] })).toEqual([])
    expect(listener({ ...quic, default_filter_chain: { filters: [http3] } })).toEqual([
      'ENVOY_RULE default_filter_chain.transport_socket',
    ])
    expect(listener({ ...quic, filterChains: [{ filters: [http()], transportSocket }] })).toEqual([
      'ENVOY_RULE filterChains.0.filters.0.typedConfig.codec_type',
    ])
    expect(listener({ ...quic, filterChains: [{ filters: [tcp], transportSocket }] })).toEqual([
      'ENVOY_RULE filterChains.0.filters',
    ])
    expect(listener(quic)).toEqual(['ENVOY_RULE filter_chains'])
    expect(listener({})).toEqual([])
    expect(listener({ filterChains: [{ filters: [tcp] }] })).toEqual(['ENVOY_RULE filterChains.0'])
    const stream = { address: { socketAddress: { address: '0.0.0.0', portValue: 443 } } }
    expect(listener({ ...stream, filterChains: [{ filters: [http3] }] })).toEqual([
      'ENVOY_RULE filterChains.0.filters.0.typedConfig.codecType',
    ])
  })

  it('names curves that exist', () => {
    const socket = (ecdh_curves: string[]) => ({
      transport_socket: {
        name: 't',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
          common_tls_context: { tls_params: { ecdh_curves } },
        },
      },
    })
    expect(cluster(socket(['X25519', 'P-256:P-384']))).toEqual([])
    expect(cluster(socket(['X25519', 'AES']))).toEqual([
      'ENVOY_RULE transport_socket.typed_config.common_tls_context.tls_params.ecdh_curves.1',
    ])
  })
})

describe('an extension', () => {
  const type = (name: string) => `type.googleapis.com/${name}`
  const said = (socket: object) => issues(ClusterSchema, { name: 'a', transport_socket: socket })
  const AT = 'transport_socket.typed_config'
  it('has a configuration with a type, however empty, because its name does not find it', () => {
    expect(said({ name: 'envoy.transport_sockets.raw_buffer' })).toEqual([`ENVOY_RULE ${AT}`])
    expect(said({ name: 'a', typedConfig: {} })).toEqual(['ENVOY_RULE transport_socket.typedConfig'])
    const typed = { '@type': type('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer') }
    expect(said({ name: 'a', typed_config: typed })).toEqual([])
  })
  it('may be unknown, or come over discovery, where a filter says so', () => {
    const manager = (filter: object) => ({
      stat_prefix: 'a',
      rds: { config_source: { ads: {} } },
      http_filters: [filter],
    })
    const found = (filter: object) =>
      issues(HttpConnectionManagerSchema, manager({ name: 'a', ...filter })).filter((issue) =>
        issue.includes('typed_config'),
      )
    expect(found({})).toEqual(['ENVOY_RULE http_filters.0.typed_config'])
    expect(found({ is_optional: true })).toEqual([])
    expect(found({ config_discovery: { config_source: { ads: {} }, type_urls: ['a/b.C'] } })).toEqual([])
  })
  it('in free form has a type that the official build knows', () => {
    const struct = (type_url: string) =>
      said({ name: 'a', typed_config: { '@type': type('xds.type.v3.TypedStruct'), type_url } })
    expect(struct(type('acme.Socket'))).toEqual([`FIELD_QUESTIONABLE ${AT}.type_url`])
    expect(struct(type('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer'))).toEqual([])
  })
})

it('a secret holds something', () => {
  expect(issues(SecretSchema, { name: 'a' })).toEqual(['ENVOY_RULE '])
  expect(issues(SecretSchema, { name: 'a', validationContext: {} })).toEqual([])
})
