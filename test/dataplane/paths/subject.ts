import { ConfigClient } from '../../../dataplane/config/index.ts'
import type { Configuration, SocketAddress } from '../../../dataplane/configuration.ts'
import { Intake } from '../../../dataplane/framing/intake.ts'
import { Client } from '../../../dataplane/listen/client.ts'
import type { ListenerRuntime } from '../../../dataplane/listen/listener.ts'
import { MessageProxy } from '../../../dataplane/proxy.ts'
import { arrive, asSocket, FakeSocket } from '../../helpers/fake-socket.ts'
import { turns } from './clock.ts'
import { NODE } from './mesh.ts'
import { AnyPlane } from './plane.ts'
import { Upstreams } from './upstreams.ts'

let made = 0

/** A client of a listener; its address is the same in every proxy. */
export interface Player {
  send(frame: Buffer): void
  /** Replies that came since the last time. */
  replies(): readonly Buffer[]
  readonly gone: boolean
  leave(): void
}

/** A message proxy with its client of a control plane; neither sockets of clients nor of upstreams are real. */
export class Subject {
  readonly proxy: MessageProxy
  readonly client: ConfigClient
  readonly upstreams = new Upstreams()
  plane!: AnyPlane
  #applying = 0
  /** What its log warns of. */
  readonly warned: string[] = []
  /** Configurations that were put in force. */
  applied = 0

  constructor(cacheFile?: string) {
    const own = made++
    this.proxy = new MessageProxy({ dial: this.upstreams.dial, drainGraceMs: 100 })
    this.client = new ConfigClient({
      xds: { host: '127.0.0.1', port: 1 },
      node: { id: NODE.id, cluster: NODE.cluster },
      log: { info: () => {}, warn: (_, text) => this.warned.push(text) },
      ...(cacheFile !== undefined && { cacheFile }),
      plane: (_options, events) => {
        this.plane = new AnyPlane(events)
        return this.plane
      },
      onConfiguration: async (configuration) => {
        this.#applying++
        try {
          return await this.proxy.apply(elsewhere(configuration, own))
        } finally {
          this.applied++
          this.#applying--
        }
      },
    })
  }

  /** Waits until the control plane has told all it was to tell, and all of it is in force. `tell`: what it does each time. */
  async settle(tell: () => void = () => {}): Promise<void> {
    for (let quiet = 0; quiet < 4; ) {
      tell()
      const before = this.applied
      await turns()
      quiet = this.#applying === 0 && this.applied === before ? quiet + 1 : 0
    }
  }

  /** A player connects. */
  player(listener: ListenerRuntime, host = '192.0.2.7'): Player {
    const { engine } = this.proxy
    const socket = new FakeSocket()
    let came: Buffer[] = []
    socket.taken = (bytes) => {
      let all = Buffer.from(bytes)
      for (; all.length >= 24; all = all.subarray(all.readUInt32BE(0))) came.push(all.subarray(0, all.readUInt32BE(0)))
    }
    const intake = new Intake(engine.slabs)
    const addresses = { source: { host, port: 1000 }, destination: { host: '127.0.0.1', port: 1 } }
    const client = new Client(engine, listener, asSocket(socket), intake, addresses)
    listener.clients.add(client)
    return {
      send: (frame) => arrive(intake, frame),
      replies: () => {
        const all = came
        came = []
        return all
      },
      get gone() {
        return client.closed
      },
      leave: () => client.destroy(),
    }
  }

  async stop(): Promise<void> {
    await this.client.stop()
    await this.proxy.close()
  }
}

/** The same listeners, at sockets nobody else has. */
function elsewhere(configuration: Configuration, own: number): Configuration {
  const place = (address: SocketAddress) =>
    'port' in address ? { path: `\0meshgate-paths-${process.pid}-${own}-${address.host}-${address.port}` } : address
  const listeners = configuration.listeners.map((one) => ({ ...one, address: place(one.address) }))
  return { ...configuration, listeners }
}
