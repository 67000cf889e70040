import type { Socket } from 'node:net'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Intake } from '../../dataplane/framing/intake.ts'
import { Client } from '../../dataplane/listen/client.ts'
import { MessageProxy } from '../../dataplane/proxy.ts'
import type { dial } from '../../dataplane/upstream/dial.ts'
import { arrive, asSocket, FakeSocket } from '../helpers/fake-socket.ts'
import { Bed, byId, endpoints, type GameFrame, gameConfiguration, narrowGame } from './game.ts'

/** u16 length, kind, status, id, tag: the id as narrow as it is written here. */
function layout(type: string, reserved?: readonly number[]) {
  return {
    frame: { length: { at: 0, type: 'u16', counts: 'all' } },
    message: {
      kind: { at: 2, type: 'u8', is: { 1: 'request', 2: 'response' } },
      status: { at: 3, type: 'u8' },
      id: { at: 8, type, ...(reserved && { reserved }) },
      error: { status: { not: 0 } },
    },
    fields: { tag: { at: 4, type: 'u32' } },
    reply: { error: { from: 'request', set: { kind: 'response', status: 'code' } } },
    connections: ['shared', 'exclusive'],
  }
}

function frames(bytes: Uint8Array): Buffer[] {
  const list: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = (bytes[at]! << 8) | bytes[at + 1]!
    list.push(Buffer.from(bytes.slice(at, at + length)))
    at += length
  }
  return list
}

let later = 0
const now = performance.now.bind(performance)
beforeAll(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => now() + later)
})
afterAll(() => vi.restoreAllMocks())

const turns = async (count = 3) => {
  for (let i = 0; i < count; i++) await new Promise(setImmediate)
}

/** An upstream connection: what the proxy asked on it and was not answered, and what was answered last. */
interface Upstream {
  readonly socket: FakeSocket
  readonly intake: Intake
  readonly open: Buffer[]
  readonly answered: Buffer[]
}

/** One proxy, its clients and its upstream in this process, so that any order of events can be made. */
class World {
  readonly upstreams: Upstream[] = []
  refuses = false
  mostOpen = 0
  readonly wrong: string[] = []
  readonly outcomes = new Map<number, string[]>()
  readonly #asked = new Map<number, { readonly client: number; readonly id: string }>()
  readonly #clients: Intake[] = []
  readonly proxy: MessageProxy
  readonly #idBytes: number
  readonly #digits: string | undefined

