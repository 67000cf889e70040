import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  createServer as createHttp2,
  createSecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { stopAfterTests } from './processes.ts'

/** What an upstream saw; the JSON body of its answer. */
export interface Seen {
  /** The upstream's name. */
  readonly name: string
  readonly method: string
  readonly path: string
  /** Lower-case names; `host` is filled from `:authority` for HTTP/2. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly protocol: 'HTTP/1.1' | 'HTTP/2'
  /** Counts this upstream's connections from 1: tells pooling from reconnecting. */
  readonly connection: number
  readonly tls?: { readonly serverName: string; readonly alpn: string; readonly peerNames: string }
}

/** How an upstream answers from now on. A request may overrule it: `x-echo-status`, `x-echo-delay` (ms), `x-echo-reset: 1`. */
export interface Behaviour {
  readonly status?: number
  readonly delayMs?: number
  /** Answers wait until this resolves. */
  readonly until?: Promise<unknown>
  /** Close the connection (HTTP/1.1) or reset the stream (HTTP/2) without an answer. */
  readonly reset?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

export interface Upstream {
  readonly name: string
  readonly host: '127.0.0.1'
  readonly port: number
  /** Requests (TCP: connections) counted since the start or the last `reset()`. */
  readonly count: number
  /** The newest 10,000 requests, oldest first. */
  readonly seen: readonly Seen[]
  /** Connections open now. */
  readonly connections: number
  behave(behaviour: Behaviour | ((request: Seen) => Behaviour)): void
  reset(): void
  stop(): Promise<void>
}

export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** With a CA, clients must show a certificate it signed. */
  readonly clientCa?: string
}

/**
 * An HTTP upstream on a free loopback port (or `port`) that answers every request with what it saw. One port serves
 * HTTP/1.1, cleartext HTTP/2 with prior knowledge, WebSocket-like upgrades (bytes are echoed) and gRPC (the message comes
 * back with `grpc-status` 0 or `x-echo-grpc-status`). With `tls` it serves both HTTP versions by ALPN.
 */
