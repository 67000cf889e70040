import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { eventually } from '../helpers/eventually.ts'
import { freePort, portOpen } from '../helpers/ports.ts'
import { spawnForTest, stopAfterTests } from '../helpers/processes.ts'
import { callRules, expectFairShare, type Peer } from './mesh.ts'
import { npmFolder, npmPackage } from './packages.ts'

interface Packet {
  readonly type: number
  readonly body: Buffer
}
/** The part of npm `pinus-protocol` that is used: what Pinus clients are built on. */
interface PinusProtocol {
  readonly Package: {
    encode(type: number, body?: Buffer): Buffer
    decode(bytes: Buffer): Packet | readonly Packet[]
  }
  readonly Message: {
    readonly TYPE_REQUEST: number
    readonly TYPE_NOTIFY: number
    encode(id: number, type: number, compressed: boolean, route: string, body: Buffer): Buffer
    decode(bytes: Buffer): { readonly id: number; readonly route: string; readonly body: Buffer }
  }
}

type Body = { readonly text?: string; readonly code?: number; readonly msg?: string }
const [HANDSHAKE, ACK, HEARTBEAT, DATA, KICK] = [1, 2, 3, 4, 5]
const program = fileURLToPath(new URL('./programs/pinus_server.cjs', import.meta.url))

async function server(name: string): Promise<number> {
  const port = await freePort()
  await spawnForTest({ command: process.execPath, args: [program, await npmFolder(), name, String(port)] })
  await portOpen(port)
  return port
}

/** A client as the framework's own: it shakes hands, sends heartbeats as it is told, asks and listens. */
class PinusClient {
  readonly #protocol: PinusProtocol
  readonly #socket: Socket
  readonly #waiting = new Map<number, (body: Body) => void>()
  #rest: Buffer = Buffer.alloc(0)
  #last = 0
  handshakes = 0
  closed = false
  readonly pushes: string[] = []

  constructor(protocol: PinusProtocol, port: number) {
    this.#protocol = protocol
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true })
    this.#socket.on('data', (chunk) => this.#feed(chunk))
    this.#socket.on('error', () => undefined)
    this.#socket.on('close', () => {
      this.closed = true
    })
  }

  async shakeHands(): Promise<void> {
    await once(this.#socket, 'connect')
    this.#send(HANDSHAKE, Buffer.from(JSON.stringify({ sys: { type: 'test', version: '1' }, user: {} })))
    await eventually(() => expect(this.handshakes).toBe(1))
    this.#send(ACK)
    const timer = setInterval(() => this.#send(HEARTBEAT), 500)
    this.#socket.on('close', () => clearInterval(timer))
  }

  #send(type: number, body?: Buffer): void {
    if (this.#socket.writable) this.#socket.write(this.#protocol.Package.encode(type, body))
  }

  #feed(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    while (this.#rest.length >= 4 && this.#rest.length >= 4 + this.#rest.readUIntBE(1, 3)) {
      const end = 4 + this.#rest.readUIntBE(1, 3)
      const packet = this.#protocol.Package.decode(this.#rest.subarray(0, end)) as Packet
      this.#rest = this.#rest.subarray(end)
      if (packet.type === HANDSHAKE) this.handshakes++
      else if (packet.type === DATA) this.#message(packet.body)
      else if (packet.type === KICK) this.closed = true
    }
  }

  #message(bytes: Buffer): void {
    const { id, route, body } = this.#protocol.Message.decode(bytes)
    const value = JSON.parse(String(body)) as Body
    if (id === 0) this.pushes.push(`${route} ${value.text}`)
    else {
      this.#waiting.get(id)?.(value)
      this.#waiting.delete(id)
    }
  }

  request(route: string, text: string): Promise<Body> {
    const { Message } = this.#protocol
    const id = ++this.#last
    this.#send(DATA, Message.encode(id, Message.TYPE_REQUEST, false, route, Buffer.from(JSON.stringify({ text }))))
    return new Promise((resolve) => this.#waiting.set(id, resolve))
  }

  notify(route: string, text: string): void {
    const { Message } = this.#protocol
    this.#send(DATA, Message.encode(0, Message.TYPE_NOTIFY, false, route, Buffer.from(JSON.stringify({ text }))))
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** Pomelo: two servers of npm `pinus`, a client on npm `pinus-protocol`. */
export const pomeloPeer: Peer = {
  protocol: 'pomelo',
  rules: {
    ...callRules('pomelo', 'route', (method) => `shop.${method}`),
    home: 'svrName: echo.pomelo, subset: a, priority: -1',
  },
  prepare: npmFolder,
  servers: async () => [await server('a'), await server('b')],
  tests: (edge) => {
    const open = async () => {
      const client = new PinusClient(await npmPackage<PinusProtocol>('pinus-protocol'), edge())
      stopAfterTests(async () => client.close())
      await client.shakeHands()
      return client
    }

    it('each route goes to its server, within one session whose handshake is answered once', async () => {
      const client = await open()
      expect(await client.request('shop.toA', 'x')).toEqual({ text: 'a:x' })
      expect(await client.request('shop.toB', 'y')).toEqual({ text: 'b:y' })
      expect(await client.request('shop.elsewhere', 'z')).toEqual({ text: 'a:z' })
      expect(client.handshakes).toBe(1)
    })

    it('a split halves the requests of one route', async () => {
      const client = await open()
      const bodies = await Promise.all(Array.from({ length: 200 }, (_, n) => client.request('shop.half', `${n}`)))
      expect(bodies.map(({ text }) => text?.slice(2))).toEqual(Array.from({ length: 200 }, (_, n) => `${n}`))
      expectFairShare(bodies.map(({ text }) => text?.slice(0, 1) ?? ''))
    })

    it('a fault and a time that runs out are answers with a code, and the session goes on', async () => {
      const client = await open()
      expect(await client.request('shop.refused', 'x')).toEqual({ code: 500, msg: 'not today' })
      expect(await client.request('shop.slow', 'x')).toMatchObject({ code: 504 })
      expect(await client.request('shop.toA', 'after')).toEqual({ text: 'a:after' })
    })

    it('notifications and pushes pass; a session that says nothing lives on by its heartbeats', async () => {
      const client = await open()
      client.notify('shop.toB', 'quiet')
      await eventually(() => expect(client.pushes).toEqual(['onEcho b:quiet']))
      // The servers end a session after six seconds without a heartbeat.
      await sleep(7500)
      expect(client.closed).toBe(false)
      expect(await client.request('shop.toA', 'still')).toEqual({ text: 'a:still' })
      expect(await client.request('shop.toB', 'here')).toEqual({ text: 'b:here' })
    })
  },
}
