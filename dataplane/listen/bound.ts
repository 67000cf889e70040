import type { Cluster } from '../cluster/cluster.ts'
import type { Host } from '../cluster/host.ts'
import type { Engine } from '../engine.ts'
import type { CompiledRoute } from '../route/compile.ts'
import type { UpstreamConnection } from '../upstream/connection.ts'
import { HostPool } from '../upstream/pool.ts'
import { RequestState } from '../upstream/requests.ts'
import type { Client } from './client.ts'
import { Hold } from './hold.ts'
import { refuses, Session } from './session.ts'

const nothing = new Uint8Array(0)

/** The connections to upstreams that belong to one client alone: which there are, and where its frames go that are no requests. */
export class BoundUpstreams {
  readonly #client: Client
  readonly #connections: UpstreamConnection[] = []
  /** The one used last. */
  #primary: UpstreamConnection | undefined
  #sticky: Map<Cluster, Host> | undefined

  constructor(client: Client) {
    this.#client = client
  }

  /** Sends a frame to the connection used last. @returns false if there is none. */
  forward(b: Uint8Array, at: number, length: number): boolean {
    const connection = this.#primary
    if (!connection || connection.closed) return false
    connection.out.push(b, at, at + length)
    return true
  }

  /**
   * Sends the frame that was inspected last, which ends a request the proxy has answered already, to the connection used last. One that has timed out there gets no late
   * reply any more. @returns false if there is no connection
   */
  forwardCancel(engine: Engine, b: Uint8Array, at: number, length: number): boolean {
    if (!this.forward(b, at, length)) return false
    const { idLo, idHi } = engine.frame
    const connection = this.#primary!
    for (let request = connection.pending.head; request; request = request.next) {
      if (request.state !== RequestState.expired || request.idLo !== idLo || request.idHi !== idHi) continue
      connection.pending.remove(request)
      connection.expired--
      engine.requests.release(request)
      connection.settled()
      break
    }
    return true
  }

  /** Sends a frame to every upstream of the client. @returns false if there is none. */
  forwardToAll(b: Uint8Array, at: number, length: number): boolean {
    let any = false
    for (const connection of this.#connections) {
      if (connection.closed) continue
      connection.out.push(b, at, at + length)
      any = true
    }
    return any
  }

  /**
   * Opens the upstream of a client that has said nothing yet, by the route that asks for nothing; it is the home of the session.
   * @returns why there is none, undefined when there is one
   */
  open(engine: Engine): 'noRoute' | 'refused' | 'noUpstream' | undefined {
    const client = this.#client
    const route = client.listener.table?.open
    if (!route) return 'noRoute'
    if (refuses(route, nothing, 0, 0)) return 'refused'
    const home = this.#bindRouted(engine, route, nothing, 0, 0)
    if (!home) return 'noUpstream'
    client.session = new Session(home, route, true)
    return undefined
  }

  /** A frame of the client's handshake: its route chooses the home of the session. @returns false when nobody takes it */
  greet(engine: Engine, b: Uint8Array, at: number, length: number): boolean {
    const client = this.#client
    if (client.session?.fixed && client.session.home.closed) return false
    if (!client.session || client.session.home.closed) {
      const route = this.#route(b, at, length)
      if (!route || refuses(route, b, at, length)) return false
      const home = this.#bindRouted(engine, route, b, at, length)
      if (!home) return false
      client.session = new Session(home, route)
    }
    client.session.greet(b, at, length)
    return true
  }

  /** Sends a frame where its route says, else to the connection used last. */
  forwardRouted(engine: Engine, b: Uint8Array, at: number, length: number): boolean {
    if (this.#client.session?.fixed) return this.forward(b, at, length)
    const route = this.#route(b, at, length)
    // Frames of a session stay where the session is.
    if (!route || (this.#primary && !this.#primary.closed && route.draw)) return this.forward(b, at, length)
    const connection = this.#bindRouted(engine, route, b, at, length)
    if (!connection) return this.forward(b, at, length)
    connection.out.push(b, at, at + length)
    return true
  }

  #route(b: Uint8Array, at: number, length: number): CompiledRoute | undefined {
    const { table } = this.#client.listener
    const index = table ? table.lookup(b, at, length) : -1
    return index < 0 ? undefined : table!.routes[index]
  }

  #bindRouted(
    engine: Engine,
    route: CompiledRoute,
    b: Uint8Array,
    at: number,
    length: number,
  ): UpstreamConnection | undefined {
    const { ip, codec } = this.#client
    const destination = route.draw ? route.destinations[route.draw()] : route.destinations[0]
    const cluster = destination?.cluster
    if (!cluster || cluster.removed) return undefined
    const hash = { lo: 0, hi: 0 }
    const hashed = route.hasher?.(b, at, length, ip, hash) ?? false
    const host = this.hostOf(cluster) ?? cluster.pick(hashed, hash.lo, hash.hi, 0, null)
    return host && this.bind(HostPool.of(engine, cluster, host, codec), route.priority)
  }

  /** The host the client's requests for a cluster go to since the first. */
  hostOf(cluster: Cluster): Host | undefined {
    const host = this.#sticky?.get(cluster)
    return host && !host.removed && host.healthy ? host : undefined
  }

  /** The client's connection to a host. */
  bind(pool: HostPool, priority: 0 | 1): UpstreamConnection | undefined {
    const { session } = this.#client
    let connection = this.#connections.find((other) => other.pool === pool && !other.draining && !other.closed)
    if (!connection) {
      if (session && !session.repeatable) return undefined
      connection = pool.openBound(this.#client, priority)
      if (!connection) return undefined
      this.#connections.push(connection)
      if (session) connection.greetings = session.greetings
    }
    this.#sticky ??= new Map()
    const before = this.#sticky.get(pool.cluster)
    if (before !== pool.host) {
      this.#sticky.set(pool.cluster, pool.host)
      // A session may outlive any number of clusters.
      for (const cluster of this.#sticky.keys()) if (cluster.removed) this.#sticky.delete(cluster)
      // A connection nobody is sent to any more ends with its last reply, unless its host may be asked again (a hash).
      for (const other of this.#connections) if (other.pool.host === before && before?.removed) other.drain()
    }
    this.#primary = connection
    return connection
  }

  /** A connection has ended; its requests have their outcomes. */
  closed(connection: UpstreamConnection): void {
    const client = this.#client
    const at = this.#connections.indexOf(connection)
    if (at >= 0) this.#connections.splice(at, 1)
    if (this.#primary === connection) this.#primary = this.#connections.at(-1)
    client.release(Hold.upstream)
    if (client.closed) return
    const { session, listener } = client
    const gone = listener.config.upstreamGone ?? (session?.home === connection ? 'close' : 'rebind')
    if (gone === 'close' || session?.fixed) client.finish()
  }

  /** An upstream takes no more for now, or takes more again. */
  blocked(blocked: boolean): void {
    if (blocked) this.#client.hold(Hold.upstream)
    else if (!this.#connections.some(({ out }) => out.blocked)) this.#client.release(Hold.upstream)
  }

  /** Whether the upstreams are not to be read: their client takes no more. */
  pause(paused: boolean): void {
    for (const connection of this.#connections) {
      if (paused) connection.hold(Hold.slow)
      else connection.release(Hold.slow)
    }
  }

  /** They close with what was sent on them, also where they are being opened still. */
  drain(): void {
    for (const connection of [...this.#connections]) connection.drain()
  }

  close(): void {
    for (const connection of [...this.#connections]) connection.close()
  }
}