  constructor(type: string) {
    this.#digits = /^(ascii|bcd)/.exec(type)?.[0]
    this.#idBytes = type === 'ascii(2)' || type.includes('16') ? 2 : 1
    this.proxy = new MessageProxy({ dial: ((...args) => this.#dial(args[1], args[3])) as typeof dial })
  }

  get requests(): number {
    return this.#asked.size
  }

  #dial(intake: Intake, ready: () => void): Socket {
    const socket = new FakeSocket()
    const upstream: Upstream = { socket, intake, open: [], answered: [] }
    socket.taken = (bytes) => {
      for (const frame of frames(bytes)) {
        const id = frame.toString('hex', 8)
        if (/^0+$/.test(id)) this.wrong.push('the id 0 was given')
        if (upstream.open.some((other) => other.toString('hex', 8) === id)) this.wrong.push(`the id ${id} is in use`)
        upstream.open.push(frame)
        this.mostOpen = Math.max(this.mostOpen, upstream.open.length)
      }
    }
    if (this.refuses) setImmediate(() => socket.destroy())
    else {
      this.upstreams.push(upstream)
      socket.once('close', () => this.upstreams.splice(this.upstreams.indexOf(upstream), 1))
      setImmediate(() => socket.writable && ready())
    }
    return asSocket(socket)
  }

  async start(type: string, clients: number, perHost: number | undefined, maxPendingRequests: number): Promise<void> {
    const problems = await this.proxy.apply({
      ...gameConfiguration({
        listener: { requestTimeoutMs: 5000, protocol: 'narrow' },
        routes: [{ name: 'game', routes: [{ name: 'all', match: [], action: byId(1, 'a').action }] }],
        clusters: [
          {
            name: 'a',
            localities: endpoints(9),
            balancer: { kind: 'roundRobin' },
            circuitBreakers: { default: { maxRequests: 100_000, maxPendingRequests, maxConnections: 8 } },
            ...(perHost && { connections: { perHost } }),
          },
        ],
      }),
      protocols: [{ name: 'narrow', layout: layout(type) }],
    })
    expect(problems).toEqual([])
    const listener = this.proxy.listeners[0]!
    for (let i = 0; i < clients; i++) {
      const socket = new FakeSocket()
      socket.taken = (bytes) => {
        for (const frame of frames(bytes)) this.#hear(i, frame)
      }
      const intake = new Intake(this.proxy.engine.slabs)
      listener.clients.add(new Client(this.proxy.engine, listener, asSocket(socket), intake, undefined))
      this.#clients.push(intake)
    }
  }

  ask(client: number, count: number): void {
    const chunk = Array.from({ length: count }, () => {
      const tag = this.#asked.size + 1
      const frame = Buffer.alloc(8 + this.#idBytes)
      frame.writeUInt16BE(frame.length, 0)
      frame[2] = 1
      frame.writeUInt32BE(tag, 4)
      // Ids of clients are anything, the same ones again and 0 too.
      const digits = String(tag % 100).padStart(2, '0')
      if (this.#digits) frame.write(digits, 8, this.#digits === 'bcd' ? 'hex' : 'latin1')
      else frame.writeUIntBE((tag * 7) % 256 ** this.#idBytes, 8, this.#idBytes)
      this.#asked.set(tag, { client, id: frame.toString('hex', 8) })
      return frame
    })
    arrive(this.#clients[client % this.#clients.length]!, Buffer.concat(chunk))
  }

  #hear(client: number, frame: Buffer): void {
    const tag = frame.readUInt32BE(4)
    const asked = this.#asked.get(tag)
    if (!asked || asked.client % this.#clients.length !== client) this.wrong.push(`client ${client} got ${tag}`)
    if (asked?.id !== frame.toString('hex', 8)) this.wrong.push(`${tag} came with another id`)
    this.outcomes.set(tag, [...(this.outcomes.get(tag) ?? []), frame[3] === 0 ? 'reply' : `error ${frame[3]}`])
  }

  reply(connection: number, count: number, step: number): void {
    const upstream = this.upstreams[connection % Math.max(1, this.upstreams.length)]
    if (!upstream) return
    const list: Buffer[] = []
    for (let i = 0; i < count && upstream.open.length > 0; i++) {
      const [frame] = upstream.open.splice((i * step) % upstream.open.length, 1)
      const answer = Buffer.from(frame!)
      answer[2] = 2
      list.push(answer)
    }
    upstream.answered.push(...list)
    arrive(upstream.intake, Buffer.concat(list))
  }

  /** Says the last replies of a connection again. */
  repeat(connection: number, count: number): void {
    const upstream = this.upstreams[connection % Math.max(1, this.upstreams.length)]
    if (upstream) arrive(upstream.intake, Buffer.concat([Buffer.alloc(0), ...upstream.answered.slice(-count)]))
  }

  end(connection: number): void {
    this.upstreams[connection % Math.max(1, this.upstreams.length)]?.socket.destroy()
  }

  wait(ms: number): void {
    later += ms
    this.proxy.engine.tick()
  }
}

type Step =
  | { readonly do: 'ask'; readonly client: number; readonly count: number }
  | { readonly do: 'reply'; readonly connection: number; readonly count: number; readonly step: number }
  | { readonly do: 'repeat'; readonly connection: number; readonly count: number }
  | { readonly do: 'end'; readonly connection: number; readonly count: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'refuse'; readonly refuses: boolean }

const small = fc.nat(9)
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('ask' as const), client: small, count: fc.integer({ min: 1, max: 120 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('reply' as const),
      connection: small,
      count: fc.integer({ min: 1, max: 150 }),
      step: fc.nat(1000),
    }),
  },
  // Not more than ids rest: nothing tells a reply that comes twice even later from that of whoever has the id by then.
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('repeat' as const),
      connection: small,
      count: fc.integer({ min: 1, max: 20 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), connection: small, count: fc.constant(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(100, 2000, 6000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('refuse' as const), refuses: fc.boolean() }) },
)

describe.each(['u8', 'u16', 'i8', 'u16le', 'ascii(2)', 'bcd(1)'])('shared connections with ids of type %s', (type) => {
  it('one outcome for every request and none crossed, in any order of replies, late and double ones, and ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(steps, { minLength: 5, maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
        fc.constantFrom(0, 50, 100_000),
        async (list, clients, perHost, pending) => {
          const world = new World(type)
          await world.start(type, clients, perHost, pending)
          try {
            for (const step of list) {
              if (step.do === 'ask') world.ask(step.client, step.count)
              else if (step.do === 'reply') world.reply(step.connection, step.count, step.step)
              else if (step.do === 'repeat') world.repeat(step.connection, step.count)
              else if (step.do === 'end') world.end(step.connection)
              else if (step.do === 'wait') world.wait(step.ms)
              else if (step.do === 'refuse') world.refuses = step.refuses
              await turns()
            }
            world.wait(6000)
            await turns()
            for (let i = 0; world.upstreams.some(({ open }) => open.length > 0) && i < 50; i++) {
              for (let k = 0; k < world.upstreams.length; k++) world.reply(k, 1000, 1)
              await turns()
            }
            expect(world.wrong).toEqual([])
            expect(world.outcomes.size).toBe(world.requests)
            expect([...world.outcomes.values()].filter((all) => all.length !== 1)).toEqual([])
            expect(world.proxy.engine.requests.used).toBe(0)
            const { requests, pending: left } = world.proxy.clusters.get('a')!.breakers[0]
            expect([requests, left]).toEqual([0, 0])
          } finally {
            await world.proxy.close()
          }
        },
      ),
      { numRuns: Number(process.env.MESHGATE_IDS_RUNS ?? 10) },
    )
  })
})

describe('shared connections that run out of ids', () => {
  it('take so many requests as leave some ids at rest, then another connection, then the queue', async () => {
    const world = new World('u8')
    await world.start('u8', 1, 2, 1000)
    world.ask(0, 500)
    await turns()
    expect(world.upstreams.map(({ open }) => open.length)).toEqual([192, 192])
    expect(world.proxy.clusters.get('a')!.breakers[0].pending).toBe(116)
    world.reply(0, 100, 1)
    await turns()
    expect(world.upstreams.map(({ open }) => open.length)).toEqual([192, 192])
    world.reply(0, 192, 3)
    world.reply(1, 192, 5)
    await turns()
    for (let i = 0; i < 4; i++) {
      world.reply(i, 200, 1)
      await turns()
    }
    expect([...world.outcomes.values()].flat().filter((outcome) => outcome === 'reply')).toHaveLength(500)
    expect(world.wrong).toEqual([])
    await world.proxy.close()
  })

  it('without a limit of their own open as many as the circuit breaker allows, and what finds no place in the queue overflows', async () => {
    const world = new World('u8')
    await world.start('u8', 2, undefined, 400)
    for (let i = 0; i < 20; i++) {
      world.ask(i % 2, 100)
      await turns()
    }
    expect(world.upstreams).toHaveLength(8)
    expect(world.proxy.clusters.get('a')!.breakers[0].pending).toBe(400)
    expect([...world.outcomes.values()].flat()).toEqual(Array(2000 - 8 * 192 - 400).fill('error 6'))
    await world.proxy.close()
  })

  it('are replaced when half of their ids are burnt by replies that never come', async () => {
    const world = new World('u8')
    await world.start('u8', 1, 1, 10_000)
    world.ask(0, 97)
    await turns()
    const [first] = world.upstreams
    world.wait(6000)
    await turns()
    expect([...world.outcomes.values()].flat()).toEqual(Array(97).fill('error 5'))
    world.ask(0, 50)
    await turns()
    expect(world.upstreams).toHaveLength(1)
    expect(world.upstreams[0]).not.toBe(first)
    world.reply(0, 50, 1)
    await turns()
    expect([...world.outcomes.values()].flat().filter((outcome) => outcome === 'reply')).toHaveLength(50)
    await world.proxy.close()
  })
})

const bed = new Bed()
afterEach(() => bed.close())

it('1,000 requests in flight with an id of 8 bits, over a few connections: each gets its own reply', async () => {
  const server = await bed.server('a')
  const held: (() => void)[] = []
  server.handle = (frame: GameFrame, socket) => {
    held.push(() => server.answer(frame, socket))
    if (held.length < 1000) return
    // In an order of its own.
    for (let i = 0; held.length > 0; i += 7) held.splice(i % held.length, 1)[0]!()
  }
  const { protocols, ...rest } = gameConfiguration({
    routes: [{ name: 'game', routes: [byId(1, 'a')] }],
    clusters: [{ name: 'a', localities: endpoints(server.port), balancer: { kind: 'roundRobin' } }],
  })
  const proxy = await bed.proxy({ ...rest, protocols: [{ name: 'game', layout: narrowGame('u8') }] })
  const clients = Array.from({ length: 10 }, () => bed.client(proxy))
  for (const [i, client] of clients.entries())
    for (let seq = 0; seq < 100; seq++) client.send({ msgid: 1, seq, body: `${i}-${seq}` })
  await Promise.all(clients.map((client) => client.receive(100)))
  for (const [i, client] of clients.entries()) {
    expect(client.frames.map(({ seq, body }) => `${seq} ${body}`).sort()).toEqual(
      Array.from({ length: 100 }, (_, seq) => `${seq} a:${i}-${seq}`).sort(),
    )
  }
  expect(server.connections).toBe(6)
  expect(proxy.engine.requests.used).toBe(0)
})
