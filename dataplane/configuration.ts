import type { ConnectionMode, ErrorReason } from '../codecs/contract.ts'
import type { ClientTls, ServerTls } from './tls-settings.ts'

/**
 * All the proxy knows, as one immutable value. It is plain data (no functions, no classes), so that it can be sent to workers and saved.
 * A new value replaces the old one at once for every message that comes after; what did not change (same name, equal content)
 * keeps its connections, counters and ejections. Durations are in ms, sizes in bytes, percentages 0 to 100 with fractions.
 *
 * Names are references: a listener names its protocol and route table, a route names clusters. A name that does not exist is no error
 * of the whole: requests for it are answered with `noRoute` or `noUpstream` until it comes.
 */
export interface Configuration {
  /** For people and the config dump only. */
  readonly version: string
  readonly protocols: readonly ProtocolSource[]
  readonly listeners: readonly ListenerConfig[]
  readonly routes: readonly RouteTable[]
  readonly clusters: readonly ClusterConfig[]
}

/** Where a codec comes from; the proxy compiles it. Exactly one of them, but that a layout may come with `file` or `local`. */
export interface ProtocolSource {
  readonly name: string
  /** Name of a protocol that comes with the package. */
  readonly shipped?: string
  /** `spec` of a Protocol document, as plain data. */
  readonly layout?: unknown
  /** Text of one Protocol document (YAML). */
  readonly document?: string
  /** Path of a module or of a Protocol file on the proxy's machine. A module may add to `layout`. */
  readonly file?: string
  /** The proxy's own codec of this name (`withLocalCodecs`). */
  readonly local?: true
}

export type SocketAddress =
  | { readonly host: string; readonly port: number }
  /** A Unix socket. */
  | { readonly path: string }

export interface ListenerConfig {
  readonly name: string
  /** Port 0 takes a free one. */
  readonly address: SocketAddress
  readonly protocol: string
  /** Name of a `RouteTable`. */
  readonly routes: string
  /** Mode of upstream connections unless a route narrows it; absent: the protocol's preferred one. */
  readonly mode?: ConnectionMode
  /** `local`: heartbeats of clients are answered here. `forward`: they go to the bound upstreams. Absent: forward once the client has sent a handshake, else local. */
  readonly heartbeat?: 'local' | 'forward'
  /** What becomes of a client whose bound upstream connection closed. Absent: close once it has sent a handshake, else rebind. */
  readonly upstreamGone?: 'rebind' | 'close'
  /** A PROXY protocol header (v1 or v2) must come first on every connection. */
  readonly proxyProtocol?: boolean
  readonly tls?: ServerTls
  /** Start of metric names; default the listener's name. */
  readonly statPrefix?: string
  /** Timeout of a request when neither route nor frame says one; default 15000, 0 is none. */
  readonly requestTimeoutMs?: number
  /** A connection without any traffic and without requests in flight is closed; default 3600000, 0 never. */
  readonly idleTimeoutMs?: number
  /** A frame that began must be whole after this time; default 10000. */
  readonly frameTimeoutMs?: number
  /** Default 65536; connections above it are closed at once. */
  readonly maxConnections?: number
  /** Requests of one connection in flight; above it the connection is not read. Default 1024. */
  readonly maxRequestsPerConnection?: number
  /** Bytes waiting for a client: from here on its requests are not read. Default 1 MiB; at four times that, or the longest frame, it is closed. */
  readonly bufferLimitBytes?: number
  readonly accessLog?: AccessLogConfig
  readonly tracing?: TracingConfig
}

export interface TracingConfig {
  /** URL of a collector that takes OTLP/HTTP with JSON; without a path, `/v1/traces` is meant. */
  readonly endpoint: string
  /** Share of requests with a span among those whose frame does not say whether its sender records it, percent. */
  readonly sampling: number
}

