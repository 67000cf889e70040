import type { ClientTlsFiles, NodeOptions } from './envoy.ts'
import { localityJson } from './envoy.ts'
import { type HostPort, hostAndPort } from './host-port.ts'

export interface GrpcBootstrapOptions {
  readonly node: NodeOptions
  readonly xds: HostPort
  readonly tls?: ClientTlsFiles | undefined
}

/**
 * The file that gRPC libraries read through GRPC_XDS_BOOTSTRAP: clients dial `xds:///<service>:<port>`, servers listen with xDS credentials.
 * Fields: https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md, A36 (servers), A65 (mTLS to the control plane).
 */
export function grpcBootstrap({ node, xds, tls }: GrpcBootstrapOptions): Readonly<Record<string, unknown>> {
  return {
    xds_servers: [
      {
        server_uri: hostAndPort(xds),
        channel_creds: [tls ? { type: 'tls', config: tlsConfig(tls) } : { type: 'insecure' }],
        server_features: ['xds_v3'],
      },
    ],
    node: {
      id: node.id,
      ...(node.cluster ? { cluster: node.cluster } : {}),
      ...(node.metadata && Object.keys(node.metadata).length > 0 ? { metadata: node.metadata } : {}),
      // grpc-js refuses a node without the field, even if there is nothing to say.
      locality: localityJson(node.locality ?? {}),
    },
    server_listener_resource_name_template: 'grpc/server?xds.resource.listening_address=%s',
  }
}

function tlsConfig({ ca, cert, key }: ClientTlsFiles): Readonly<Record<string, string>> {
  return {
    ...(ca ? { ca_certificate_file: ca } : {}),
    ...(cert && key ? { certificate_file: cert, private_key_file: key } : {}),
  }
}
