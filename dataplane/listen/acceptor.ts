import cluster from 'node:cluster'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls'
import { errorText } from '../../errors/thrown.ts'
import { complain, reasonOf } from '../complain.ts'
import type { SocketAddress } from '../configuration.ts'
import type { Engine } from '../engine.ts'
import { Intake, readBy } from '../framing/intake.ts'
import { plainBytes } from '../framing/reader.ts'
import { certificateProblem, contextParameters, trusted } from '../peer-certificate.ts'
import { L } from '../stats/counters.ts'
import type { ClientCheck, ServerTls } from '../tls-settings.ts'
import { wake } from '../turn.ts'
import { Client } from './client.ts'
import type { ListenerRuntime } from './listener.ts'
import { type Addresses, readProxyHeader } from './proxy-protocol.ts'
import { removeStale } from './stale-socket.ts'

/** A TLS handshake or PROXY header must be done after this. */
const helloMs = 10_000
/** Longest PROXY header there is. */
const longestHeader = 16 + 4096

/** A connection whose PROXY header or TLS handshake is not done. */
interface Waiting {
  /** That counts it. */
  readonly target: ListenerRuntime
  readonly late: NodeJS.Timeout
}

/** A connection that nothing was read of, and how to go on with it. */
interface Early {
  readonly socket: Socket
  readonly start: () => void
}

/** The listening socket of an address. It outlives changes of the listener's protocol: `target` gets the connections. */
export class Acceptor {
  readonly #engine: Engine
  readonly #server: Server
  readonly #waiting = new Map<Socket, Waiting>()
  /** Connections that came before `open`, and how to go on with them. */
  #early: Early[] | undefined = []
  target: ListenerRuntime
  #tls: { readonly config: ServerTls; readonly context: SecureContext } | undefined
  address: SocketAddress

