import { fromJson, type JsonValue, toJson } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { type Cluster, ClusterSchema } from '../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { fullRegistry } from '../../../proto/registry.ts'
import { canonicalJson } from './canonical.ts'

const registry = fullRegistry()
const read = (json: unknown): Cluster =>
  fromJson(ClusterSchema, canonicalJson(ClusterSchema, json) as JsonValue, { registry })
const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext'

describe('what Envoy reads beyond canonical JSON', () => {
  const address = { socket_address: { address: '10.0.0.1', port_value: 53 } }
  it.each([
    [{ type: 'strict_dns' }, { type: 'STRICT_DNS' }],
    [{ lb_policy: '2' }, { lb_policy: 'RING_HASH' }],
    [{ dns_resolvers: address }, { dns_resolvers: [address] }],
    [{ respect_dns_ttl: 'True' }, { respect_dns_ttl: true }],
    [{ per_connection_buffer_limit_bytes: { value: 5 } }, { per_connection_buffer_limit_bytes: 5 }],
    [{ connect_timeout: '1s', connectTimeout: '2s' }, { connect_timeout: '2s' }],
    [{ connect_timeout: { seconds: 3 } }, { connect_timeout: '3s' }],
    [{ connect_timeout: { seconds: '2', nanos: 50_000_000 } }, { connect_timeout: '2.05s' }],
    [{ connect_timeout: { seconds: -1, nanos: -500_000_000 } }, { connect_timeout: '-1.5s' }],
    [{ dns_jitter: {} }, { dns_jitter: '0s' }],
    [{ per_connection_buffer_limit_bytes: '1e3' }, { per_connection_buffer_limit_bytes: 1000 }],
    [{ per_connection_buffer_limit_bytes: { value: '0x1F' } }, { per_connection_buffer_limit_bytes: 31 }],
    [{ per_connection_buffer_limit_bytes: {} }, { per_connection_buffer_limit_bytes: 0 }],
    [{ ring_hash_lb_config: { minimum_ring_size: '+2.0' } }, { ring_hash_lb_config: { minimum_ring_size: '2' } }],
    [
      { common_lb_config: { healthy_panic_threshold: { value: '.5' } } },
      { common_lb_config: { healthy_panic_threshold: { value: 0.5 } } },
    ],
    [{ outlier_detection: { always_eject_one_host: 'Yes' } }, { outlier_detection: { always_eject_one_host: true } }],
    [
      { ignore_health_on_host_removal: '0', respect_dns_ttl: 't' },
      { ignore_health_on_host_removal: false, respect_dns_ttl: true },
    ],
    [{ type: 'EDS', cluster_type: null }, { type: 'EDS' }],
    [{ dns_resolvers: [[address, null], []] }, { dns_resolvers: [address, {}] }],
    [{ metadata: { filter_metadata: { a: null } } }, { metadata: { filter_metadata: { a: {} } } }],
    [
      {
        metadata: {
          typed_filter_metadata: { a: { '@type': 'any.host/google.protobuf.Duration', value: { seconds: 1 } } },
        },
      },
      { metadata: { typed_filter_metadata: { a: { '@type': 'any.host/google.protobuf.Duration', value: '1s' } } } },
    ],
    [
      {
        transport_socket: {
          name: 'tls',
          typed_config: {
            '@type': TLS,
            common_tls_context: { alpn_protocols: 'h2', tls_params: { tls_minimum_protocol_version: 'tlsv1_2' } },
          },
        },
      },
      {
        transport_socket: {
          name: 'tls',
          typed_config: {
            '@type': TLS,
            common_tls_context: { alpn_protocols: ['h2'], tls_params: { tls_minimum_protocol_version: 'TLSv1_2' } },
          },
        },
      },
    ],
  ])('%j is %j', (written, canonical) => {
    const expected = fromJson(ClusterSchema, { name: 'a', ...canonical } as JsonValue, { registry })
    const shown = (message: Cluster) => toJson(ClusterSchema, message, { registry })
    expect(shown(read({ name: 'a', ...written }))).toEqual(shown(expected))
  })

  it('what is canonical stays the same object, and what is wrong is left to the check', () => {
    const right = {
      name: 'a',
      lb_policy: 'MAGLEV',
      dns_resolvers: [address],
      metadata: { filter_metadata: { a: { b: '1' } } },
    }
    expect(canonicalJson(ClusterSchema, right)).toBe(right)
    const wrong = { name: 'a', lb_policy: 'MAGELV', nothing: 1, connect_timeout: ['1s'] }
    expect(canonicalJson(ClusterSchema, wrong)).toBe(wrong)
    for (const one of [
      { connect_timeout: { seconds: 1, nanos: -1 } },
      { connect_timeout: { seconds: 1, nanos: 1e9 } },
      { connect_timeout: { seconds: 1.5 } },
      { connect_timeout: { secs: 1 } },
      { per_connection_buffer_limit_bytes: '5.5' },
      { per_connection_buffer_limit_bytes: '5 ' },
      { respect_dns_ttl: 'on' },
    ])
      expect(canonicalJson(ClusterSchema, one)).toBe(one)
  })
})
