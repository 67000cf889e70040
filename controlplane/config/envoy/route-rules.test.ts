import type { DescMessage } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { ListenerSchema } from '../../../proto/gen/envoy/config/listener/v3/listener_pb.ts'
import { RouteConfigurationSchema } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import { checkEnvoyJson } from './json.ts'

/** As in code-rules.test.ts: what Envoy 1.39.3 refuses in its code, and beside it what it takes. */
const paths = (desc: DescMessage, json: unknown): readonly string[] =>
  checkEnvoyJson(desc, json).map(({ code, path }) => (code === 'ENVOY_RULE' ? '' : `${code} `) + path.join('.'))

const host = (more: object) => ({ name: 'a', virtual_hosts: [{ name: 'v', domains: ['*'], ...more }] })
const route = (more: object) => host({ routes: [{ match: { prefix: '/' }, ...more }] })
const action = (more: object) => route({ route: { cluster: 'c', ...more } })
const split = (part: object) => route({ route: { weighted_clusters: { clusters: [part] } } })
const added = (more: object) => ({ request_headers_to_add: [{ header: { key: 'x', value: '1' }, ...more }] })
const regex = { pattern: { regex: 'a' }, substitution: '' }

describe('routes', () => {
  const at = 'virtual_hosts.0'
  const act = `${at}.routes.0.route`
  const matched = (string_match: object) =>
    host({ routes: [{ match: { prefix: '/', headers: [{ name: 'x', string_match }] }, route: { cluster: 'c' } }] })
  const retried = (more: object) => action({ retry_policy: { retry_back_off: { base_interval: '2s', ...more } } })
  const said = (length: number) => ({ direct_response: { status: 200, body: { inline_string: 'x'.repeat(length) } } })
  it.each<[string, object, string, object]>([
    [
      'a part of a split without a weight',
      split({ name: 'c' }),
      `${act}.weighted_clusters.clusters.0.weight`,
      split({ name: 'c', weight: 1 }),
    ],
    [
      'a part that goes nowhere',
      split({ weight: 1 }),
      `${act}.weighted_clusters.clusters.0`,
      split({ cluster_header: 'x', weight: 1 }),
    ],
    [
      'a part that goes two ways',
      split({ name: 'c', clusterHeader: 'x', weight: 1 }),
      `${act}.weighted_clusters.clusters.0.clusterHeader`,
      split({ name: 'c', weight: 0 }),
    ],
    [
      'a mirror to nowhere',
      action({ request_mirror_policies: [{}] }),
      `${act}.request_mirror_policies.0`,
      action({ request_mirror_policies: [{ cluster: 'm' }] }),
    ],
    [
      'two ways to write a path',
      action({ prefix_rewrite: '/', regex_rewrite: regex }),
      `${act}.regex_rewrite`,
      action({ regex_rewrite: regex }),
    ],
    [
      'an upgrade twice',
      action({ upgrade_configs: [{ upgrade_type: 'websocket' }, { upgrade_type: 'WebSocket' }] }),
      `${act}.upgrade_configs.1`,
      action({ upgrade_configs: [{ upgrade_type: 'websocket' }] }),
    ],
    [
      'CONNECT for a WebSocket',
      action({ upgrade_configs: [{ upgrade_type: 'websocket', connect_config: {} }] }),
      `${act}.upgrade_configs.0`,
      action({ upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] }),
    ],
    ['a negative time', action({ timeout: '-1s' }), `${act}.timeout`, action({ timeout: '0s' })],
    [
      'pauses that shrink',
      retried({ max_interval: '1s' }),
      `${act}.retry_policy.retry_back_off.max_interval`,
      retried({ max_interval: '2s' }),
    ],
    [
      'a case that a regular expression does not ignore',
      matched({ ignore_case: true, safe_regex: { regex: 'a' } }),
      `${at}.routes.0.match.headers.0.string_match.ignore_case`,
      matched({ ignore_case: true, exact: 'a' }),
    ],
    [
      'a pseudo header',
      host(added({ header: { key: ':path', value: '/' } })),
      `${at}.request_headers_to_add.0.header.key`,
      host(added({})),
    ],
    [
      'Host, of the whole table',
      { name: 'a', ...added({ header: { key: 'Host', value: 'b' } }) },
      'request_headers_to_add.0.header.key',
      { name: 'a', ...added({}) },
    ],
    [
      'Host taken away',
      route({ route: { cluster: 'c' }, request_headers_to_remove: ['x', 'host'] }),
      `${at}.routes.0.request_headers_to_remove.1`,
      route({ route: { cluster: 'c' }, request_headers_to_remove: ['x'] }),
    ],
    [
      'a header added in two ways',
      host(added({ append: true, append_action: 'ADD_IF_ABSENT' })),
      `${at}.request_headers_to_add.0.append`,
      host(added({ append: true })),
    ],
    [
      'a virtual cluster of nothing',
      host({ virtual_clusters: [{ name: 'a' }] }),
      `${at}.virtual_clusters.0.headers`,
      host({ virtual_clusters: [{ name: 'a', headers: [{ name: 'x', present_match: true }] }] }),
    ],
    [
      'a body that is too long',
      route(said(4097)),
      `${at}.routes.0.direct_response.body`,
      { ...route(said(4097)), max_direct_response_body_size_bytes: 5000 },
    ],
    [
      'a body of bytes that is too long, however it is written',
      route({ direct_response: { status: 200, body: { inline_bytes: Buffer.alloc(4097).toString('base64') } } }),
      `${at}.routes.0.direct_response.body`,
      route({ direct_response: { status: 200, body: { inline_bytes: Buffer.alloc(4096).toString('base64') } } }),
    ],
    [
      'a body that is longer than the least limit, where 0 is none',
      { ...route(said(4097)), max_direct_response_body_size_bytes: 1 },
      `${at}.routes.0.direct_response.body`,
      { ...route(said(4097)), max_direct_response_body_size_bytes: 0 },
    ],
  ])('%s', (_, wrong, path, right) => {
    expect(paths(RouteConfigurationSchema, wrong)).toEqual([path])
    expect(paths(RouteConfigurationSchema, right)).toEqual([])
  })
})

