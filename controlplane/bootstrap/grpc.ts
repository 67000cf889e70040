import type { ClientTlsFiles, NodeOptions } from './envoy.ts'
import { localityJson } from './envoy.ts'
import { type HostPort, hostAndPort } from './host-port.ts'

export interface GrpcBootstrapOptions {
  readonly node: NodeOptions
  /** Where control planes are. A library asks the first, and those that know how to the next when it is gone (gRFC A71). */
  readonly xds: HostPort | readonly HostPort[]
  readonly tls?: ClientTlsFiles | undefined
  /** What the program shows and checks where a rule says ISTIO_MUTUAL; clients that use it have xDS credentials in their code. */
  readonly identity?: IdentityFiles | undefined
}

/** PEM files of a workload's own machine. */
export interface IdentityFiles {
  readonly cert: string
  readonly key: string
  /** Who signs the identities of the mesh. */
  readonly ca: string
}

/** Name that bootstraps of gRPC libraries give their certificates, and clusters refer to (gRFC A29); Istio uses it too. */
export const GRPC_CERTIFICATE_PROVIDER = 'default'

/** How often gRPC looks whether the files have changed. */
const REFRESH = '600s'

/**
 * The file that gRPC libraries read through GRPC_XDS_BOOTSTRAP: clients dial `xds:///<service>:<port>`, servers listen with xDS credentials.
 * Fields: https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md, A29 (certificates), A36 (servers),
 * A65 (mTLS to the control plane).
 */
export function grpcBootstrap({ node, xds, tls, identity }: GrpcBootstrapOptions): Readonly<Record<string, unknown>> {
  return {
    xds_servers: [xds].flat().map((at) => ({
      server_uri: hostAndPort(at),
      channel_creds: [tls ? { type: 'tls', config: tlsConfig(tls) } : { type: 'insecure' }],
      server_features: ['xds_v3'],
    })),
    node: {
      id: node.id,
      ...(node.cluster ? { cluster: node.cluster } : {}),
      ...(node.metadata && Object.keys(node.metadata).length > 0 ? { metadata: node.metadata } : {}),
      // grpc-js refuses a node without the field, even if there is nothing to say.
      locality: localityJson(node.locality ?? {}),
    },
    server_listener_resource_name_template: 'grpc/server?xds.resource.listening_address=%s',
    ...(identity && { certificate_providers: { [GRPC_CERTIFICATE_PROVIDER]: fileWatcher(identity) } }),
  }
}

function fileWatcher({ cert, key, ca }: IdentityFiles): Readonly<Record<string, unknown>> {
  const files = { certificate_file: cert, private_key_file: key, ca_certificate_file: ca }
  return { plugin_name: 'file_watcher', config: { ...files, refresh_interval: REFRESH } }
}

function tlsConfig({ ca, cert, key }: ClientTlsFiles): Readonly<Record<string, string>> {
  return {
    ...(ca ? { ca_certificate_file: ca } : {}),
    ...(cert && key ? { certificate_file: cert, private_key_file: key } : {}),
  }
}
