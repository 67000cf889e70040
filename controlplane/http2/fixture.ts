import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { Call } from './call.ts'
import { Connection } from './connection.ts'
import { FRAME, frame, headerFrames, PREFACE, settingsFrame } from './frames.ts'
import type { RequestHeaders } from './header-rules.ts'
import { writeHeaders } from './hpack.ts'

/** What the server saw of a call. */
export interface Seen {
  readonly call: Call
  readonly headers: RequestHeaders
  readonly chunks: string[]
  ended: boolean
  closed: number | undefined
}

let server: Server
export let port: number
export let connections: Connection[]
export let calls: Seen[]
let opened: (seen: Seen) => void

/** What is done with a call as it opens. */
export function onOpened(then: (seen: Seen) => void): void {
  opened = then
}

/** A server of this process, for each test anew. */
export async function setUp(): Promise<void> {
  connections = []
  calls = []
  opened = () => {}
  server = createServer((socket) => {
    connections.push(serve(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
}

/** Ends the server and all connections of a test. */
export function tearDown(): void {
  for (const { socket } of connections) socket.destroy()
  server.close()
}

/** The server's side of a connection; it notes its calls. */
export function serve(socket: Socket): Connection {
  socket.on('error', () => {})
  const limits = { calls: 10, prefaceMs: 1000, keepaliveMs: 1000, keepaliveTimeoutMs: 1000 }
  const open = (call: Call, headers: RequestHeaders) => {
    const seen: Seen = { call, headers, chunks: [], ended: false, closed: undefined }
    calls.push(seen)
    opened(seen)
    return {
      data: (chunk: Buffer) => {
        seen.chunks.push(chunk.toString('latin1'))
      },
      end: () => {
        seen.ended = true
      },
      closed: (code: number) => {
        seen.closed = code
      },
    }
  }
  return new Connection(socket, { ...limits, open, closed: () => {} }, 0)
}

/** A connection without a network: the test says what arrives, and sees each write. */
export function offline() {
  const writes: Buffer[] = []
  const stream = new Duplex({
    read() {},
    write(bytes: Buffer, _, done) {
      writes.push(bytes)
      done()
    },
  })
  const socket = Object.assign(stream, {
    setNoDelay: () => {},
    destroySoon: () => stream.destroy(),
  }) as unknown as Socket
  connections.push(serve(socket))
  return { socket, writes, arrive: (...parts: Buffer[]) => socket.emit('data', Buffer.concat(parts)) }
}

/** The same of a client that reads nothing: what is written waits. */
export function silentReader() {
  const stream = new Duplex({ read() {}, write() {} })
  const socket = Object.assign(stream, {
    setNoDelay: () => {},
    destroySoon: () => stream.destroy(),
  }) as unknown as Socket
  connections.push(serve(socket))
  return { socket, arrive: (...parts: Buffer[]) => socket.emit('data', Buffer.concat(parts)) }
}

/** Waits for what comes about in this process. */
export async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setImmediate(resolve))
}

/** Headers of a request, encoded. */
export const REQUEST = writeHeaders([
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/service/method'],
])
/** A frame with data. */
export const data = (text: string, flags = 0, stream = 1) => frame(FRAME.data, flags, stream, Buffer.from(text))
/** What a client begins with. */
export const hello = (initialWindow = 65_535) => Buffer.concat([PREFACE, settingsFrame([[4, initialWindow]])])
/** Headers of a request on a stream, as frames. */
export const ask = (stream = 1) => headerFrames(stream, REQUEST, 0)

interface Came {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** A client of bytes: what it sends is what a test says, and it acknowledges nothing by itself. */
export async function rawClient() {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  let bytes = Buffer.alloc(0)
  const came: Came[] = []
  let closed = false
  socket.on('close', () => {
    closed = true
  })
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const end = 9 + bytes.readUIntBE(0, 3)
      came.push({ type: bytes[3]!, flags: bytes[4]!, stream: bytes.readUInt32BE(5), payload: bytes.subarray(9, end) })
      bytes = bytes.subarray(end)
    }
  })
  await once(socket, 'connect')
  return {
    socket,
    came,
    of: (type: number) => came.filter((one) => one.type === type),
    get closed() {
      return closed
    },
    /** Sends, and waits until the server has read it all. */
    async say(...parts: Buffer[]): Promise<void> {
      const before = came.filter(({ type }) => type === FRAME.ping).length
      socket.write(Buffer.concat([...parts, frame(FRAME.ping, 0, 0, Buffer.from('answered'))]))
      await until(() => closed || came.filter(({ type }) => type === FRAME.ping).length > before)
    },
  }
}