export interface AccessLogConfig {
  /** Share of requests that are logged, percent. */
  readonly sampling: number
  /** Requests that failed are logged always. Default true. */
  readonly errors?: boolean
  /** Fields of the request to print, by name. */
  readonly fields?: readonly string[]
  /** File to append to; absent: standard output. */
  readonly path?: string
}

/** Routes in order of precedence: the first that matches wins. */
export interface RouteTable {
  readonly name: string
  readonly routes: readonly MessageRoute[]
  /** Limits that count before a route is chosen; the first whose match holds counts, alone. */
  readonly rateLimits?: readonly RateLimit[]
}

export interface MessageRoute {
  /** For metrics and logs. */
  readonly name: string
  /** All must hold; none: matches every message. */
  readonly match: readonly FieldMatch[]
  readonly action: RouteAction
}

/**
 * A test of one field, by the name the protocol gives it (`map.key` for an entry of a key-value map). Exactly one of the tests is set.
 * Values are texts: integers in decimal, or by the name of a value (`kind: request`). A message without the field matches nothing but `present: false`.
 */
export interface FieldMatch {
  readonly field: string
  readonly exact?: string
  readonly in?: readonly string[]
  readonly prefix?: string
  readonly suffix?: string
  /** RE2 syntax, must match the whole value, as Envoy's. */
  readonly regex?: string
  readonly present?: boolean
  /** Integers, both ends inclusive; the value is in one of the ranges. */
  readonly ranges?: readonly { readonly first: bigint; readonly last: bigint }[]
  readonly invert?: boolean
}

export interface RouteAction {
  /** Weighted choice; weights need not add up to anything. Empty (and no `reply`): every request is answered with `noUpstream`. */
  readonly destinations: readonly WeightedCluster[]
  /** Answer at once with this reason and forward nothing. */
  readonly reply?: DirectReply
  /** One of the protocol's modes. */
  readonly mode?: ConnectionMode
  /** The first key that the message has chooses the host, in clusters with `maglev` or `ringHash`. The text of the value is hashed, as Envoy hashes a header. */
  readonly hashKeys?: readonly HashKey[]
  /** Whole time of a request with its retries; 0 is none. A shorter one in the frame wins. Absent: the listener's. */
  readonly timeoutMs?: number
  /** Longest silence of the upstream before its reply and between two frames of one; absent or 0: none. */
  readonly idleTimeoutMs?: number
  readonly retry?: RetryPolicy
  readonly fault?: Fault
  readonly mirrors?: readonly Mirror[]
  readonly requestMutation?: readonly FieldMutation[]
  readonly responseMutation?: readonly FieldMutation[]
  /** All of them must have a token. */
  readonly rateLimits?: readonly RateLimit[]
  /** Limits a service counts for all proxies; all must pass. */
  readonly globalRateLimits?: readonly GlobalRateLimit[]
  /** Which circuit-breaker thresholds count. */
  readonly priority?: 'default' | 'high'
}

export type HashKey = { readonly field: string } | { readonly sourceIp: true }

export interface WeightedCluster {
  readonly cluster: string
  readonly weight: number
  readonly requestMutation?: readonly FieldMutation[]
}

export interface DirectReply {
  readonly reason: ErrorReason
  /** The protocol's own code; absent: the one it has for `reason`. */
  readonly code?: number
  readonly message?: string
}

export interface RetryPolicy {
  /** Tries after the first. */
  readonly attempts: number
  readonly perTryTimeoutMs?: number
  /** The service says that a request may arrive twice. Without it only requests of which nothing was sent are tried again. */
  readonly idempotent?: boolean
  /** Wait before the first retry; doubles, up to tenfold. Default 25. */
  readonly baseIntervalMs?: number
  /** connectFailure: nothing was sent. reset: the connection closed under the request. timeout: of one try. error: an error reply. */
  readonly on: readonly ('connectFailure' | 'reset' | 'timeout' | 'error')[]
  /** With `error`: only these status codes of the protocol; absent: all error replies. */
  readonly statuses?: readonly number[]
}

