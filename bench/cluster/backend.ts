import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { stopAfterTests } from '../../test/helpers/processes.ts'

/** An instance of a service. */
export interface Backend {
  readonly port: number
  /** Ends it as a good citizen does: what still comes is answered, and asked not to come again. */
  stop(): Promise<void>
}

/** A server ends once nothing came for so long, or after so long, ms. */
const QUIET_MS = 200
const FINISH_MS = 5_000

/** An HTTP server that answers each request with the path it was asked for, and does nothing else: it must not be the bottleneck. */
export async function startWeb(name: string): Promise<Backend> {
  let last = 0
  let ending = false
  const server = createServer({ keepAliveTimeout: 0 }, (request: IncomingMessage, response: ServerResponse) => {
    last = Date.now()
    const body = `${name} ${request.url}`
    response.writeHead(200, { 'content-length': Buffer.byteLength(body), ...(ending && { connection: 'close' }) })
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
    ending = true
    const end = Date.now() + FINISH_MS
    do await sleep(QUIET_MS)
    while (Date.now() - last < QUIET_MS && Date.now() < end)
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  }
  const forget = stopAfterTests(stop)
  return { port: (server.address() as AddressInfo).port, stop }
}
