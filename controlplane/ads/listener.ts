import { X509Certificate } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import { type Call, Connection as Http2Connection } from '../http2/index.ts'
import { identitiesIn } from './authorize.ts'
import { type ExtraService, grpcServer, type Method } from './grpc.ts'
import type { Limits } from './limits.ts'
import type { Logger } from './logger.ts'
import { isLoopback } from './loopback.ts'
import { type TlsFiles, tlsOptions, watchTls } from './tls.ts'
import type { Peer, Transport, TransportHandler } from './transport.ts'

export interface ListenerOptions {
  readonly limits: Limits
  readonly logger: Logger
  readonly tls: TlsFiles | undefined
  readonly insecure: boolean
  readonly services: readonly ExtraService[]
  open(method: Method, transport: Transport): TransportHandler
}

/** Where to listen: `host:port`, `[v6]:port`, `:port` or a port (loopback), or `unix:/path`. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string }

interface Connection {
  readonly socket: Socket
  readonly peer: Peer
}

/** How often connections are looked after, in ms. */
const TICK_MS = 250

const UNKNOWN: Peer = { address: 'unknown', local: false, identities: undefined }

/**
 * A TCP or TLS listener whose certificates are renewed in place, with a backlog for a fleet that connects in one second.
 */
export class Listener {
  readonly port: number
  private readonly server: Server
  private readonly connections: ReadonlySet<Http2Connection>
  private readonly stopWatching: () => void
  private readonly ticker: NodeJS.Timeout

  private constructor(server: Server, connections: ReadonlySet<Http2Connection>, stopWatching: () => void) {
    this.server = server
    this.connections = connections
    this.stopWatching = stopWatching
    const bound = server.address()
    this.port = bound && typeof bound === 'object' ? bound.port : 0
    let last = performance.now()
    this.ticker = setInterval(() => {
      const now = performance.now()
      const stoodMs = Math.max(0, now - last - TICK_MS)
      last = now
      for (const connection of connections) connection.tick(now, stoodMs)
    }, TICK_MS)
    this.ticker.unref()
  }

  /** @throws Error when the address is not safe without TLS, not free, or the TLS files are unusable */
  static async open(text: string, options: ListenerOptions): Promise<Listener> {
    const { limits, logger, tls } = options
    const address = parseAddress(text)
    refuseUnsafe(address, text, options)
    const peers = new Map<string, Connection>()
    const connections = new Set<Http2Connection>()
    const isUnix = 'path' in address
    const local: Peer = { address: isUnix ? `unix:${address.path}` : '', local: true, identities: undefined }
    const serve = grpcServer({
      limits,
      services: options.services,
      peer: (name) => peers.get(name)?.peer ?? (isUnix ? local : UNKNOWN),
      destroy: (name) => peers.get(name)?.socket.destroy(),
      open: options.open,
    })
    const accept = (socket: Socket) => {
      socket.on('error', (error) =>
        logger.debug({ peer: socket.remoteAddress, error: error.message }, 'xDS connection failed'),
      )
      const name = `${socket.remoteAddress}:${socket.remotePort}`
      const peer = isUnix ? local : socket.remoteAddress === undefined ? UNKNOWN : peerOf(socket, name, tls)
      peers.set(name, { socket, peer })
      const { streamsPerConnection: calls, firstRequestMs: prefaceMs, keepaliveMs, keepaliveTimeoutMs } = limits
      const closed = () => {
        peers.delete(name)
        connections.delete(connection)
      }
      const open = (call: Call) => serve(call, peer)
      const options = { calls, prefaceMs, keepaliveMs, keepaliveTimeoutMs, open, closed }
      const connection = new Http2Connection(socket, options, performance.now())
      connections.add(connection)
    }
    const server = tls ? createTlsServer({ ...tlsOptions(tls), handshakeTimeout: 10_000 }) : createServer()
    server.maxConnections = limits.connections
    server.on(tls ? 'secureConnection' : 'connection', accept)
    server.on('tlsClientError', (error: Error, socket: TLSSocket) =>
      logger.warn({ peer: socket.remoteAddress, error: error.message }, 'xDS client failed the TLS handshake'),
    )
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ ...address, backlog: limits.backlog }, () => {
        server.off('error', reject)
        resolve()
      })
    })
    server.on('error', (error) => logger.error({ error: error.message }, 'xDS listener failed'))
    const stopWatching = tls
      ? watchTls(tls, logger, (changed) => (server as TlsServer).setSecureContext(changed))
      : () => {}
    return new Listener(server, connections, stopWatching)
  }

  /** Takes no new connections. */
  stopAccepting(): void {
    this.stopWatching()
    this.server.close()
  }

  /** Cuts what is left. */
  stop(): void {
    this.stopAccepting()
    clearInterval(this.ticker)
    for (const connection of this.connections) connection.end()
  }
}

/** @throws Error when it is no address */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:')) return { path: text.slice(5) }
  const match = /^(?:\[([^\]]+)\]:|([^:]*):)?(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port > 65535)
    throw new Error(`"${text}" is no address to listen on: host:port, [v6 address]:port, port or unix:/path`)
  return { host: match[1] ?? (match[2] || '127.0.0.1'), port }
}

function refuseUnsafe(address: Address, text: string, options: ListenerOptions): void {
  if ('path' in address || options.tls || options.insecure || isLoopback(address.host)) return
  throw new Error(
    `xDS on ${text} would hand the whole configuration to everybody who can reach it: give certificates (cert, key and ` +
      'clientCa), listen on 127.0.0.1, or say insecure if the network itself is trusted',
  )
}

function peerOf(socket: Socket, address: string, tls: TlsFiles | undefined): Peer {
  const local = socket.remoteAddress !== undefined && isLoopback(socket.remoteAddress)
  if (!tls?.clientCa) return { address, local, identities: undefined }
  const { raw } = (socket as TLSSocket).getPeerCertificate()
  const identities = raw ? identitiesIn(new X509Certificate(raw).subjectAltName, tls.trustDomain) : []
  return { address, local, identities }
}