export interface Fault {
  readonly delay?: { readonly percent: number; readonly ms: number }
  readonly abort?: { readonly percent: number; readonly reply?: DirectReply }
}

export interface Mirror {
  readonly cluster: string
  readonly percent: number
}

/** `value` absent takes the entry out. */
export interface FieldMutation {
  readonly field: string
  readonly value?: string
}

/** A token bucket of this process. */
export interface RateLimit {
  /** For metrics. */
  readonly name?: string
  /** Messages it is for; absent: all. */
  readonly match?: readonly FieldMatch[]
  readonly maxTokens: number
  readonly tokensPerFill: number
  readonly fillIntervalMs: number
  /** Fields whose every combination of values has a bucket of its own; at most 10000 buckets, the longest unused makes room. */
  readonly per?: readonly string[]
}

/** Asks a service (`envoy.service.ratelimit.v3`) before a message is forwarded. */
export interface GlobalRateLimit {
  readonly domain: string
  /** Where the service is. */
  readonly cluster: string
  /** Longest time for the answer; default 20. */
  readonly timeoutMs?: number
  /** Of each set the first descriptor whose match holds is sent, alone. */
  readonly sets: readonly (readonly LimitDescriptor[])[]
}

export interface LimitDescriptor {
  /** Messages it is for; absent: all. */
  readonly match?: readonly FieldMatch[]
  readonly entries: readonly DescriptorEntry[]
  /** The message is refused when the service does not answer; default: it passes. */
  readonly denyOnFailure?: boolean
}

/** A message without the field is not asked for, or with `skipIfAbsent` asked for without this entry. */
export type DescriptorEntry =
  | { readonly key: string; readonly value: string }
  | { readonly key: string; readonly field: string; readonly skipIfAbsent?: boolean }
  | { readonly key: string; readonly sourceIp: true }

export interface ClusterConfig {
  /** As on the wire: `outbound|12345|v1|test.serviceA`. */
  readonly name: string
  /** Name in metrics; default `name`. */
  readonly statName?: string
  readonly localities: readonly LocalityEndpoints[]
  readonly balancer: Balancer
  /** Default 1000. */
  readonly connectTimeoutMs?: number
  readonly circuitBreakers?: { readonly default?: CircuitBreaker; readonly high?: CircuitBreaker }
  readonly outlierDetection?: OutlierDetection
  readonly slowStart?: SlowStart
  /** Percent of healthy hosts below which health is ignored; default 50, 0 never. */
  readonly panicThreshold?: number
  /** Percent; default 140. */
  readonly overprovisioningFactor?: number
  /** Localities share traffic by their weights instead of by their hosts. */
  readonly localityWeighted?: boolean
  /** Maglev and ring hash take the names of endpoints instead of their addresses. */
  readonly hashHostnames?: boolean
  /** Each address of an endpoint that is a name is a host; without this a name is one host, looked up by each connection. */
  readonly names?: NameLookup
  readonly connections?: UpstreamConnections
  /** A ping to idle and busy upstream connections, where the protocol has one. */
  readonly heartbeat?: UpstreamHeartbeat
  readonly tls?: ClientTls
  /** Header sent first on each upstream connection, with the client's address in bound mode, else our own (v2: LOCAL). */
  readonly proxyProtocol?: 'v1' | 'v2'
}

export type Balancer =
  | { readonly kind: 'roundRobin' }
  | { readonly kind: 'random' }
  /** `choices`: hosts compared, default 2. */
  | { readonly kind: 'leastRequest'; readonly choices?: number }
  /** `tableSize`: a prime, default 65537. */
  | { readonly kind: 'maglev'; readonly tableSize?: number }
  | { readonly kind: 'ringHash'; readonly minimumRingSize?: number; readonly maximumRingSize?: number }

