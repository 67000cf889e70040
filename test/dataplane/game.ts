import { connect, createServer, type Server, type Socket } from 'node:net'
import { codec } from '../../codecs/game/codec.ts'
import type { Configuration, MessageRoute, RouteAction } from '../../dataplane/configuration.ts'
import { MessageProxy, type ProxyOptions } from '../../dataplane/proxy.ts'

/** Kinds of the game protocol on the wire. */
export const Kind = { request: 1, response: 2, oneway: 3, heartbeat: 4, push: 5 } as const

export interface GameFrame {
  readonly kind: number
  readonly flags: number
  readonly msgid: number
  readonly seq: number
  readonly uid: bigint
  readonly body: Buffer
}

export function encode(frame: Partial<Omit<GameFrame, 'body'>> & { readonly body?: Buffer | string }): Buffer {
  const body = Buffer.from(frame.body ?? '')
  const bytes = Buffer.alloc(24 + body.length)
  bytes.writeUInt32BE(bytes.length, 0)
  bytes.writeUInt16BE(0x4d47, 4)
  bytes[6] = frame.kind ?? Kind.request
  bytes[7] = frame.flags ?? 0
  bytes.writeUInt32BE(frame.msgid ?? 0, 8)
  bytes.writeUInt32BE((frame.seq ?? 0) >>> 0, 12)
  bytes.writeBigUInt64BE(frame.uid ?? 0n, 16)
  body.copy(bytes, 24)
  return bytes
}

export function decode(b: Uint8Array, at: number, length: number): GameFrame {
  const bytes = Buffer.from(b.buffer, b.byteOffset + at, length)
  return {
    kind: bytes[6]!,
    flags: bytes[7]!,
    msgid: bytes.readUInt32BE(8),
    seq: bytes.readUInt32BE(12),
    uid: bytes.readBigUInt64BE(16),
    body: Buffer.from(bytes.subarray(24)),
  }
}

/** The code of an error reply of the proxy's own; undefined of any other frame. */
export function codeOf({ flags, body }: Pick<GameFrame, 'flags' | 'body'>): number | undefined {
  return (flags & 0x80) === 0 ? undefined : body.readUInt32BE()
}

/** Calls `each` for every whole frame of a stream. */
export function splitter(each: (frame: GameFrame) => void): (chunk: Buffer) => void {
  let pending: Buffer = Buffer.alloc(0)
  return (chunk) => {
    pending = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk
    let at = 0
    while (pending.length - at >= 24) {
      const length = codec.frameLength(pending, at, pending.length)
      if (length < 0) throw new Error(`no frame: ${length}`)
      if (length > pending.length - at) break
      each(decode(pending, at, length))
      at += length
    }
    pending = pending.subarray(at)
  }
}

/** A server of the game protocol that answers each request with the request's body behind its own name. */
export class GameServer {
  readonly name: string
  readonly sockets = new Set<Socket>()
  readonly frames: GameFrame[] = []
  readonly #server: Server
  connections = 0
  port = 0
  /** What it does with a request; the default answers. */
  handle: (frame: GameFrame, socket: Socket, server: GameServer) => void = (frame, socket) => this.answer(frame, socket)
  /** What it does with frames that are neither requests nor heartbeats. */
  other: (frame: GameFrame, socket: Socket) => void = () => {}
  keep = true
  /** Accepts, reads and says nothing. */
  mute = false

  constructor(name: string) {
    this.name = name
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.connections++
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
      socket.on('error', () => socket.destroy())
      socket.on(
        'data',
        splitter((frame) => {
          if (this.keep) this.frames.push(frame)
          if (this.mute) return
          if (frame.kind === Kind.request) this.handle(frame, socket, this)
          else if (frame.kind === Kind.heartbeat) socket.write(encode({ ...frame, kind: Kind.heartbeat }))
          else this.other(frame, socket)
        }),
      )
    })
  }

  answer(frame: GameFrame, socket: Socket, more: Partial<GameFrame> = {}): void {
    if (socket.writable) {
      socket.write(
        encode({
          ...frame,
          kind: Kind.response,
          body: Buffer.concat([Buffer.from(`${this.name}:`), frame.body]),
          ...more,
        }),
      )
    }
  }

  async listen(port = 0): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host: '127.0.0.1', port }, () => {
        this.#server.removeListener('error', reject)
        resolve()
      })
    })
    this.port = (this.#server.address() as { port: number }).port
    return this
  }

  /** Resets every connection. */
  cut(): void {
    for (const socket of this.sockets) socket.resetAndDestroy()
  }

  close(): Promise<void> {
    this.cut()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }
}

/** A client that collects what comes. */
export class GameClient {
  readonly socket: Socket
  readonly frames: GameFrame[] = []
  closed = false
  readonly #waiters: { readonly ready: () => boolean; readonly resolve: () => void }[] = []

