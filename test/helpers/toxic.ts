import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { freePort } from './ports.ts'
import { stopAfterTests } from './processes.ts'

/**
 * What a proxy does to what flows from the server to the client.
 * `latency`: every chunk comes later. `blackhole`: connections are taken, nothing is ever answered. `half-open`: bytes stop and
 * nobody says goodbye, also on connections that are open. `cut`: each answer ends after `bytes`. `garbage`: answers are noise.
 * `answer`: every connection gets these bytes, the server is not asked. `down`: connections are refused.
 */
export type Toxic =
  | { readonly kind: 'none' }
  | { readonly kind: 'latency'; readonly ms: number; readonly jitterMs?: number }
  | { readonly kind: 'blackhole' }
  | { readonly kind: 'half-open' }
  | { readonly kind: 'cut'; readonly bytes: number }
  | { readonly kind: 'garbage' }
  | { readonly kind: 'answer'; readonly bytes: string }
  | { readonly kind: 'down' }

export interface ToxicProxy {
  readonly port: number
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** Connections taken so far. */
  readonly connections: number
  /** From now on; `cutOpen` ends the connections that are open. */
  set(toxic: Toxic, cutOpen?: boolean): Promise<void>
  stop(): Promise<void>
}

/** A TCP proxy on loopback in front of `port` that can be made to misbehave. */
export async function startToxic(target: number): Promise<ToxicProxy> {
  let toxic: Toxic = { kind: 'none' }
  let connections = 0
  const open = new Set<Socket>()
  const server = createServer((client) => {
    connections++
    track(open, client)
    if (toxic.kind === 'blackhole' || toxic.kind === 'half-open') return
    if (toxic.kind === 'answer') {
      const { bytes } = toxic
      client.once('data', () => client.end(bytes))
      return
    }
    const upstream = connect({ port: target, host: '127.0.0.1', noDelay: true })
    track(open, upstream)
    client.on('data', (chunk) => {
      if (toxic.kind !== 'half-open' && toxic.kind !== 'blackhole') upstream.write(chunk)
    })
    let sent = 0
    upstream.on('data', (chunk: Buffer) => {
      const now = toxic
      if (now.kind === 'half-open' || now.kind === 'blackhole') return
      if (now.kind === 'latency') {
        const wait = now.ms + Math.random() * (now.jitterMs ?? 0)
        setTimeout(() => client.write(chunk), wait)
      } else if (now.kind === 'cut') {
        const left = Math.max(0, now.bytes - sent)
        sent += chunk.length
        client.write(chunk.subarray(0, left))
        if (chunk.length > left) client.destroySoon()
      } else if (now.kind === 'garbage') client.write(Buffer.from(chunk.map((byte, index) => byte ^ (index * 31 + 85))))
      else client.write(chunk)
    })
    const quiet = () => toxic.kind === 'half-open' || toxic.kind === 'blackhole'
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => quiet() || client.destroySoon())
  })
  const listen = (port: number) =>
    new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
  // Not one that the system gives to others while this one is down.
  await listen(await freePort())
  const { port } = server.address() as AddressInfo
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  const stop = async () => {
    forget()
    cut()
    await close(server)
  }
  const forget = stopAfterTests(stop)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get connections() {
      return connections
    },
    async set(next, cutOpen = false) {
      const before = toxic
      toxic = next
      if (next.kind === 'down' || cutOpen) cut()
      if (next.kind === 'down') await close(server)
      else if (before.kind === 'down') await listen(port)
    },
    stop,
  }
}

function track(open: Set<Socket>, socket: Socket): void {
  open.add(socket)
  socket.on('error', () => {})
  socket.once('close', () => open.delete(socket))
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (server.listening) server.close(() => resolve())
    else resolve()
  })
}
