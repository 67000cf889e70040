import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { stopAfterTests } from './processes.ts'

export interface Valve {
  readonly port: number
  /** What the server says waits here, on every connection, until `open`. */
  shut(): void
  open(): void
}

/** A TCP relay on loopback in front of `target` that can hold back what the server says, and loses none of it. */
export async function startValve(target: number): Promise<Valve> {
  let isShut = false
  const upstreams = new Set<Socket>()
  const clients = new Set<Socket>()
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ port: target, host: '127.0.0.1', noDelay: true })
    upstreams.add(upstream)
    clients.add(client)
    upstream.on('data', (chunk) => client.write(chunk))
    client.on('data', (chunk) => upstream.write(chunk))
    if (isShut) upstream.pause()
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => undefined)
      one.on('close', () => {
        other.destroy()
        upstreams.delete(upstream)
        clients.delete(client)
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stopAfterTests(async () => {
    for (const socket of [...clients, ...upstreams]) socket.destroy()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    shut: () => {
      isShut = true
      for (const upstream of upstreams) upstream.pause()
    },
    open: () => {
      isShut = false
      for (const upstream of upstreams) upstream.resume()
    },
  }
}
