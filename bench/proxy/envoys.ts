import { startEnvoy } from '../../test/helpers/envoy.ts'
import { pin } from './native.ts'

const huge = 1_000_000
const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

function cluster(name: string, port: number, http2: boolean) {
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
  return {
    name,
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }] },
    circuit_breakers: {
      thresholds: [{ max_connections: huge, max_pending_requests: huge, max_requests: huge }],
    },
    outlier_detection: {},
    ...(http2 && {
      typed_extension_protocol_options: {
        [options]: {
          '@type': `type.googleapis.com/${options}`,
          explicit_http_config: { http2_protocol_options: {} },
        },
      },
    }),
  }
}

const typed = (name: string, type: string, config: object = {}) => ({
  name,
  typed_config: { '@type': `type.googleapis.com/envoy.extensions.filters.${type}`, ...config },
})

/** An Envoy as the peer with one worker on one CPU. @returns where it listens and its process */
async function start(cpu: number, filter: object, clusters: readonly object[]) {
  const envoy = await startEnvoy({
    bootstrap: {
      static_resources: {
        listeners: [{ name: 'in', address: address(0), filter_chains: [{ filters: [filter] }] }],
        clusters,
      },
    },
  })
  pin(envoy.pid, cpu)
  return { port: await envoy.listenerPort('in'), pids: [envoy.pid] }
}

/** Routes connections, knows no messages. */
export function tcpProxy(cpu: number, upstream: number) {
  const filter = typed('tcp', 'network.tcp_proxy.v3.TcpProxy', { stat_prefix: 'tcp', cluster: 'service0' })
  return start(cpu, filter, [cluster('service0', upstream, false)])
}

/** Routes each call by its method, payload passed through undecoded. */
export function thriftProxy(cpu: number, upstreams: readonly number[], routes: number) {
  const filter = typed('thrift', 'network.thrift_proxy.v3.ThriftProxy', {
    stat_prefix: 'thrift',
    transport: 'FRAMED',
    protocol: 'BINARY',
    payload_passthrough: true,
    route_config: {
      name: 'routes',
      routes: Array.from({ length: routes }, (_, i) => ({
        match: { method_name: `method_${String(i).padStart(2, '0')}` },
        route: { cluster: `service${i % upstreams.length}` },
      })),
    },
    thrift_filters: [typed('envoy.filters.thrift.router', 'network.thrift_proxy.router.v3.Router')],
  })
  return start(
    cpu,
    filter,
    upstreams.map((port, i) => cluster(`service${i}`, port, false)),
  )
}

/** What a gRPC sidecar is: HTTP/2 in, one route, HTTP/2 out. */
export function grpcProxy(cpu: number, upstream: number) {
  const filter = typed('http', 'network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'http',
    codec_type: 'HTTP2',
    route_config: {
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'service0' } }] },
      ],
    },
    http_filters: [typed('envoy.filters.http.router', 'http.router.v3.Router')],
  })
  return start(cpu, filter, [cluster('service0', upstream, true)])
}
