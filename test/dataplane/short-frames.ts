import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { ClusterConfig, Configuration, ListenerConfig, MessageRoute } from '../../dataplane/configuration.ts'
import type { MessageProxy, ProxyOptions } from '../../dataplane/proxy.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { type Bed, endpoints } from './game.ts'

/** Protocols for one test each, by a document: the first byte of a frame is its length. */

/** The whole frames at the start of a stream. */
export function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at < bytes.length && at + bytes[at]! <= bytes.length; at += bytes[at]!)
    frames.push(bytes.subarray(at, at + bytes[at]!))
  return frames
}

export interface ShortServer {
  readonly port: number
  /** Frames that came, of all connections. */
  readonly got: Buffer[]
  readonly sockets: Set<Socket>
}

/** A server that is told of each frame, and with `greet` of each connection. */
export async function shortServer(
  bed: Bed,
  take: (frame: Buffer, socket: Socket) => void,
  greet?: (socket: Socket) => void,
): Promise<ShortServer> {
  const got: Buffer[] = []
  const sockets = new Set<Socket>()
  const listening = createServer((socket) => {
    let held = Buffer.alloc(0)
    sockets.add(socket)
    greet?.(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk])
      for (const frame of framesOf(held)) {
        held = held.subarray(frame.length)
        got.push(Buffer.from(frame))
        take(frame, socket)
      }
    })
  })
  await once(listening.listen(0, '127.0.0.1'), 'listening')
  bed.defer(() => {
    for (const socket of sockets) socket.destroy()
    listening.close()
  })
  return { port: (listening.address() as AddressInfo).port, got, sockets }
}

export interface ShortOptions extends ProxyOptions {
  readonly listener?: Partial<ListenerConfig>
  readonly cluster?: Partial<ClusterConfig>
}

/** One listener of the document's protocol, in mode `bound`, and clusters of one host each. */
export function shortConfiguration(
  document: string,
  routes: readonly MessageRoute[],
  ports: Readonly<Record<string, number>>,
  { listener, cluster }: Pick<ShortOptions, 'listener' | 'cluster'> = {},
): Configuration {
  const protocol = /^metadata: \{name: (\w+)\}$/m.exec(document)![1]!
  const address = { host: '127.0.0.1', port: 0 }
  const clusters = Object.entries(ports).map(
    ([name, port]): ClusterConfig => ({
      name,
      localities: endpoints(port),
      balancer: { kind: 'roundRobin' },
      ...cluster,
    }),
  )
  return {
    version: '1',
    protocols: [{ name: protocol, document }],
    listeners: [{ name: 'l', address, protocol, routes: 'r', mode: 'bound', ...listener }],
    routes: [{ name: 'r', routes }],
    clusters,
  }
}

/** A proxy of `shortConfiguration`. */
export function shortProxy(
  bed: Bed,
  document: string,
  routes: readonly MessageRoute[],
  ports: Readonly<Record<string, number>>,
  { listener, cluster, ...options }: ShortOptions = {},
): Promise<MessageProxy> {
  const own = { ...(listener && { listener }), ...(cluster && { cluster }) }
  return bed.proxy(shortConfiguration(document, routes, ports, own), options)
}

/** A client of `shortProxy`; `has` waits for frames. */
export function shortClient(bed: Bed, proxy: MessageProxy) {
  const socket = connect({ host: '127.0.0.1', port: (proxy.address('l') as { port: number }).port, noDelay: true })
  bed.defer(() => void socket.destroy())
  let received = Buffer.alloc(0)
  let closed = false
  socket.on('error', () => undefined)
  socket.on('close', () => {
    closed = true
  })
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
  })
  return {
    socket,
    get received() {
      return received
    },
    get closed() {
      return closed
    },
    has: (frames: number) => comesTrue(() => framesOf(received).length === frames, `${frames} frames`),
  }
}

export const hex = (frames: readonly Buffer[]) => frames.map((frame) => frame.toString('hex'))
