import { X509Certificate } from 'node:crypto'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { PemFiles, SECURE, serverNames } from '../../certificates/pem-files.ts'
import { Connection, type ConnectionOptions } from '../http2/index.ts'
import { identitiesIn } from './authorize.ts'
import { type ExtraService, grpcServer } from './grpc.ts'
import type { Limits } from './limits.ts'
import type { Logger } from './logger.ts'
import { isLoopback } from './loopback.ts'
import type { Method } from './method.ts'
import type { RefusalLog } from './refusal-log.ts'
import type { TlsFiles } from './tls.ts'
import type { Peer, Transport, TransportHandler } from './transport.ts'

export interface ListenerOptions {
  readonly limits: Limits
  readonly logger: Logger
  readonly refusals: RefusalLog
  readonly tls: TlsFiles | undefined
  readonly insecure: boolean
  readonly services: readonly ExtraService[]
  open(method: Method, transport: Transport): TransportHandler
  /** As `GrpcOptions.refused`. */
  refused(reason: string): void
}

/** Where to listen: `host:port`, `[v6]:port`, `:port` or a port (loopback), or `unix:/path`. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string }

/** How often connections are looked after, in ms. */
const TICK_MS = 250

const UNKNOWN: Peer = { address: 'unknown', local: false, identities: undefined }

/**
 * A TCP or TLS listener whose certificates are renewed in place, with a backlog for a fleet that connects in one second.
 */
export class Listener {
  readonly port: number
  private readonly server: Server
  private readonly connections: ReadonlyMap<Connection, Peer>
  private readonly certificates: PemFiles | undefined
  private readonly ticker: NodeJS.Timeout

  private constructor(server: Server, connections: ReadonlyMap<Connection, Peer>, certificates: PemFiles | undefined) {
    this.server = server
    this.connections = connections
    this.certificates = certificates
    const bound = server.address()
    this.port = bound && typeof bound === 'object' ? bound.port : 0
    let last = wholeMs()
    this.ticker = setInterval(() => {
      const now = wholeMs()
      const stoodMs = Math.max(0, now - last - TICK_MS)
      last = now
      for (const connection of connections.keys()) connection.tick(now, stoodMs)
    }, TICK_MS)
    this.ticker.unref()
  }

  /** @throws Error when the address is not safe without TLS, not free, or the TLS files are unusable */
  static async open(text: string, options: ListenerOptions): Promise<Listener> {
    const { limits, logger, refusals, tls } = options
    const address = parseAddress(text)
    refuseUnsafe(address, text, options)
    const connections = new Map<Connection, Peer>()
    const isUnix = 'path' in address
    const local: Peer = { address: isUnix ? `unix:${address.path}` : '', local: true, identities: undefined }
    const nameless = isUnix ? local : UNKNOWN
    const { services, open, refused } = options
    const { serve, forget } = grpcServer({ limits, services, nameless, open, refused })
    // What is the same for all is made once: thousands of connections rest.
    const connectionOptions: ConnectionOptions = {
      calls: limits.streamsPerConnection,
      prefaceMs: limits.firstRequestMs,
      keepaliveMs: limits.keepaliveMs,
      keepaliveTimeoutMs: limits.keepaliveTimeoutMs,
      open: (call, headers, connection) => serve(call, headers, connections.get(connection) ?? nameless),
      closed(connection) {
        const peer = connections.get(connection)
        if (peer) forget(peer)
        connections.delete(connection)
      },
    }
    const failed = function (this: Socket, error: Error): void {
      logger.debug({ peer: this.remoteAddress, error: error.message }, 'xDS connection failed')
    }
    const accept = (socket: Socket) => {
      socket.on('error', failed)
      const peer = isUnix || socket.remoteAddress === undefined ? nameless : peerOf(socket, tls)
      connections.set(new Connection(socket, connectionOptions, wholeMs()), peer)
    }
    const certificates = tls && new PemFiles('xDS', serverNames(tls), logger)
    const server = certificates ? secureServer(certificates) : createServer()
    server.maxConnections = limits.connections
    server.on(tls ? 'secureConnection' : 'connection', accept)
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      const peer = `${socket.remoteAddress}:${socket.remotePort}`
      const about = { peer, error: error.message }
      refusals.tell('warn', peer, error.code ?? error.message, about, 'xDS client failed the TLS handshake')
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        certificates?.stop()
        reject(error)
      })
      server.listen({ ...address, backlog: limits.backlog }, () => {
        server.removeAllListeners('error')
        resolve()
      })
    })
    server.on('error', (error) => logger.error({ error: error.message }, 'xDS listener failed'))
    return new Listener(server, connections, certificates)
  }

  /** When the certificate it shows ends, ms since the epoch; undefined without TLS. */
  get certificateUntil(): number | undefined {
    return this.certificates?.until
  }

  /** Takes no new connections. */
  stopAccepting(): void {
    this.certificates?.stop()
    this.server.close()
  }

  /** Cuts what is left. */
  stop(): void {
    this.stopAccepting()
    clearInterval(this.ticker)
    for (const connection of this.connections.keys()) connection.end()
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

function secureServer(certificates: PemFiles): Server {
  const asked = { requestCert: certificates.present.ca !== undefined, rejectUnauthorized: true }
  const server = createTlsServer({
    ...{ ...SECURE, ...certificates.present, ...asked },
    ...{ ALPNProtocols: ['h2'], handshakeTimeout: 10_000 },
  })
  certificates.follow(server)
  return server
}

/** A clock whose times take no memory of their own. */
function wholeMs(): number {
  return Math.round(performance.now())
}

function peerOf(socket: Socket, tls: TlsFiles | undefined): Peer {
  const address = `${socket.remoteAddress}:${socket.remotePort}`
  const local = socket.remoteAddress !== undefined && isLoopback(socket.remoteAddress)
  if (!tls?.clientCa) return { address, local, identities: undefined }
  const { raw } = (socket as TLSSocket).getPeerCertificate()
  const identities = raw ? identitiesIn(new X509Certificate(raw).subjectAltName, tls.trustDomain) : []
  return { address, local, identities }
}
