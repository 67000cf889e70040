import type { DescMessage } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ListenerSchema } from '../../../proto/gen/envoy/config/listener/v3/listener_pb.ts'
import { SecretSchema } from '../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { checkEnvoyJson } from './json.ts'

/**
 * Rules that stand in Envoy's code: each case was given to Envoy 1.39.3 (`--mode validate`), which refuses it, and takes it in the form
 * that stands beside it.
 */
const paths = (desc: DescMessage, json: unknown): readonly string[] =>
  checkEnvoyJson(desc, json).map(({ code, path }) => (code === 'ENVOY_RULE' ? '' : `${code} `) + path.join('.'))
const cluster = (json: object) => paths(ClusterSchema, { name: 'a', connect_timeout: '1s', ...json })

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3'
const HTTP = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
const ext = (type: string, more: object = {}) => ({ name: 'x', typed_config: { '@type': type, ...more } })
const http = (options: object) => ({
  typed_extension_protocol_options: { [HTTP]: { '@type': `type.googleapis.com/${HTTP}`, ...options } },
})
const policy = (name: string, more: object = {}) => ({
  load_balancing_policy: {
    policies: [
      { typed_extension_config: ext(`type.googleapis.com/envoy.extensions.load_balancing_policies.${name}`, more) },
    ],
  },
})
const check = (more: object) => ({
  timeout: '1s',
  interval: '1s',
  unhealthy_threshold: 1,
  healthy_threshold: 1,
  ...more,
})

describe('how a cluster chooses an endpoint', () => {
  const at = 'load_balancing_policy.policies.0.typed_extension_config.typed_config'
  const dynamic = ext('type.googleapis.com/envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig', {
    dns_cache_config: { name: 'a' },
  })
  const selector = (more: object) => ({ lb_subset_config: { subset_selectors: [{ keys: ['a', 'b'], ...more }] } })
  it.each<[string, object, string, object]>([
    [
      'a table of a size that is no prime',
      { maglev_lb_config: { table_size: 4 } },
      'maglev_lb_config.table_size',
      { maglev_lb_config: { table_size: '5' } },
    ],
    [
      'the same as an extension',
      policy('maglev.v3.Maglev', { tableSize: '9' }),
      `${at}.tableSize`,
      policy('maglev.v3.Maglev', { tableSize: 11 }),
    ],
    [
      'a ring whose greatest size is below the least',
      { ring_hash_lb_config: { maximum_ring_size: 512 } },
      'ring_hash_lb_config.maximum_ring_size',
      { ring_hash_lb_config: { minimum_ring_size: 512, maximum_ring_size: 512 } },
    ],
    [
      'a policy that is not there',
      { lb_policy: 'LOAD_BALANCING_POLICY_CONFIG' },
      'lb_policy',
      { lb_policy: 'LOAD_BALANCING_POLICY_CONFIG', ...policy('random.v3.Random') },
    ],
    [
      'subsets beside a policy',
      { ...policy('random.v3.Random'), lb_subset_config: {} },
      'lb_subset_config',
      { lb_subset_config: {} },
    ],
    [
      'weighted localities beside a policy',
      { ...policy('random.v3.Random'), common_lb_config: { locality_weighted_lb_config: {} } },
      'common_lb_config.locality_weighted_lb_config',
      { ...policy('random.v3.Random'), common_lb_config: {} },
    ],
    [
      'a cluster that chooses itself and was not asked to',
      { cluster_type: dynamic },
      'cluster_type',
      { cluster_type: dynamic, lb_policy: 'CLUSTER_PROVIDED' },
    ],
    [
      'such a cluster with another policy',
      { cluster_type: dynamic, ...policy('random.v3.Random') },
      'load_balancing_policy',
      { cluster_type: dynamic, ...policy('cluster_provided.v3.ClusterProvided') },
    ],
    [
      'fewer keys that are not said',
      selector({ fallback_policy: 'KEYS_SUBSET' }),
      'lb_subset_config.subset_selectors.0.fallback_policy',
      selector({ fallback_policy: 'NO_FALLBACK' }),
    ],
    [
      'fewer keys that are others',
      selector({ fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['c'] }),
      'lb_subset_config.subset_selectors.0.fallback_keys_subset',
      selector({ fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['b'] }),
    ],
  ])('%s', (_, wrong, path, right) => {
    expect(cluster(wrong)).toEqual([path])
    expect(cluster(right)).toEqual([])
  })
})

