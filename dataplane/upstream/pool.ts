import type { Codec, ConnectionMode } from '../../codecs/contract.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Host, Pool } from '../cluster/host.ts'
import type { Engine } from '../engine.ts'
import type { Client } from '../listen/client.ts'
import { hostSpeaks } from '../reply/closed.ts'
import { forget, isAbandoned, leftQueue } from '../reply/outcome.ts'
import { fail } from '../reply/retry.ts'
import { C } from '../stats/counters.ts'
import { clock } from '../turn.ts'
import { UpstreamConnection } from './connection.ts'
import { type ActiveRequest, RequestList } from './requests.ts'
import { sendOn } from './send.ts'

/** So many requests or bytes on the connections there are make a further shared one worth its writes. */
const crowded = 1024
/** A silent host whose connections belong to clients cannot be asked without one: it is given another client after so long. */
const silenceMs = 30_000

/** Connections to one host that speak one protocol. */
export class HostPool implements Pool {
  readonly engine: Engine
  readonly cluster: Cluster
  readonly host: Host
  readonly codec: Codec
  /** Connections of the mode `shared` that take requests. */
  readonly shared: UpstreamConnection[] = []
  /** Connections of the mode `exclusive` without a request, the one used last at the end. */
  readonly idle: UpstreamConnection[] = []
  /** Requests that wait for an exclusive connection, in order. */
  readonly waiting = new RequestList()
  /** Requests that wait for a shared connection with a free id, in order. */
  readonly sharing = new RequestList()
  /** Every connection that is not closed yet, of all modes. */
  readonly all = new Set<UpstreamConnection>()
  #connecting = 0
  /** Mode of the connections that are held open without requests. */
  #warm: 'shared' | 'exclusive' | undefined
  /** Mode of the connection whose heartbeats went unanswered. */
  #silent: ConnectionMode | undefined
  #lastProbe = 0

  constructor(engine: Engine, cluster: Cluster, host: Host, codec: Codec) {
    this.engine = engine
    this.cluster = cluster
    this.host = host
    this.codec = codec
  }

  /** The pool of a host for a codec, made when it is first needed; all pools of hosts come from here. */
  static of(engine: Engine, cluster: Cluster, host: Host, codec: Codec): HostPool {
    // Nearly every host speaks one protocol.
    if (host.pool?.codec === codec) return host.pool as HostPool
    let pool = host.pools.get(codec) as HostPool | undefined
    if (!pool) {
      pool = new HostPool(engine, cluster, host, codec)
      host.pools.set(codec, pool)
    }
    host.pool = pool
    return pool
  }

  /**
   * A shared connection. A client stays on its lane, so that its requests keep their order as long as connections last. undefined: all ids are
   * in use, or others wait for one already.
   */
  takeShared(lane: number, priority: 0 | 1): UpstreamConnection | undefined {
    const { shared } = this
    if (shared.length > 0) {
      const own = shared[lane % shared.length]!
      if (own.ids !== null) return this.sharing.count > 0 ? undefined : this.#roomy(own, priority)
      if (!own.out.blocked && own.pending.count < crowded) return own
      if (shared.length < this.cluster.perHost && this.#mayOpen(priority)) return this.#openShared()
      return own.out.blocked ? leastPending(shared, own) : own
    }
    // Without any connection one is opened even above the limit, or the host could never be used; so does Envoy.
    this.#mayOpen(priority)
    return this.#openShared()
  }

  /** A connection with free ids: the client's own, else the one with most, else a new one. `perHost` counts only where it was asked for. */
  #roomy(own: UpstreamConnection, priority: 0 | 1): UpstreamConnection | undefined {
    if (own.ids!.available > 0 && !own.out.blocked) return own
    const { shared } = this
    let best: UpstreamConnection | undefined
    for (const other of shared) {
      if (other.ids!.available > 0 && (!best || better(other, best))) best = other
    }
    if (best && !best.out.blocked) return best
    const most = this.cluster.config.connections?.perHost ?? Number.POSITIVE_INFINITY
    if (shared.length < most && this.#mayOpen(priority)) return this.#openShared()
    return best
  }

  /** Ids or connections came free: who waits longest goes first. */
  serveSharing(): void {
    const { sharing, shared } = this
    for (let request = sharing.head; request; request = sharing.head) {
      if (isAbandoned(request)) {
        sharing.remove(request)
        leftQueue(request)
        forget(this.engine, request)
        continue
      }
      const { priority } = request.route!
      const own = shared[request.client!.lane % Math.max(1, shared.length)]
      if (!own) this.#mayOpen(priority)
      const connection = own ? this.#roomy(own, priority) : this.#openShared()
      if (!connection) return
      sharing.remove(request)
      leftQueue(request)
      this.#send(request, connection)
    }
    // Nothing new comes to a host that left.
    if (this.host.removed) for (const connection of [...shared]) connection.drain()
  }

  #openShared(): UpstreamConnection {
    const connection = this.#open('shared', null)
    this.shared.push(connection)
    return connection
  }