describe('listeners', () => {
  const E = 'type.googleapis.com/envoy.extensions'
  const socket = (more: object) => ({ socket_address: { address: '127.0.0.1', ...more } })
  const listener = (chain: object, address: object = socket({ port_value: 1 })) => ({
    name: 'a',
    address,
    filter_chains: [chain],
  })
  const router = { name: 'r', typed_config: { '@type': `${E}.filters.http.router.v3.Router` } }
  const manager = (more: object) =>
    listener({
      filters: [
        {
          name: 'h',
          typed_config: {
            '@type': `${E}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
            stat_prefix: 'x',
            route_config: {},
            http_filters: [router],
            ...more,
          },
        },
      ],
    })
  const http = 'filter_chains.0.filters.0.typed_config'
  const names = (...server_names: string[]) => listener({ filter_chain_match: { server_names } })
  const server = (common_tls_context: object) =>
    listener({
      transport_socket: {
        name: 't',
        typed_config: { '@type': `${E}.transport_sockets.tls.v3.DownstreamTlsContext`, common_tls_context },
      },
    })
  const original_ip_detection_extensions = [
    { name: 'x', typed_config: { '@type': `${E}.http.original_ip_detection.xff.v3.XffConfig` } },
  ]
  it.each<[string, object, string, object]>([
    [
      'part of a label as wildcard',
      names('*', '*.b.example'),
      'filter_chains.0.filter_chain_match.server_names.0',
      names('*.b.example'),
    ],
    ['a port by name', listener({}, socket({ named_port: 'http' })), 'address.socket_address.named_port', listener({})],
    [
      'a server without certificates',
      server({}),
      'filter_chains.0.transport_socket.typed_config.common_tls_context',
      server({ tlsCertificateSdsSecretConfigs: [{ name: 'a', sds_config: { ads: {} } }] }),
    ],
    [
      'two ways to find an address',
      manager({ original_ip_detection_extensions, use_remote_address: true }),
      `${http}.original_ip_detection_extensions`,
      manager({ original_ip_detection_extensions }),
    ],
    [
      'two ways to strip a port',
      manager({ strip_any_host_port: true, strip_matching_host_port: true }),
      `${http}.strip_any_host_port`,
      manager({ strip_any_host_port: true }),
    ],
    [
      'a router that is switched off',
      manager({ http_filters: [{ ...router, disabled: true }] }),
      `${http}.http_filters.0.disabled`,
      manager({}),
    ],
    [
      'a connection that ends before it began',
      manager({ common_http_protocol_options: { idle_timeout: '-1s' } }),
      `${http}.common_http_protocol_options.idle_timeout`,
      manager({ common_http_protocol_options: { idle_timeout: '0s' } }),
    ],
    [
      'an upgrade twice',
      manager({ upgrade_configs: [{ upgrade_type: 'websocket' }, { upgrade_type: 'websocket' }] }),
      `${http}.upgrade_configs.1`,
      manager({ upgrade_configs: [{ upgrade_type: 'websocket' }] }),
    ],
  ])('%s', (_, wrong, path, right) => {
    expect(paths(ListenerSchema, wrong)).toEqual([path])
    expect(paths(ListenerSchema, right)).toEqual([])
  })
})
