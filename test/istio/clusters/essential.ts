import type { JsonObject } from '@bufbuild/protobuf'

/** Messages as JSON, read by path. */
// biome-ignore lint/suspicious/noExplicitAny: free JSON of either side.
type Json = any

/** What a cluster does, said in one way for both sides: they use different fields of Envoy's API for the same. */
export type Essential = Readonly<Record<string, unknown>>

const HTTP = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions'

/** Of a cluster and, where it has one, its load assignment. */
export function essential(cluster: JsonObject, assignment: JsonObject | undefined): Essential {
  const json = cluster as Json
  const type = typeOf(json)
  const http = json.typedExtensionProtocolOptions?.[HTTP] ?? {}
  const outlier = json.outlierDetection
  return plain({
    type,
    connectTimeout: json.connectTimeout,
    balancer: type === 'ORIGINAL_DST' || type === 'FORWARD' ? undefined : balancerOf(json),
    outlierDetection: outlier,
    panicThreshold: outlier && (json.commonLbConfig?.healthyPanicThreshold?.value ?? 0),
    thresholds: json.circuitBreakers?.thresholds?.map(({ trackRemaining: _, ...rest }: Json) => rest),
    keepalive: json.upstreamConnectionOptions,
    socket: socketOf(json.transportSocket),
    protocol: protocolOf(http),
    connections: Object.keys(http.commonHttpProtocolOptions ?? {}).length > 0 && http.commonHttpProtocolOptions,
    sniOfRequest: http.upstreamHttpProtocolOptions?.autoSni,
    errors: http.outlierDetection,
    port: json.originalDstLbConfig?.upstreamPortOverride,
    endpoints: type === 'EDS' ? groupsOf(assignment) : json.loadAssignment && groupsOf(json.loadAssignment),
  })
}

function typeOf({ type, clusterType }: Json): string {
  if (type) return type
  if (!clusterType) return 'STATIC'
  if (clusterType.name.includes('dynamic_forward_proxy')) return 'FORWARD'
  return clusterType.typedConfig.allAddressesInSingleEndpoint ? 'LOGICAL_DNS' : 'STRICT_DNS'
}

function balancerOf(json: Json): object {
  const extension = json.loadBalancingPolicy?.policies?.[0]?.typedExtensionConfig
  const config = extension?.typedConfig ?? {}
  const name: string = extension ? extension.name.split('.').at(-1) : (json.lbPolicy ?? 'ROUND_ROBIN').toLowerCase()
  const slow =
    config.slowStartConfig ?? json.roundRobinLbConfig?.slowStartConfig ?? json.leastRequestLbConfig?.slowStartConfig
  return {
    name,
    places: Boolean(
      config.localityLbConfig?.localityWeightedLbConfig ??
        config.localityWeightedLbConfig ??
        json.commonLbConfig?.localityWeightedLbConfig,
    ),
    ring: name === 'ring_hash' && String(config.minimumRingSize ?? json.ringHashLbConfig?.minimumRingSize ?? 1024),
    table: name === 'maglev' && String(config.tableSize ?? json.maglevLbConfig?.tableSize ?? 65_537),
    slow: slow && {
      window: slow.slowStartWindow,
      aggression: slow.aggression?.defaultValue ?? 1,
      least: slow.minWeightPercent ? (slow.minWeightPercent.value ?? 0) : 10,
    },
  }
}

function protocolOf(http: Json): object {
  const { explicitHttpConfig: explicit, useDownstreamProtocolConfig: caller } = http
  const two = explicit?.http2ProtocolOptions ?? caller?.http2ProtocolOptions
  return {
    name: caller ? 'as the caller' : explicit?.http2ProtocolOptions ? 'h2' : 'http/1.1',
    streams: two?.maxConcurrentStreams,
    ping: two?.connectionKeepalive,
  }
}

/** Istio's own ALPN is for its own Envoys; where the CA is comes from each side's certificates (docs/decisions/upstream-tls.md). */
function socketOf(socket: Json): object | undefined {
  const config = socket?.typedConfig
  if (!config || socket.name.includes('raw_buffer')) return undefined
  if (config.transportSocket)
    return { proxyProtocol: config.config?.version ?? 'V1', inner: socketOf(config.transportSocket) }
  const { commonTlsContext: tls = {}, sni } = config
  const defaults = tls.combinedValidationContext?.defaultValidationContext ?? {}
  const names = (defaults.matchTypedSubjectAltNames ?? []).map(({ matcher }: Json) => matcher.exact)
  return {
    sni,
    protocols: (tls.alpnProtocols ?? []).filter((name: string) => !name.startsWith('istio')),
    names: [
      ...new Set<string>([...names, ...(defaults.matchSubjectAltNames ?? []).map((name: Json) => name.exact)]),
    ].sort(),
    certificate: (tls.tlsCertificateSdsSecretConfigs ?? []).length > 0,
    verifies: Boolean(tls.combinedValidationContext),
  }
}

/** Groups that have endpoints, in order of priority and place. */
function groupsOf(assignment: Json): readonly object[] {
  const groups = (assignment?.endpoints ?? []).filter((group: Json) => group.lbEndpoints?.length > 0)
  const read = groups.map(({ locality: at = {}, priority = 0, loadBalancingWeight: weight, lbEndpoints }: Json) => ({
    priority,
    place: [at.region, at.zone, at.subZone].filter(Boolean).join('/'),
    weight,
    endpoints: lbEndpoints.map(endpointOf).sort(),
  }))
  return read.sort((a: Json, b: Json) => a.priority - b.priority || (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

function endpointOf({ endpoint, loadBalancingWeight: weight = 1, healthStatus = '' }: Json): string {
  const { socketAddress, pipe } = endpoint.address
  const address = pipe ? pipe.path : `${socketAddress.address}:${socketAddress.portValue}`
  return `${address} weight ${weight} ${healthStatus}`.trim()
}

/** Without what is absent, false, empty or 0 by default in protobuf JSON. */
function plain(value: Json): Json {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, one]) => one !== undefined && one !== false && one !== '')
  return Object.fromEntries(entries.map(([name, one]) => [name, plain(one)]))
}