describe('how a cluster reaches its endpoints', () => {
  const socket = { transport_socket: ext(`${TLS}.UpstreamTlsContext`) }
  const quic = {
    transport_socket: ext('type.googleapis.com/envoy.extensions.transport_sockets.quic.v3.QuicUpstreamTransport', {
      upstream_tls_context: {},
    }),
  }
  const http3 = http({ explicit_http_config: { http3_protocol_options: {} } })
  const drops = (...shares: object[]) => ({
    load_assignment: {
      cluster_name: 'a',
      policy: { drop_overloads: shares.map((drop_percentage, index) => ({ category: `c${index}`, drop_percentage })) },
    },
  })
  const hosts = (...list: object[]) => ({ load_assignment: { cluster_name: 'a', endpoints: [{ lb_endpoints: list }] } })
  const pipe = (length: number) => ({ endpoint: { address: { pipe: { path: `/${'x'.repeat(length - 1)}` } } } })
  it.each<[string, object, string, object]>([
    [
      'a protocol by ALPN without TLS',
      http({ auto_config: {} }),
      `typed_extension_protocol_options.${HTTP}.auto_config`,
      { ...http({ auto_config: {} }), ...socket },
    ],
    [
      'HTTP/3 over TCP',
      { ...http3, ...socket },
      `typed_extension_protocol_options.${HTTP}.explicit_http_config.http3_protocol_options`,
      { ...http3, ...quic },
    ],
    [
      'options under another name',
      {
        typed_extension_protocol_options: {
          http: { '@type': `type.googleapis.com/${HTTP}`, explicit_http_config: { http_protocol_options: {} } },
        },
      },
      'typed_extension_protocol_options.http',
      http({ explicit_http_config: { http_protocol_options: {} } }),
    ],
    [
      'two health checks',
      { health_checks: [check({ tcp_health_check: {} }), check({ tcp_health_check: {} })] },
      'health_checks.1',
      { health_checks: check({ tcp_health_check: {} }) },
    ],
    [
      'an empty range of statuses',
      { health_checks: [check({ http_health_check: { path: '/', expected_statuses: [{ start: 200, end: 200 }] } })] },
      'health_checks.0.http_health_check.expected_statuses.0',
      { health_checks: [check({ http_health_check: { path: '/', expected_statuses: [{ start: 200, end: 201 }] } })] },
    ],
    [
      'bytes that are no digits',
      { health_checks: [check({ tcp_health_check: { send: { text: 'zz' } } })] },
      'health_checks.0.tcp_health_check.send.text',
      { health_checks: [check({ tcp_health_check: { send: { text: '0aFF' } } })] },
    ],
    [
      'an ejection that lasts less than its least',
      { outlier_detection: { base_ejection_time: '10s', max_ejection_time: '5s' } },
      'outlier_detection.max_ejection_time',
      { outlier_detection: { base_ejection_time: '600s' } },
    ],
    [
      'DNS asked again earlier than soonest',
      { dns_failure_refresh_rate: { base_interval: '5s', max_interval: '1s' } },
      'dns_failure_refresh_rate.max_interval',
      { dns_failure_refresh_rate: { base_interval: '5s', max_interval: '5s' } },
    ],
    [
      'calls from a name',
      { upstream_bind_config: { source_address: { address: 'localhost', port_value: 0 } } },
      'upstream_bind_config.source_address.address',
      { upstream_bind_config: { source_address: { address: '::', port_value: 0 } } },
    ],
    [
      'two categories to drop',
      drops({ numerator: 5 }, { numerator: 5 }),
      'load_assignment.policy.drop_overloads.1',
      drops({ numerator: 5 }),
    ],
    [
      'more dropped than there is',
      drops({ numerator: 101 }),
      'load_assignment.policy.drop_overloads.0.drop_percentage',
      drops({ numerator: 101, denominator: 'TEN_THOUSAND' }),
    ],
    [
      'an endpoint that is none',
      hosts({ load_balancing_weight: 1 }),
      'load_assignment.endpoints.0.lb_endpoints.0',
      hosts(pipe(107)),
    ],
    [
      'a path too long for a socket',
      hosts(pipe(108)),
      'load_assignment.endpoints.0.lb_endpoints.0.endpoint.address.pipe.path',
      hosts(pipe(107)),
    ],
  ])('%s', (_, wrong, path, right) => {
    expect(cluster(wrong)).toEqual([path])
    expect(cluster(right)).toEqual([])
  })
})