  /** An idle exclusive connection; undefined: the request has to wait, and `want` to be told. */
  takeExclusive(): UpstreamConnection | undefined {
    return this.idle.pop()
  }

  /** One more request waits: opens a connection where there is none on its way for it. */
  want(priority: 0 | 1): void {
    if (this.#connecting >= this.waiting.count) return
    if (this.#mayOpen(priority) || !this.#anyExclusive()) {
      this.#connecting++
      this.#open('exclusive', null)
    }
  }

  #anyExclusive(): boolean {
    for (const { mode } of this.all) if (mode === 'exclusive') return true
    return false
  }

  /** A new connection for one client; undefined when the cluster may have no more. */
  openBound(client: Client, priority: 0 | 1): UpstreamConnection | undefined {
    return this.#mayOpen(priority) ? this.#open('bound', client) : undefined
  }

  /** Holds connections of a mode open from now on, as many as the cluster asks for. */
  hold(mode: 'shared' | 'exclusive'): void {
    this.#warm = mode
    this.warm()
  }

  letGo(): void {
    this.#warm = undefined
  }

  countWritten(): void {
    for (const connection of this.all) connection.countWritten()
  }

  sweep(): void {
    for (const connection of this.all) connection.sweep()
    this.warm()
    this.probe()
  }

  renew(bound: boolean): void {
    for (const connection of [...this.all]) if (bound || connection.mode !== 'bound') connection.drain()
  }

  get empty(): boolean {
    return this.all.size === 0 && this.waiting.count === 0 && this.sharing.count === 0
  }

  /** Opens what is missing of the connections that are to be held open. */
  warm(): void {
    const mode = this.#warm
    const { cluster } = this
    if (!mode || cluster.minPerHost === 0 || this.#leaving) return
    for (let missing = this.#least(mode) - this.#count(mode); missing > 0; missing--) {
      if (cluster.activeConnections >= cluster.breakers[0].maxConnections) return
      cluster.counters[C.upstream_cx_preconnect]!++
      this.#openSpare(mode)
    }
  }

  /** A connection that no request asked for. */
  #openSpare(mode: 'shared' | 'exclusive'): void {
    if (mode === 'shared') {
      this.#openShared()
      return
    }
    this.#connecting++
    this.#open('exclusive', null)
  }

  /** The heartbeats of a connection go unanswered. */
  fellSilent({ mode }: UpstreamConnection): void {
    this.#silent = mode
    this.#lastProbe = clock.now
  }

  /** A silent host gets no requests, so it is asked by heartbeats on a connection of their own whether it is back. Called about once a second. */
  probe(): void {
    const { host, cluster } = this
    const { heartbeat } = cluster.config
    const mode = this.#silent
    if (!mode) return
    if (!host.silent || host.removed) {
      this.#silent = undefined
      return
    }
    if (mode === 'bound' || !heartbeat) {
      if (!heartbeat || clock.now - host.silentSince >= silenceMs) hostSpeaks(cluster, host)
      return
    }
    if (this.#count(mode) > 0 || clock.now - this.#lastProbe < heartbeat.intervalMs) return
    this.#lastProbe = clock.now
    this.#openSpare(mode)
  }

  /** Whether a connection without requests is one of those to be held open. */
  holds({ mode }: UpstreamConnection): boolean {
    return mode === this.#warm && !this.#leaving && this.#count(mode) <= this.#least(mode)
  }

  /** The host gets no new requests for good. */
  get #leaving(): boolean {
    return this.host.removed || this.host.config.health === 'draining'
  }

