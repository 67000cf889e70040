import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Both ends of one connection. */
export interface SocketPair {
  readonly accepted: Socket
  readonly connected: Socket
}

/** More than the kernel takes for a peer that does not read. */
export const MUCH = Buffer.alloc(16 << 20, 'much')

/** Makes connections for the tests of a file, and ends them: `afterEach(() => pairs.end())`. */
export class SocketPairs {
  readonly #servers: Server[] = []
  readonly #sockets: Socket[] = []

  /**
   * The accepted end keeps its half when the other one ends. Nothing is read at the connected end before somebody asks for it.
   * @param path of a Unix socket; without it TCP on loopback
   * @param paused nothing is read at the accepted end either; otherwise it reads as a server's sockets do
   */
  async open({ path, paused = true }: { path?: string; paused?: boolean } = {}): Promise<SocketPair> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: paused })
    this.#servers.push(server)
    await once(path === undefined ? server.listen(0, '127.0.0.1') : server.listen(path), 'listening')
    const address = path === undefined ? { port: (server.address() as AddressInfo).port, host: '127.0.0.1' } : { path }
    const connected = connect(address)
    connected.pause()
    const [[accepted]] = (await Promise.all([once(server, 'connection'), once(connected, 'connect')])) as [
      [Socket],
      unknown,
    ]
    this.#sockets.push(accepted, connected)
    return { accepted, connected }
  }

  end(): void {
    for (const socket of this.#sockets.splice(0)) socket.destroy()
    for (const server of this.#servers.splice(0)) server.close()
  }
}

/** Everything that comes, until the end. */
export async function all(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The next turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
