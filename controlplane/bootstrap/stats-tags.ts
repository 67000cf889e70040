/**
 * How Envoy finds labels in its flat stat names. Cluster names carry dots (`outbound|8080|v1|reviews.default.svc.cluster.local`),
 * and Envoy's default rule would end the name at the first one. Ours reads from the end: a stat is one word, or one of the groups
 * below and a word; all before it is the name. (A host that ends in `.internal`, `.external` or `.canary` shares its label with
 * Envoy's groups of that name in a few stats of response codes; nothing in the flat name tells the two apart.)
 *
 * Setting one rule anew means listing the others by name (`use_all_default_tags: false`): Envoy refuses a tag defined twice.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/metrics/v3/stats.proto#config-metrics-v3-tagspecifier
 */
const STAT_GROUPS = [
  'circuit_breakers\\.\\w+',
  '(?:outlier_detection|health_check|http[123]|ssl|maglev_lb|ring_hash_lb|redis|thrift|ext_authz|ext_proc|ratelimit)',
  'ssl\\.(?:ciphers|versions|curves|sigalgs)(?:\\.TLSv1)?',
  'ssl\\.certificate\\.[^.]+',
  'zone\\.[^.]+\\.[^.]+',
]

const TWO_WORDS = [
  '(?:internal|external|canary)\\.upstream_rq_(?:completed|time|\\d\\d\\d|\\dxx)',
  '[^.]+\\.total_match_count', // which transport socket was taken
]

/** Envoy's own rules, by name; those every supported Envoy knows, since it does not start on an unknown one. */
const DEFAULT_TAGS = [
  'response_code',
  'response_code_class',
  'http_conn_manager_prefix',
  'http_user_agent',
  'listener_address',
  'virtual_host',
  'virtual_cluster',
  'tcp_prefix',
  'udp_prefix',
  'clientssl_prefix',
  'ssl_cipher',
  'mongo_prefix',
  'mongo_collection',
  'mongo_callsite',
  'dynamo_table',
  'dynamo_operation',
  'dynamo_partition_id',
  'ratelimit_prefix',
  'local_http_ratelimit_prefix',
  'local_network_ratelimit_prefix',
  'local_listener_ratelimit_prefix',
  'connection_limit_prefix',
  'dns_filter_prefix',
  'rbac_prefix',
  'rbac_http_prefix',
  'ext_authz_prefix',
  'rds_route_config',
  'scoped_rds_config',
  'grpc_bridge_service',
  'grpc_bridge_method',
  'google_grpc_client_prefix',
  'fault_downstream_cluster',
  'thrift_prefix',
  'redis_prefix',
  'proxy_protocol_prefix',
  'proxy_protocol_version',
]

export const STATS_TAGS = [
  {
    tag_name: 'envoy.cluster_name',
    // The commonest first: Envoy runs it for each of some hundred stats whenever it makes a cluster, by a slow library.
    regex: `^cluster\\.((.+?)\\.)(?:[\\w-]+|(?:${STAT_GROUPS.join('|')})\\.[\\w-]+|${TWO_WORDS.join('|')})$`,
  },
  ...DEFAULT_TAGS.map((name) => ({ tag_name: `envoy.${name}` })),
] as const