  constructor(engine: Engine, target: ListenerRuntime, address: SocketAddress) {
    this.#engine = engine
    this.target = target
    this.address = address
    // Connections are paused until a client takes them: nothing may be read before its reader is there.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: false }, (socket) =>
      this.#accept(socket),
    )
  }

  /** @throws when the address cannot be listened on. */
  async listen(): Promise<void> {
    const { address } = this
    // Of several workers one would remove the file that another has just made: the process that leads them does it.
    if ('path' in address && !cluster.isWorker) await removeStale(address.path)
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      const done = () => {
        this.#server.off('error', reject)
        this.#server.on('error', (error) => process.stderr.write(`listener ${this.target.name}: ${error.message}\n`))
        resolve()
      }
      if ('path' in address) this.#server.listen({ path: address.path, backlog: 4096 }, done)
      else this.#server.listen({ host: address.host, port: address.port, backlog: 4096 }, done)
    })
    const bound = this.#server.address()
    if (bound && typeof bound === 'object' && 'host' in address) {
      this.address = { host: address.host, port: (bound as AddressInfo).port }
    }
  }

  /** Serves connections from now on, those first that have come already. */
  open(): void {
    const early = this.#early ?? []
    this.#early = undefined
    for (const { socket, start } of early) if (!socket.destroyed) start()
  }

  /** Accepts no more. Connections go on. */
  close(): void {
    this.#server.close()
    for (const { socket } of this.#early ?? []) socket.destroy()
    for (const socket of this.#waiting.keys()) socket.destroy()
  }

  #accept(socket: Socket): void {
    wake()
    if (this.#early) this.#keep(socket, this.#early)
    else if (!this.#admits(socket)) return
    else if (this.#greets) this.#wait(socket)
    else {
      const intake = new Intake(this.#engine.slabs)
      const addresses = addressesOf(socket)
      newClient(this.#engine, this.target, readBy(intake, socket), intake, addresses)
    }
  }

  /** Whether something comes before the first frame. */
  get #greets(): boolean {
    const { proxyProtocol, tls } = this.target.config
    return proxyProtocol === true || tls !== undefined
  }

  /** A connection to a listener that is not in force yet: nothing of it is read. */
  #keep(accepted: Socket, early: Early[]): void {
    const addresses = addressesOf(accepted)
    const intake = new Intake(this.#engine.slabs)
    // Who reads it must be known before anything is read.
    const plain = !this.#greets
    const socket = plain ? readBy(intake, accepted) : accepted
    socket.pause()
    socket.on('error', () => socket.destroy())
    early.push({
      socket,
      start: () => {
        if (!this.#admits(socket)) return
        if (plain) newClient(this.#engine, this.target, socket, intake, addresses)
        else this.#wait(socket)
        socket.resume()
      },
    })
  }

  /** Counts a connection. @returns whether there is room for it; it is closed otherwise */
  #admits(socket: Socket): boolean {
    const { target } = this
    target.counters[L.downstream_cx_total]!++
    if (target.admit(this.#waiting.size)) return true
    socket.destroy()
    return false
  }

  /** The connection's PROXY header or TLS handshake comes first. */
  #wait(socket: Socket): void {
    const { target } = this
    // From its first moment on: a byte now and then does not keep it.
    const late = setTimeout(() => {
      target.counters[L.downstream_cx_transport_socket_connect_timeout]!++
      socket.destroy()
    }, helloMs)
    socket.on('error', () => socket.destroy())
    socket.once('end', () => this.#endedEarly(socket))
    this.#waiting.set(socket, { target, late })
    target.greeting++
    socket.once('close', () => {
      if (this.#greeted(socket)) target.counters[L.downstream_cx_destroy]!++
    })
    this.#greet(socket, target)
  }

  /** It waits no longer. @returns whether it did */
  #greeted(socket: Socket): boolean {
    const waiting = this.#waiting.get(socket)
    if (!waiting) return false
    clearTimeout(waiting.late)
    waiting.target.greeting--
    return this.#waiting.delete(socket)
  }

  /** A client that ends its side before all of its header or handshake has come will not send the rest, as one that only looks whether somebody listens. */
  #endedEarly(socket: Socket): void {
    if (this.#waiting.has(socket)) socket.destroy()
  }

  #greet(socket: Socket, { config: { proxyProtocol, tls } }: ListenerRuntime): void {
    if (proxyProtocol) this.#readHeader(socket, tls)
    else if (tls) this.#secure(socket, tls, addressesOf(socket))
  }

  #readHeader(socket: Socket, tls: ServerTls | undefined): void {
    let seen = Buffer.alloc(0)
    const onData = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk])
      const header = readProxyHeader(seen)
      if (header.state === 'bad' || (header.state === 'more' && seen.length > longestHeader)) {
        this.target.counters[L.downstream_cx_proxy_proto_error]!++
        complain(`listener ${this.target.name}`, `${whoIs(socket)} came without a PROXY protocol header; it is closed`)
        socket.destroy()
        return
      }
      if (header.state === 'more') return
      socket.off('data', onData)
      socket.pause()
      const addresses = header.addresses ?? addressesOf(socket)
      const rest = seen.subarray(header.length)
      if (tls) {
        if (rest.length > 0) socket.unshift(rest)
        this.#secure(socket, tls, addresses)
      } else this.#hand(socket, socket, addresses, rest)
    }
    socket.on('data', onData)
  }

  #secure(socket: Socket, tls: ServerTls, addresses: Addresses | undefined): void {
    let context: SecureContext
    try {
      context = this.#context(tls)
    } catch (error) {
      process.stderr.write(`listener ${this.target.name}: TLS: ${errorText(error)}\n`)
      socket.destroy()
      return
    }
    const secure = new TLSSocket(socket, {
      isServer: true,
      secureContext: context,
      requestCert: tls.client !== undefined,
      // What is shown is looked at below: OpenSSL would know nothing of names, hashes, and who may come without.
      rejectUnauthorized: false,
      ...(tls.alpn && { ALPNProtocols: [...tls.alpn] }),
    })
    const failed = (reason: string) => {
      if (!this.#waiting.has(socket)) return
      this.target.counters[L.ssl_connection_error]!++
      complain(`listener ${this.target.name}`, `TLS handshake with ${whoIs(socket)} failed: ${reason}`)
    }
    secure.on('error', (error) => {
      failed(reasonOf(error))
      socket.destroy()
    })
    secure.once('end', () => this.#endedEarly(socket))
    secure.once('secure', () => {
      const problem = tls.client && clientProblem(secure, tls.client)
      if (problem !== undefined) {
        failed(problem)
        socket.destroy()
        return
      }
      this.#hand(socket, secure, addresses, undefined)
    })
  }

  #context(config: ServerTls): SecureContext {
    if (this.#tls?.config !== config) {
      const { certificate, privateKey, client = {} } = config
      const context = createSecureContext({
        cert: certificate,
        key: privateKey,
        ...trusted(client),
        ...contextParameters(config),
      })
      this.#tls = { config, context }
    }
    return this.#tls.context
  }

  #hand(raw: Socket, socket: Socket, addresses: Addresses | undefined, rest: Uint8Array | undefined): void {
    const { target } = this
    this.#greeted(raw)
    if (!target.admit()) {
      raw.destroy()
      return
    }
    const intake = new Intake(this.#engine.slabs)
    const client = newClient(this.#engine, target, socket, intake, addresses)
    intake.follow(socket)
    if (rest && rest.length > 0) client.receive(plainBytes(rest), 0, rest.length)
    if (!client.held) socket.resume()
  }
}

/** Why a client may not come in: a server's TLSSocket does not look at its certificate by itself. */
function clientProblem(socket: TLSSocket, check: ClientCheck): string | undefined {
  const certificate = socket.getPeerX509Certificate()
  if (!certificate) return check.optional ? undefined : 'the client showed no certificate'
  const chain = (socket as unknown as { ssl?: { verifyError(): Error | null } }).ssl?.verifyError()
  if (check.ca !== undefined && !check.insecure && chain) return chain.message
  return certificateProblem(certificate, check)
}

function newClient(
  engine: Engine,
  target: ListenerRuntime,
  socket: Socket,
  intake: Intake,
  addresses: Addresses | undefined,
): Client {
  const client = new Client(engine, target, socket, intake, addresses)
  target.clients.add(client)
  client.begin()
  return client
}

function addressesOf(socket: Socket): Addresses | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = socket
  if (!remoteAddress || !localAddress) return undefined
  return {
    source: { host: plain(remoteAddress), port: remotePort ?? 0 },
    destination: { host: plain(localAddress), port: localPort ?? 0 },
  }
}

function whoIs(socket: Socket): string {
  const { source } = addressesOf(socket) ?? {}
  return source ? `${source.host}:${source.port}` : 'a client'
}

/** IPv4 on a socket of both families comes as ::ffff:10.0.0.1. */
const plain = (host: string) => (host.startsWith('::ffff:') && host.includes('.') ? host.slice(7) : host)
