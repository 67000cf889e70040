import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { GRPC_HEADROOM, sealGrpcFrame } from '../../controlplane/ads/transport.ts'
import { FLAG, FRAME, frame, headerFrames, settingsFrame, sharedDataFrames } from '../../controlplane/http2/frames.ts'
import { writeHeaders } from '../../controlplane/http2/hpack.ts'
import { listenHttp } from './serve.ts'

/** Files with a response each, as `dump` writes them. */
export interface FloorFiles {
  /** What a client gets when it comes. */
  readonly sync: readonly string[]
  /** What all get when an endpoint changes, and when a weight does. */
  readonly endpoint: string
  readonly route: string
}

/** Clients told of a change in one turn of the loop: with all of them their bytes would leave the caches before they are read. */
const AT_ONCE = 16
/** The stream of each client is the first of its connection. */
const STREAM = 1

/**
 * What Node itself needs to hand the very bytes of the control plane to as many clients: ready bytes to bare sockets. It looks for the
 * opening of the stream, reads and decides nothing else, and everything a client gets when it comes leaves in one write. What a control plane in Node costs is this and more.
 */
export async function serveFloor(files: FloorFiles): Promise<{ stop(): void }> {
  const greeting = Buffer.concat([settingsFrame([]), frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0))])
  const headers = writeHeaders([
    [':status', '200'],
    ['content-type', 'application/grpc'],
  ])
  const everything = Buffer.concat([headerFrames(STREAM, headers, 0), ...files.sync.map(ready)])
  const changes = new Map([
    ['/ep', ready(files.endpoint)],
    ['/route', ready(files.route)],
  ])
  const clients = new Set<Socket>()
  const server = createServer((socket) => {
    socket.setNoDelay(true)
    const opening = (chunk: Buffer) => {
      if (!opensStream(chunk)) return
      socket.off('data', opening)
      clients.add(socket)
      socket.write(everything)
    }
    socket.once('data', () => {
      socket.write(greeting)
      socket.on('data', opening)
    })
    socket.on('error', () => {})
    socket.on('close', () => clients.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, resolve))
  const http = createHttpServer((request, response) => {
    const bytes = changes.get(new URL(request.url ?? '/', 'http://localhost').pathname)
    if (bytes) tell([...clients], bytes)
    response.end('{}')
  })
  const admin = await listenHttp(http, '127.0.0.1:0')
  const address = server.address()
  console.log(JSON.stringify({ xds: typeof address === 'object' && address?.port, admin, pid: process.pid }))
  return {
    stop() {
      http.close()
      http.closeAllConnections()
      server.close()
      for (const socket of clients) socket.destroy()
    },
  }
}

/** A client opens its stream when it was greeted: whole frames in one read, as short as they are. */
function opensStream(chunk: Buffer): boolean {
  for (let at = 0; at + 9 <= chunk.length; at += 9 + chunk.readUIntBE(at, 3))
    if (chunk[at + 3] === FRAME.headers) return true
  return false
}

function tell(clients: readonly Socket[], bytes: Buffer): void {
  for (const socket of clients.slice(0, AT_ONCE)) socket.write(bytes)
  if (clients.length > AT_ONCE) setImmediate(() => tell(clients.slice(AT_ONCE), bytes))
}

/** A response as it is on the wire, for the first stream of any connection. */
function ready(file: string): Buffer {
  const message = Buffer.concat([Buffer.alloc(GRPC_HEADROOM), readFileSync(file)])
  sealGrpcFrame(message)
  return sharedDataFrames(STREAM, message)
}
