/** Everything a client can make the server spend, bounded. Each default with its reason. */
export interface Limits {
  /** Bytes of one request. A delta client that reconnects lists all it holds: 100,000 names are some 15 MB. */
  readonly requestBytes: number
  /**
   * Bytes of requests that have not come whole, of all streams together; those below 256 KiB are not counted. A stream that needs more is
   * ended, and comes back: room for thirty of the largest fleets' proxies at a time.
   */
  readonly unfinishedBytes: number
  /** Names one stream may be subscribed to, and names in one request. Envoy's own goal is 100,000 clusters. */
  readonly namesPerStream: number
  /**
   * Names of clusters that were let go of, of which one proxy may know. Envoy keeps each (some 1 KB) until it ends, and repeats all when it
   * comes back, where they count as names of its stream. Beyond it the proxy keeps the clusters it has.
   */
  readonly spentNames: number
  /**
   * Names that do not exist, asked for by all streams together; proxies of one class share theirs. Some 1.4 KB each. Beyond it the
   * stream that asks for most of them is ended.
   */
  readonly missingNames: number
  /** Bytes of one resource name. The longest generated ones (`outbound|port|subset|host`) stay below 400. */
  readonly nameLength: number
  /** Requests per second and stream, sustained. A busy Envoy acknowledges some 100 pushes and asks for some 100 names. */
  readonly requestsPerSecond: number
  /** Requests a stream may send at once before the rate counts: a cold start that asks for every name in its own request. */
  readonly requestBurst: number
  /** Connections at a time: more than streams, so that one stream too many is told why. */
  readonly connections: number
  /** Streams at a time. One idle stream costs some 50 KB: 20,000 are 1 GB. */
  readonly streams: number
  /** New streams per second, sustained: some 1 ms of CPU each, so this is what one core can do. */
  readonly newStreamsPerSecond: number
  /** New streams at once: a fleet that lost its control plane comes back in one second. */
  readonly newStreamBurst: number
  /** Streams on one connection. Envoy opens one, or one per type without ADS. */
  readonly streamsPerConnection: number
  /** A stream that says nothing for so long after it was opened is closed, in ms. */
  readonly firstRequestMs: number
  /** A client that does not read for so long is disconnected, in ms. */
  readonly sendTimeoutMs: number
  /** Responses are cut at about this size: gRPC libraries refuse messages above 4 MiB unless told otherwise. */
  readonly responseBytes: number
  /**
   * Clusters that are updated, or removed, in one response to a client that gets them on demand, unless it asked for them. Envoy
   * works about 1 ms on each, and asks for no cluster while one is warming: what a request needs meanwhile waits that long, and not
   * until all of the several hundred clusters are warm that a change may concern.
   */
  readonly clustersAtOnce: number
  /**
   * How long a type waits for the answer to those before it in the order, in ms. Envoy acknowledges clusters when they are
   * warm, which takes as long as their first health check (some 3 s) or `initial_fetch_timeout` (4 s at most in what we generate,
   * 15 s by default): long enough for the one, and a route must not wait for the other.
   */
  readonly ackTimeoutMs: number
  /** An acknowledgement of clusters got on demand that takes longer is told, in ms: warm ones take some milliseconds. */
  readonly slowAckMs: number
  /**
   * How long the proxies of a class wait with the next change for one of them to take the last, in ms. Under steady changes
   * a proxy whose clusters are renewed before it could take their routes would never get routes; one that stopped answering
   * costs the others this much, once (docs/decisions/pacing.md).
   */
  readonly paceMs: number
  /**
   * How long a removal waits for answers that show that nothing uses the resource any more, in ms. Longer than Envoy holds
   * back any answer (15 s of warming); a client that refuses what was to replace it keeps it for as long as it does.
   */
  readonly removalTimeoutMs: number
  /** How long removals wait after a reconnect: a client sends its other subscriptions within one round trip, Envoy at once. */
  readonly settleMs: number
  /** Least time between two rounds of pushes, in ms. Without a gap a storm of changes keeps the loop full. */
  readonly roundGapMs: number
  /** Longest time a round runs before it lets other work pass, in ms. */
  readonly sliceMs: number
  /** HTTP/2 ping after so long without traffic, in ms, and how long to wait for the answer. Finds half-open connections in 40 s. */
  readonly keepaliveMs: number
  readonly keepaliveTimeoutMs: number
  /** A stream is ended in peace at this age, ± 10 %, in ms, so that clients spread over new replicas. */
  readonly streamAgeMs: number
  /**
   * How often what each class was told is compared with what the configuration says, in ms, in case a change was missed. One
   * class each tenth of a second: for 40 classes of 5,000 resources some milliseconds of CPU a second.
   */
  readonly verifyMs: number
  /** How long what was compiled for a class is kept when its last client has gone, in ms: longer than one takes to start anew. */
  readonly idleClassMs: number
  /** Connections the kernel may hold ready; a thousand proxies connect in the same second. Also needs net.core.somaxconn. */
  readonly backlog: number
}

export const DEFAULT_LIMITS: Limits = {
  requestBytes: 64 * 1024 * 1024,
  unfinishedBytes: 512 * 1024 * 1024,
  namesPerStream: 100_000,
  spentNames: 10_000,
  missingNames: 200_000,
  nameLength: 1024,
  requestsPerSecond: 1000,
  requestBurst: 10_000,
  connections: 25_000,
  streams: 20_000,
  newStreamsPerSecond: 1000,
  newStreamBurst: 5000,
  streamsPerConnection: 100,
  firstRequestMs: 10_000,
  sendTimeoutMs: 30_000,
  responseBytes: 2 * 1024 * 1024,
  clustersAtOnce: 64,
  ackTimeoutMs: 5000,
  slowAckMs: 1000,
  paceMs: 2000,
  removalTimeoutMs: 30_000,
  settleMs: 1000,
  roundGapMs: 50,
  sliceMs: 2,
  keepaliveMs: 30_000,
  keepaliveTimeoutMs: 10_000,
  streamAgeMs: 30 * 60_000,
  verifyMs: 30_000,
  idleClassMs: 60_000,
  backlog: 4096,
}