describe('TLS', () => {
  const common = (more: object) => ({
    transport_socket: ext(`${TLS}.UpstreamTlsContext`, { common_tls_context: more }),
  })
  const at = 'transport_socket.typed_config.common_tls_context'
  const text = (inline_string: string) => ({ inline_string })
  const names = [{ san_type: 'DNS', matcher: { exact: 'a' } }]
  it.each<[string, object, string, object]>([
    [
      'a signature algorithm the library does not have',
      { tls_params: { signature_algorithms: ['rsa_md5'] } },
      'tls_params.signature_algorithms.0',
      { tls_params: { signature_algorithms: ['rsa_pss_rsae_sha256', 'RSA-PSS+SHA256'] } },
    ],
    [
      'a suite it does not have',
      { tls_params: { cipher_suites: ['[AES128-SHA|AES128-SHA256]'] } },
      'tls_params.cipher_suites.0',
      {
        tls_params: {
          cipher_suites: ['AES128-SHA:HIGH', 'ECDHE-PSK-AES128-CBC-SHA', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
        },
      },
    ],
    [
      'a certificate without its key',
      { tls_certificates: [{ certificate_chain: text('c') }] },
      'tls_certificates.0.private_key',
      { tls_certificates: [{ certificate_chain: text('c'), private_key: text('k') }] },
    ],
    [
      'a key without its certificate',
      { tls_certificates: [{ private_key: text('k') }] },
      'tls_certificates.0.certificate_chain',
      { tls_certificates: [{}] },
    ],
    [
      'an empty key',
      { tls_certificates: [{ certificate_chain: text('c'), private_key: text('') }] },
      'tls_certificates.0.private_key',
      {},
    ],
    [
      'empty authorities',
      { validation_context: { trusted_ca: { inline_bytes: '' } } },
      'validation_context.trusted_ca',
      { validation_context: { trusted_ca: text('a') } },
    ],
    [
      'names that any authority may give',
      { validation_context: { match_typed_subject_alt_names: names } },
      'validation_context.match_typed_subject_alt_names',
      {
        combined_validation_context: {
          default_validation_context: { match_typed_subject_alt_names: names },
          validation_context_sds_secret_config: { name: 'a', sds_config: { ads: {} } },
        },
      },
    ],
  ])('%s', (_, wrong, path, right) => {
    expect(cluster(common(wrong))).toEqual([`${at}.${path}`])
    expect(cluster(common(right))).toEqual([])
  })

  it('a secret is read when something uses it', () => {
    const tls_certificate = { certificate_chain: text('c') }
    expect(paths(SecretSchema, { name: 'a', tls_certificate })).toEqual([])
  })

  it('a secret that comes from nowhere is one of the bootstrap, which is said', () =>
    expect(cluster(common({ tls_certificate_sds_secret_configs: [{ name: 'a' }] }))).toEqual([
      `FIELD_QUESTIONABLE ${at}.tls_certificate_sds_secret_configs.0.name`,
    ]))
})

describe('extensions stand where they belong', () => {
  const listener = (chain: object, more: object = {}) =>
    paths(ListenerSchema, {
      name: 'a',
      address: { socket_address: { address: '127.0.0.1', port_value: 1 } },
      filter_chains: [chain],
      ...more,
    })
  const ROUTER = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router'

  it('by kind', () => {
    expect(cluster({ transport_socket: ext(ROUTER) })).toEqual(['transport_socket.typed_config.@type'])
    expect(listener({ filters: [ext(ROUTER)] })).toEqual(['filter_chains.0.filters.0.typed_config.@type'])
    expect(listener({ filters: [] }, { listener_filters: [ext(ROUTER)] })).toEqual([
      'listener_filters.0.typed_config.@type',
    ])
  })

  it('by side', () => {
    const common_tls_context = { tls_certificate_sds_secret_configs: [{ name: 'a', sds_config: { ads: {} } }] }
    const chain = (type: string) => ({ transport_socket: ext(`${TLS}.${type}`, { common_tls_context }) })
    expect(cluster(chain('DownstreamTlsContext'))).toEqual(['transport_socket.typed_config.@type'])
    expect(listener(chain('UpstreamTlsContext'))).toEqual(['filter_chains.0.transport_socket.typed_config.@type'])
    expect(listener(chain('DownstreamTlsContext'))).toEqual([])
  })

  it('an address takes IPv4 besides where it listens, not where calls come from', () => {
    const socket_address = { address: '::6', port_value: 0, ipv4_compat: true }
    expect(cluster({ upstream_bind_config: { source_address: socket_address } })).toEqual([])
    expect(listener({}, { address: { socket_address } })).toEqual(['address.socket_address.ipv4_compat'])
    expect(listener({}, { additional_addresses: [{ address: { socket_address } }] })).toEqual([
      'additional_addresses.0.address.socket_address.ipv4_compat',
    ])
  })

  it('an internal listener has no address', () => {
    const internal = { internal_listener: {} }
    expect(listener({}, internal)).toEqual(['address'])
    expect(listener({}, { ...internal, address: null })).toEqual([])
  })
})
