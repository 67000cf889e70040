import { isIP } from 'node:net'
import type { HostPort } from './host-port.ts'
import { defaultCluster } from './node-id.ts'
import { STATS_TAGS } from './stats-tags.ts'

/** PEM files on the proxy's machine. With `cert` and `key` the proxy shows who it is; without, it only checks the control plane. */
export interface ClientTlsFiles {
  /** CA that signed the control plane's certificate; without it the system's CAs are trusted. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** Name the control plane's certificate must carry; default: the host of the xDS address. */
  readonly serverName?: string | undefined
}

export interface NodeOptions {
  readonly id: string
  readonly cluster?: string | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly locality?: { readonly region?: string; readonly zone?: string; readonly subZone?: string } | undefined
}

export interface EnvoyBootstrapOptions {
  readonly node: NodeOptions
  /** Where control planes are: any of them will do, and the next one is taken when one is gone. */
  readonly xds: HostPort | readonly HostPort[]
  /** `delta` (default) sends differences only, `sotw` is the older state-of-the-world form. */
  readonly mode?: 'delta' | 'sotw' | undefined
  /** Port of Envoy's admin interface on 127.0.0.1; 0 takes a free one; undefined: no admin interface. */
  readonly adminPort?: number | undefined
  readonly tls?: ClientTlsFiles | undefined
  /** Reports to the control plane how many requests each cluster got. Default: yes. */
  readonly loadReports?: boolean | undefined
  /**
   * Makes the statistics of a cluster's connections and requests when it is first used, not when it is made. Half the CPU and two
   * thirds of the memory of clusters that are held and not used; until then these are not in `/stats`, not even as 0. Default: no.
   */
  readonly deferredStats?: boolean | undefined
}

/** The name of the one static cluster: the control plane. */
export const XDS_CLUSTER = 'xds-grpc'

/**
 * In the metadata of a node: its bootstrap has that cluster and wants to report over it. An Envoy refuses a listener that names a
 * cluster its bootstrap does not have.
 */
export const REPORTS_METADATA = 'REPORTS'

/**
 * In the metadata of a node: its bootstrap knows names of clusters in statistics that end themselves (`name;`). Any other would have
 * the `;` in its labels.
 */
export const DELIMITED_STATS_METADATA = 'DELIMITED_STATS'

/** Envoy's bootstrap in protobuf JSON with the field names of Envoy's documentation; plain data, ready for YAML or JSON. */
export type EnvoyBootstrap = Readonly<Record<string, unknown>>

/**
 * How long an Envoy waits before it connects again: at random, up to twice as long each time. Without it up to 30 s, so that a
 * control plane that was away for a minute would be without its proxies for another half.
 */
const RECONNECT = { retry_back_off: { base_interval: '0.5s', max_interval: '5s' } } as const

/** Which clusters, and how often, the control plane says. */
const LOAD_REPORTS = {
  api_type: 'GRPC',
  transport_api_version: 'V3',
  grpc_services: [{ envoy_grpc: { cluster_name: XDS_CLUSTER } }],
} as const

/**
 * An Envoy that gets everything over one aggregated stream.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/bootstrap/v3/bootstrap.proto
 */
export function envoyBootstrap(given: EnvoyBootstrapOptions): EnvoyBootstrap {
  const options = withMetadata(given, { [DELIMITED_STATS_METADATA]: true })
  const { mode = 'delta', tls, xds, loadReports = true, deferredStats = false } = options
  // No timeout: an Envoy without its first answer is not ready, instead of being ready with nothing after 15 s.
  const overAds = { resource_api_version: 'V3', ads: {}, initial_fetch_timeout: '0s' }
  return {
    ...commonBootstrap(
      withAdminAddress(loadReports && mode === 'delta' ? { ...options, node: reporting(options.node) } : options),
    ),
    dynamic_resources: {
      ads_config: {
        api_type: mode === 'delta' ? 'DELTA_GRPC' : 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: XDS_CLUSTER, retry_policy: RECONNECT } }],
      },
      cds_config: overAds,
      lds_config: overAds,
    },
    ...(loadReports ? { cluster_manager: { load_stats_config: LOAD_REPORTS } } : {}),
    ...(deferredStats ? { deferred_stat_options: { enable_deferred_creation_stats: true } } : {}),
    static_resources: { clusters: [xdsCluster([xds].flat(), tls)] },
  }
}

