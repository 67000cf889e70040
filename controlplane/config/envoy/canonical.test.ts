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
  })
})