export async function startEcho(
  name: string,
  { port = 0, tls }: { port?: number; tls?: TlsFiles } = {},
): Promise<Upstream> {
  const book = new Book(name)
  const onRequest = (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => {
    void answer(book, request, response).catch(() => response.destroy())
  }
  if (tls) {
    const { cert, key, clientCa } = tls
    const options = { cert, key, allowHTTP1: true, ...(clientCa ? { ca: clientCa, requestCert: true } : {}) }
    const server = createSecureServer(options, onRequest)
    server.on('secureConnection', (socket) => book.opened(socket))
    server.on('tlsClientError', () => {})
    return serve(book, server, port)
  }
  const http1 = createHttp({ keepAliveTimeout: 0 }, onRequest)
  http1.on('upgrade', (request: IncomingMessage, socket: Socket) => {
    book.note(request, '')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${request.headers.upgrade}\r\nx-echo-name: ${name}\r\n\r\n`,
    )
    socket.pipe(socket)
  })
  const http2 = createHttp2(onRequest)
  http2.on('session', (session) => book.opened(session.socket as Socket))
  await listen(http2, 0)
  const inner = (http2.address() as AddressInfo).port
  const front = createServer((socket) => {
    socket.once('readable', () => {
      const first: Buffer | null = socket.read()
      if (!first) return
      if (first.toString('latin1', 0, 3) === 'PRI') {
        const through = connect({ port: inner, host: '127.0.0.1', noDelay: true })
        through.write(first)
        socket.pipe(through).pipe(socket)
        through.on('error', () => socket.destroy())
        through.on('close', () => socket.destroy())
        socket.on('close', () => through.destroy())
      } else {
        book.opened(socket)
        socket.unshift(first)
        http1.emit('connection', socket)
      }
    })
    socket.on('error', () => {})
  })
  return serve(book, front, port, async () => {
    http1.closeAllConnections()
    await new Promise((resolve) => http2.close(resolve))
  })
}

/** A TCP upstream: says `<name>: ` before each chunk it returns; `greeting` is sent first, as MySQL would. */
export async function startTcpEcho(name: string, { port = 0, greeting = '' } = {}): Promise<Upstream> {
  const book = new Book(name)
  const server = createServer((socket) => {
    book.opened(socket)
    book.count++
    socket.on('error', () => {})
    if (greeting) socket.write(greeting)
    socket.on('data', (chunk) => socket.write(`${name}: ${chunk.toString('utf8')}`))
  })
  return serve(book, server, port)
}

type Answer = Behaviour | ((request: Seen) => Behaviour)

class Book {
  count = 0
  seen: Seen[] = []
  behaviour: Answer = {}
  readonly name: string
  readonly sockets = new Map<Socket, number>()
  #connections = 0

  constructor(name: string) {
    this.name = name
  }

  opened(socket: Socket): void {
    this.sockets.set(socket, ++this.#connections)
    socket.once('close', () => this.sockets.delete(socket))
  }

  note(request: IncomingMessage | Http2ServerRequest, body: string): Seen {
    const http2 = request.httpVersionMajor === 2
    const headers: Record<string, string> = {}
    for (const [key, value] of Object.entries(request.headers)) {
      if (value === undefined) continue
      headers[key === ':authority' ? 'host' : key] = Array.isArray(value) ? value.join(', ') : value
    }
    const socket = request.socket as Socket
    const seen: Seen = {
      name: this.name,
      method: request.method ?? '',
      path: request.url ?? '',
      headers,
      body,
      protocol: http2 ? 'HTTP/2' : 'HTTP/1.1',
      connection: this.#numberOf(request, socket),
      ...((socket as TLSSocket).encrypted ? { tls: tlsOf(socket as TLSSocket) } : {}),
    }
    this.count++
    this.seen.push(seen)
    if (this.seen.length > 10_000) this.seen.shift()
    return seen
  }

  #numberOf(request: IncomingMessage | Http2ServerRequest, socket: Socket): number {
    if (request.httpVersionMajor !== 2) return this.sockets.get(socket) ?? 0
    // http2 hands out a proxy of its socket; the port of the other side identifies the connection.
    for (const [open, number] of this.sockets) if (open.remotePort === socket.remotePort) return number
    return 0
  }
}

function tlsOf(socket: TLSSocket): NonNullable<Seen['tls']> {
  const peer = socket.getPeerCertificate()
  return {
    serverName: typeof socket.servername === 'string' ? socket.servername : '',
    alpn: socket.alpnProtocol || '',
    peerNames: peer?.subjectaltname ?? '',
  }
}

async function answer(
  book: Book,
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const bytes = Buffer.concat(chunks)
  const seen = book.note(request, bytes.toString('utf8'))
  const base = typeof book.behaviour === 'function' ? book.behaviour(seen) : book.behaviour
  const delayMs = Number(seen.headers['x-echo-delay'] ?? base.delayMs ?? 0)
  if (delayMs > 0) await sleep(delayMs)
  await base.until
  if (base.reset || seen.headers['x-echo-reset']) {
    if ('stream' in response)
      response.stream.close(2) // INTERNAL_ERROR
    else response.destroy()
    return
  }
  const status = Number(seen.headers['x-echo-status'] ?? base.status ?? 200)
  const headers = { ...base.headers, 'x-echo-name': book.name }
  if (seen.headers['content-type']?.startsWith('application/grpc') && 'stream' in response) {
    response.writeHead(status, { ...headers, 'content-type': 'application/grpc' })
    response.addTrailers({ 'grpc-status': seen.headers['x-echo-grpc-status'] ?? '0' })
    response.end(bytes)
    return
  }
  const body = Buffer.from(JSON.stringify(seen))
  // The two compatible response classes have overloads that TypeScript cannot unite; the call is the same.
  ;(response as ServerResponse).writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    ...headers,
  })
  response.end(request.method === 'HEAD' ? '' : body)
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
}

async function serve(book: Book, server: Server, port: number, andClose = async () => {}): Promise<Upstream> {
  await listen(server, port)
  const raw = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    raw.add(socket)
    socket.once('close', () => raw.delete(socket))
  })
  const stop = async () => {
    forget()
    const closed = new Promise((resolve) => server.close(resolve))
    // Those under HTTP/2 and TLS, too: a session does not let go of its socket by hand.
    for (const socket of raw) socket.destroy()
    await closed
    await andClose()
  }
  const forget = stopAfterTests(stop)
  return {
    name: book.name,
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    get count() {
      return book.count
    },
    get seen() {
      return book.seen
    },
    get connections() {
      return book.sockets.size
    },
    behave: (behaviour) => {
      book.behaviour = behaviour
    },
    reset: () => {
      book.count = 0
      book.seen = []
      book.behaviour = {}
    },
    stop,
  }
}
