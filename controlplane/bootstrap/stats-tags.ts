/**
 * How Envoy finds labels in its flat stat names. Cluster names carry dots (`outbound|8080|v1|reviews.default.svc.cluster.local`),
 * and Envoy's default rule would end the name at the first one. So the control plane has the names of its clusters end themselves in
 * stats, as Istio's does (`outbound|8080|v1|reviews.default.svc.cluster.local;`), for proxies whose node says that their bootstrap
 * knows this rule (`DELIMITED_STATS`). docs/decisions/stat-names.md has what that costs and saves.
 *
 * Other names, those of an older control plane and of clusters that people wrote, are read from the end: a stat is one word, or one
 * of the groups below and a word; all before it is the name. (A host that ends in `.internal`, `.external`, `.canary`, `.zone.x.y` or
 * `.thrift` then shares its label with Envoy's groups of that name in a few stats of response codes and times; nothing in the flat
 * name tells the two apart.)
 *
 * Setting one rule anew means listing the others by name (`use_all_default_tags: false`): Envoy refuses a tag defined twice.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/metrics/v3/stats.proto#config-metrics-v3-tagspecifier
 */
const STAT_GROUPS = [
  'circuit_breakers\\.\\w+',
  '(?:outlier_detection|health_check|http[123]|ssl|maglev_lb|ring_hash_lb|redis|thrift|ext_authz|ext_proc|ratelimit)',
  'ssl\\.(?:ciphers|versions|curves|sigalgs)(?:\\.TLSv1)?',
  'ssl\\.certificate\\.[^.]+',
]

/** Words that stand in no group: what is before them is the end of a host, even where it looks like a group (`cache.redis`). */
const UNGROUPED = [
  'assignment_',
  'bind_errors$',
  'init_fetch_timeout$',
  'original_dst_host_invalid$',
  'retry_or_shadow_abandoned$',
  'update_',
  'upstream_(?:[^cr]|rq_(?:completed$|\\d))', // Thrift and Redis have more about connections, requests and replies
  'version$',
  'warming_state$',
]

const MORE_WORDS = [
  '(?:internal|external|canary|zone\\.[^.]+\\.[^.]+)\\.upstream_rq_(?:completed|time|\\d\\d\\d|\\dxx)',
  '[^.]+\\.total_match_count', // which transport socket was taken
]

/** Any stat, as above. */
const ANY_STAT = `(?:[\\w-]+|(?:${STAT_GROUPS.join('|')})\\.(?!${UNGROUPED.join('|')})[\\w-]+|${MORE_WORDS.join('|')})$`

/**
 * Beginnings of most stats of every cluster, which never stand in a group and begin no label of a host that anybody has: only their first
 * letters are tried at each dot of a name. Counters of requests that also stand in a group (a code, `completed`, `time`) are not
 * among them.
 */
const COMMON_STATS = [
  'u(?:pstream_(?:rq_(?:0rtt|active|cancelled|m|p|r|timeout|total|tx_)|cx_(?:a|c|de|h|i|l|m|n|o|p|r|t)|flow_control_|internal_redirect_|http3_)' +
    '|pdate_(?:attempt|duration|empty|failure|no_rebuild|rejected|success|time)$)',
  'lb_\\w+$',
  'circuit_breakers\\.(?:default|high)\\.',
  'm(?:embership_(?:change|degraded|excluded|healthy|total)|ax_host_weight)$',
]

const some = (letters: number) => '[^;]'.repeat(letters)

/**
 * All up to the next `;` or the end, eight letters at a time: C++'s regular expressions, by which Envoy reads each of some 120 stats
 * of every cluster it makes, copy their state at each turn of a loop, and hardly count what a turn reads.
 */
const UP_TO_END = `(?:${some(8)})*(?:${some(4)})?(?:${some(2)})?${some(1)}?`

/** A name without `;`, and what comes behind it: looked through for the common stats alone, and once more from its beginning for any. */
const OTHER_NAME = 'outbound\\|.+?|().+?'
const STAT = `${COMMON_STATS.join('|')}|\\4${ANY_STAT}`

/**
 * Group 1 is what goes, group 2 the label. A lookahead is never entered again, so group 3 has all up to the `;` at once, and a name
 * without one fails there at once. Empty groups say how a name was found: 5 that there was a `;`, so that nothing of what follows has to be
 * looked at, 4 that any stat may follow. C++ lets a reference to a group that is not set fail. At most 1,024 bytes.
 */
const CLUSTER_NAME = `^cluster\\.(((?=(outbound\\|${UP_TO_END}))\\3|(?:${OTHER_NAME}))(?:;()|)\\.)(?:\\5|(?:${STAT}))`

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
  { tag_name: 'envoy.cluster_name', regex: CLUSTER_NAME },
  ...DEFAULT_TAGS.map((name) => ({ tag_name: `envoy.${name}` })),
] as const