  constructor(port: number, options: { readonly allowHalfOpen?: boolean } = {}) {
    this.socket = connect({ host: '127.0.0.1', port, noDelay: true, ...options })
    this.socket.on('error', () => this.socket.destroy())
    this.socket.on('end', () => this.#end())
    this.socket.on('close', () => this.#end())
    this.socket.on(
      'data',
      splitter((frame) => {
        this.frames.push(frame)
        this.#look()
      }),
    )
  }

  #end(): void {
    this.closed = true
    this.#look()
  }

  #look(): void {
    for (const waiter of [...this.#waiters]) {
      if (!waiter.ready()) continue
      this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
      waiter.resolve()
    }
  }

  send(frame: Parameters<typeof encode>[0]): void {
    this.socket.write(encode(frame))
  }

  /** Resolves when `count` frames are there in all. @throws when the connection ends before. */
  async receive(count: number): Promise<readonly GameFrame[]> {
    await this.until(() => this.frames.length >= count || this.closed)
    if (this.frames.length < count) throw new Error(`closed after ${this.frames.length} of ${count} frames`)
    return this.frames
  }

  async ended(): Promise<void> {
    await this.until(() => this.closed)
  }

  until(ready: () => boolean): Promise<void> {
    if (ready()) return Promise.resolve()
    return new Promise((resolve) => this.#waiters.push({ ready, resolve }))
  }

  /** Sends a request and waits for the next frame with its seq. */
  async ask(frame: Parameters<typeof encode>[0]): Promise<GameFrame> {
    const from = this.frames.length
    const found = () => this.frames.slice(from).find(({ seq }) => seq === (frame.seq ?? 0))
    this.send(frame)
    await this.until(() => found() !== undefined || this.closed)
    const reply = found()
    if (!reply) throw new Error('closed without a reply')
    return reply
  }

  close(): void {
    this.socket.destroy()
  }
}

export function endpoints(...ports: readonly number[]) {
  return [{ endpoints: ports.map((port) => ({ address: { host: '127.0.0.1', port } })) }]
}

/** A route of one message id. */
export function byId(msgid: number, cluster: string, action: Partial<RouteAction> = {}): MessageRoute {
  return {
    name: `${msgid}`,
    match: [{ field: 'msgid', exact: String(msgid) }],
    action: { destinations: [{ cluster, weight: 1 }], ...action },
  }
}

/** A configuration with one listener of the game protocol. */
export function gameConfiguration(
  parts: Partial<Configuration> & { readonly listener?: Partial<Configuration['listeners'][number]> },
): Configuration {
  const { listener, ...rest } = parts
  return {
    version: '1',
    protocols: [{ name: 'game', shipped: 'game' }],
    listeners: [
      { name: 'game', address: { host: '127.0.0.1', port: 0 }, protocol: 'game', routes: 'game', ...listener },
    ],
    routes: [],
    clusters: [],
    ...rest,
  }
}

/** Messages 1 go to one server, all others nowhere. */
export function onlyTo(server: GameServer, listener: object = {}) {
  return gameConfiguration({
    listener,
    routes: [{ name: 'game', routes: [byId(1, 'a')] }],
    clusters: [{ name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' } }],
  })
}

/** The game protocol with an id that is only the last bytes of `seq`; servers and clients need not know. */
export function narrowGame(type: 'u8' | 'u16' | 'u32', cancels = false): object {
  return {
    frame: {
      length: { at: 0, type: 'u32', counts: 'all' },
      check: { at: 4, type: 'u16', equals: 0x4d47 },
    },
    message: {
      kind: {
        at: 6,
        type: 'u8',
        is: { 1: 'request', 2: 'response', 3: 'oneway', 4: 'heartbeat', 5: 'push', ...(cancels && { 6: 'cancel' }) },
      },
      id: { at: { u8: 15, u16: 14, u32: 12 }[type], type },
    },
    fields: { msgid: { at: 8, type: 'u32' }, uid: { at: 16, type: 'u64' } },
    reply: {
      error: { from: 'request', bytes: 24, set: { kind: 'response', flags: 0x80 }, body: 'u32 code' },
      heartbeat: { from: 'request', bytes: 24, set: { kind: 'heartbeat' } },
    },
    connections: ['shared', 'bound', 'exclusive'],
  }
}

/** What a test opened, to be closed after it. */
export class Bed {
  readonly #closers: (() => unknown)[] = []

  async server(name: string): Promise<GameServer> {
    const server = await new GameServer(name).listen()
    this.#closers.push(() => server.close())
    return server
  }

  async proxy(configuration: Configuration, options: ProxyOptions = {}): Promise<MessageProxy> {
    const proxy = new MessageProxy(options)
    this.#closers.push(() => proxy.close())
    const problems = await proxy.apply(configuration)
    if (problems.length > 0) throw new Error(JSON.stringify(problems))
    return proxy
  }

  client(proxy: MessageProxy, listener = 'game', options = {}): GameClient {
    const address = proxy.address(listener)
    if (!address || !('port' in address)) throw new Error(`listener ${listener} has no port`)
    const client = new GameClient(address.port, options)
    this.#closers.push(() => client.close())
    return client
  }

  defer(close: () => unknown): void {
    this.#closers.push(close)
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close()
  }
}