/** Tells a control plane on the same machine where it can read counters. A port that is not known yet cannot be told. */
function withAdminAddress(options: EnvoyBootstrapOptions): EnvoyBootstrapOptions {
  const { adminPort } = options
  return adminPort ? withMetadata(options, { ADMIN_ADDRESS: `127.0.0.1:${adminPort}` }) : options
}

/** With metadata that the caller's own overrules. */
function withMetadata(
  options: EnvoyBootstrapOptions,
  metadata: Readonly<Record<string, unknown>>,
): EnvoyBootstrapOptions {
  const { node } = options
  return { ...options, node: { ...node, metadata: { ...metadata, ...node.metadata } } }
}

/** The part that does not depend on where the resources come from; a static bootstrap uses it as well. */
export function commonBootstrap({
  node,
  adminPort,
}: Pick<EnvoyBootstrapOptions, 'node' | 'adminPort'>): EnvoyBootstrap {
  return {
    node: nodeJson(node),
    ...(adminPort === undefined ? {} : { admin: { address: socketAddress({ host: '127.0.0.1', port: adminPort }) } }),
    stats_config: { use_all_default_tags: false, stats_tags: STATS_TAGS },
    layered_runtime: {
      layers: [
        // Envoy refuses regular expressions above a program size of 100 unless told otherwise; this is Istio's limit.
        { name: 'defaults', static_layer: { 're2.max_program_size.error_level': 32_768 } },
        { name: 'admin', admin_layer: {} },
      ],
    },
    overload_manager: {
      resource_monitors: [
        {
          name: 'envoy.resource_monitors.global_downstream_max_connections',
          typed_config: {
            '@type':
              'type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
            // Far above what a proxy reaches: a limit against running away, and Envoy warns at each start when there is none.
            max_active_downstream_connections: '1000000',
          },
        },
      ],
    },
  }
}

function reporting(node: NodeOptions): NodeOptions {
  return { ...node, metadata: { ...node.metadata, [REPORTS_METADATA]: true } }
}

function nodeJson({ id, cluster = defaultCluster(id), metadata, locality }: NodeOptions): EnvoyBootstrap {
  return {
    id,
    cluster,
    ...(metadata && Object.keys(metadata).length > 0 ? { metadata } : {}),
    ...(locality ? { locality: localityJson(locality) } : {}),
  }
}

/** A locality as Envoy's JSON has it; what is empty is left out. */
export function localityJson(locality: NonNullable<NodeOptions['locality']>): Readonly<Record<string, string>> {
  const { region, zone, subZone } = locality
  return { ...(region ? { region } : {}), ...(zone ? { zone } : {}), ...(subZone ? { sub_zone: subZone } : {}) }
}

function xdsCluster(xds: readonly HostPort[], tls: ClientTlsFiles | undefined): EnvoyBootstrap {
  return {
    name: XDS_CLUSTER,
    type: xds.every(({ host }) => isIP(host)) ? 'STATIC' : 'STRICT_DNS',
    connect_timeout: '5s',
    load_assignment: {
      cluster_name: XDS_CLUSTER,
      endpoints: [{ lb_endpoints: xds.map((at) => ({ endpoint: { address: socketAddress(at) } })) }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: {
          // A vanished control plane leaves a half-open connection that only unanswered PINGs reveal.
          http2_protocol_options: { connection_keepalive: { interval: '30s', timeout: '10s' } },
        },
      },
    },
    ...(tls ? { transport_socket: tlsSocket(tls, xds) } : {}),
  }
}

function tlsSocket({ ca, cert, key, serverName }: ClientTlsFiles, xds: readonly HostPort[]): EnvoyBootstrap {
  const names = serverName === undefined ? [...new Set(xds.map(({ host }) => host))] : [serverName]
  // One for all of them: a cluster has one, and the control plane does not look at it.
  const sni = names.find((name) => !isIP(name))
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      ...(sni === undefined ? {} : { sni }),
      common_tls_context: {
        alpn_protocols: ['h2'],
        ...(cert && key
          ? { tls_certificates: [{ certificate_chain: { filename: cert }, private_key: { filename: key } }] }
          : {}),
        validation_context: {
          ...(ca ? { trusted_ca: { filename: ca } } : { system_root_certs: {} }),
          match_typed_subject_alt_names: names.map((name) => ({
            san_type: isIP(name) ? 'IP_ADDRESS' : 'DNS',
            matcher: { exact: name },
          })),
        },
      },
    },
  }
}

function socketAddress({ host, port }: HostPort): EnvoyBootstrap {
  return { socket_address: { address: host, port_value: port } }
}
