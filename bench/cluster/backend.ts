import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { stopAfterTests } from '../../test/helpers/processes.ts'

/** An instance of a service. */
export interface Backend {
  readonly port: number
  /** Ends it as a good citizen does: what has begun is finished first. */
  stop(): Promise<void>
}

/** How long a server waits for what has begun, ms. */
const FINISH_MS = 5_000

/** An HTTP server that answers each request with the path it was asked for, and does nothing else: it must not be the bottleneck. */
export async function startWeb(name: string): Promise<Backend> {
  let open = 0
  const server = createServer({ keepAliveTimeout: 0 }, (request: IncomingMessage, response: ServerResponse) => {
    open++
    response.once('close', () => open--)
    const body = `${name} ${request.url}`
    response.writeHead(200, { 'content-length': Buffer.byteLength(body) })
    response.end(body)
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stop = async () => {
    forget()
    const closed = new Promise((resolve) => server.close(resolve))
    const end = Date.now() + FINISH_MS
    while (open > 0 && Date.now() < end) await sleep(20)
    for (const socket of sockets) socket.destroy()
    await closed
  }
  const forget = stopAfterTests(stop)
  return { port: (server.address() as AddressInfo).port, stop }
}