export interface LocalityEndpoints {
  readonly region?: string
  readonly zone?: string
  readonly subZone?: string
  /** 0 is the first choice; the next one is used as far as the first is unhealthy. */
  readonly priority?: number
  /** With `localityWeighted`; default 0: none of its endpoints gets a message. */
  readonly weight?: number
  readonly endpoints: readonly EndpointConfig[]
}

export interface NameLookup {
  /** Which addresses count; of those preferred the others count only where there are none. */
  readonly family: 'v4' | 'v6' | 'v4Preferred' | 'v6Preferred' | 'all'
  /** How often names are looked up. */
  readonly refreshMs: number
  /** After a failure, doubled with each further one. */
  readonly retryMs: { readonly base: number; readonly max: number }
}

export interface EndpointConfig {
  readonly address: SocketAddress
  /** Default 1. */
  readonly weight?: number
  /**
   * As the control plane sees it: `draining` and `unhealthy` get no new requests, where keys are hashed `degraded` do not either. Default healthy.
   * With few healthy hosts `panicThreshold` says who is used all the same.
   */
  readonly health?: 'healthy' | 'degraded' | 'draining' | 'unhealthy'
  /** What Maglev and ring hash take instead of the address. */
  readonly hashKey?: string
  /** The same, where the cluster says `hashHostnames`; default: the name, or the address as written. */
  readonly hostname?: string
  /** The name its address was found by; asked for by TLS where no server name is said. */
  readonly name?: string
}

/** Absent values are Envoy's: 1024 connections, pending requests and requests, 3 retries. */
export interface CircuitBreaker {
  readonly maxConnections?: number
  /** Requests that wait for a connection. */
  readonly maxPendingRequests?: number
  readonly maxRequests?: number
  /** Retries at the same time; ignored with a budget. */
  readonly maxRetries?: number
  readonly retryBudget?: { readonly percent: number; readonly minRetryConcurrency: number }
  /** Bytes that wait to be written to one upstream connection; default 4 MiB. */
  readonly maxPendingBytes?: number
}

/** Absent values are Envoy's. Local failures (timeout, reset, connect failure) count as errors unless split. */
export interface OutlierDetection {
  readonly intervalMs?: number
  readonly baseEjectionMs?: number
  readonly maxEjectionMs?: number
  readonly maxEjectionPercent?: number
  /** Error replies and local failures in a row; default 5, 0 is off. */
  readonly consecutiveErrors?: number
  readonly splitLocalErrors?: boolean
  /** With `splitLocalErrors`: local failures in a row; default 5, 0 is off. */
  readonly consecutiveLocalErrors?: number
  readonly successRate?: { readonly minimumHosts: number; readonly requestVolume: number; readonly stdevFactor: number }
  readonly failurePercentage?: {
    readonly threshold: number
    readonly minimumHosts: number
    readonly requestVolume: number
  }
}

/** A host that joins gets its share of traffic over `windowMs`. */
export interface SlowStart {
  readonly windowMs: number
  /** Default 1: linear. */
  readonly aggression?: number
  /** Percent; default 10. */
  readonly minWeightPercent?: number
}

export interface UpstreamConnections {
  /** shared: connections per host and worker; default 2, the second is opened under pressure only. */
  readonly perHost?: number
  /** shared, exclusive: connections held open to each host from its arrival on, even without requests; default 0. */
  readonly minPerHost?: number
  /** Idle ones are closed; default 60000, 0 never. */
  readonly idleTimeoutMs?: number
  /** After so many requests a connection is replaced; 0 (the default): never. */
  readonly maxRequestsPerConnection?: number
  /** TCP keepalive probes after so long; 0 (the default): none. */
  readonly tcpKeepaliveMs?: number
}

export interface UpstreamHeartbeat {
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Missed in a row before the connection is closed and the host counted as failing; default 3. */
  readonly misses?: number
}