  #least(mode: ConnectionMode): number {
    const { minPerHost, perHost } = this.cluster
    return mode === 'shared' ? Math.min(minPerHost, perHost) : minPerHost
  }

  #count(mode: ConnectionMode): number {
    let count = 0
    for (const connection of this.all) if (connection.mode === mode && !connection.draining) count++
    return count
  }

  #mayOpen(priority: 0 | 1): boolean {
    const breaker = this.cluster.breakers[priority]
    if (this.cluster.activeConnections < breaker.maxConnections) return true
    this.cluster.counters[C.upstream_cx_overflow]!++
    return false
  }

  #open(mode: UpstreamConnection['mode'], client: Client | null): UpstreamConnection {
    const connection = new UpstreamConnection(this, mode, client)
    this.all.add(connection)
    this.cluster.activeConnections++
    this.cluster.counters[C.upstream_cx_total]!++
    connection.connect()
    return connection
  }

  /** An exclusive connection is free: the request that waits longest gets it. */
  free(connection: UpstreamConnection): void {
    if (connection.closed) return
    if (connection.draining) {
      connection.close()
      return
    }
    for (let request = this.waiting.head; request; request = this.waiting.head) {
      this.waiting.remove(request)
      leftQueue(request)
      if (isAbandoned(request)) forget(this.engine, request)
      else if (this.#send(request, connection)) return
    }
    if (this.host.removed) connection.close()
    else this.idle.push(connection)
  }

  /** Sends a request that waited; now that its turn has come it may be one too many, as in Envoy. @returns whether it was sent */
  #send(request: ActiveRequest, connection: UpstreamConnection): boolean {
    const { cluster, engine } = this
    const breaker = cluster.breakers[request.route!.priority]
    if (breaker.requests < breaker.maxRequests) return sendOn(engine, request, connection)
    cluster.counters[C.upstream_rq_pending_overflow]!++
    fail(engine, request, 'overflow')
    return false
  }

  /** A connection is open. */
  connected(connection: UpstreamConnection): void {
    if (connection.mode !== 'exclusive') return
    this.#connecting--
    this.free(connection)
  }

  /** A connection takes no new requests any more, or is gone. */
  withdraw(connection: UpstreamConnection): void {
    remove(this.shared, connection)
    remove(this.idle, connection)
  }

  /** A connection is gone: who waited for it fails, or gets another one. */
  closed(connection: UpstreamConnection, wasConnecting: boolean): void {
    this.withdraw(connection)
    this.all.delete(connection)
    this.cluster.activeConnections--
    this.cluster.counters[C.upstream_cx_destroy]!++
    if (connection.mode === 'shared') this.serveSharing()
    if (connection.mode !== 'exclusive') return
    if (wasConnecting) {
      this.#connecting--
      // The request it was opened for fails, or all would wait until their time is up while connection after connection is refused.
      if (this.waiting.count > this.#connecting) this.#failFirst()
      // Others wait for connections on their way or in use; without any nobody would serve them.
      while (this.waiting.count > this.#connecting && !this.#anyExclusive()) this.#failFirst()
    }
    if (this.waiting.count > 0) this.want(0)
  }

  #failFirst(queue = this.waiting): void {
    const request = queue.head
    if (!request) return
    queue.remove(request)
    leftQueue(request)
    this.cluster.counters[C.upstream_rq_pending_failure_eject]!++
    fail(this.engine, request, 'connectFailed')
  }

  get taking(): number {
    let count = 0
    for (const { draining } of this.all) if (!draining) count++
    return count
  }

  shed(most: number, unused: boolean): number {
    let shed = 0
    let left = this.taking
    for (const connection of [...this.all].reverse()) {
      if (shed === most || (!unused && left === 1)) return shed
      const { mode, draining, pending, expired, connected } = connection
      if (mode === 'bound' || draining) continue
      // One that is not there yet was opened for somebody.
      if (unused && (pending.count > expired || !connected)) continue
      connection.drain()
      shed++
      left--
    }
    return shed
  }

  drain(): void {
    for (const connection of [...this.all]) connection.drain()
  }

  destroy(): void {
    while (this.sharing.count > 0) this.#failFirst(this.sharing)
    for (const connection of [...this.all]) connection.close()
    while (this.waiting.count > 0) this.#failFirst()
  }
}

function better(a: UpstreamConnection, b: UpstreamConnection): boolean {
  return a.out.blocked === b.out.blocked ? a.ids!.available > b.ids!.available : b.out.blocked
}

function leastPending(connections: readonly UpstreamConnection[], own: UpstreamConnection): UpstreamConnection {
  let best = own
  for (const other of connections) {
    if (other.out.blocked !== best.out.blocked ? best.out.blocked : other.pending.count < best.pending.count)
      best = other
  }
  return best
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item)
  if (at >= 0) list.splice(at, 1)
}
