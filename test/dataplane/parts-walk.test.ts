import type { Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { random } from '../../codecs/mutated.ts'
import { L } from '../../dataplane/stats/counters.ts'
import { comesTrue, eventually } from '../helpers/eventually.ts'
import { Bed, codeOf, type GameClient, type GameFrame, Kind } from './game.ts'
import { CANCEL, MORE, partedConfiguration, partOf } from './parts.ts'

const bed = new Bed()
afterEach(() => bed.close())

/** A request at the server, and how many frames of its reply it has sent. */
interface Asked {
  readonly frame: GameFrame
  readonly socket: Socket
  said: number
}

const steps = 1500
const clientsAtOnce = 6
/** So few are open at a time that ids of 8 bits always do. */
const mostOpen = 60

/** What is wrong with the frames a client got for one request: numbers from 0 on, one end, nothing behind it. One that it ended itself may lack the end. */
function complaint(client: number, seq: number, frames: readonly GameFrame[], ended: boolean): string | undefined {
  for (const [n, frame] of frames.entries()) {
    const last = n === frames.length - 1
    if (codeOf(frame) !== undefined) return last ? undefined : 'more behind an error reply'
    const body = String(frame.body)
    if (body !== `${client}-${seq}:${n}`) return `frame ${n} is ${body}`
    if (((frame.flags & MORE) === 0) !== last && !(ended && last)) return last ? 'it has no end' : 'more behind its end'
  }
  return frames.length === 0 && !ended ? 'no outcome' : undefined
}

it.each([
  ['shared', 'u32'],
  ['shared', 'u8'],
  ['bound', 'u32'],
  ['exclusive', 'u32'],
] as const)(
  'whatever happens in whatever order, each request has one reply that is whole, or one error behind its beginning: %s, ids of %s',
  async (mode, id) => {
    const seed = Number(process.env['MESHGATE_SEED'] ?? Date.now() % 2 ** 31)
    const any = random(seed)
    const server = await bed.server('a')
    server.keep = false
    const asked: Asked[] = []
    server.handle = (frame, socket) => void asked.push({ frame, socket, said: 0 })
    const strange: string[] = []
    // Half of the requests that clients end are answered all the same. Of narrow ids all are: they are free with the last frame only.
    server.other = ({ seq, body }, socket) => {
      const at = asked.findIndex((one) => one.socket === socket && one.frame.seq === seq)
      if (at < 0) return
      if (String(asked[at]!.frame.body) !== String(body)) strange.push(`${asked[at]!.frame.body} ended as ${body}`)
      else if (id !== 'u8' && any(2) === 0) asked.splice(at, 1)
    }
    const retry = { attempts: 2, on: ['reset' as const], idempotent: true, baseIntervalMs: 1 }
    const proxy = await bed.proxy(partedConfiguration(server.port, mode, { timeoutMs: 150, retry }, { id }))
    interface Walker {
      readonly name: number
      readonly socket: GameClient
      sent: number
      /** Requests it ended. */
      readonly ended: Set<number>
    }
    const clients: Walker[] = []
    let names = 0
    const join = () => clients.push({ name: names++, socket: bed.client(proxy), sent: 0, ended: new Set() })
    for (let n = 0; n < clientsAtOnce; n++) join()
    const say = (one: Asked, more: boolean) => {
      if (one.socket.writable) one.socket.write(partOf(one.frame, `${one.frame.body}:${one.said++}`, more))
    }
    const end = (n: number) => say(asked.splice(n, 1)[0]!, false)
    for (let step = 0; step < steps; step++) {
      const dice = any(1000)
      if (dice < 300 && proxy.engine.requests.used < mostOpen) {
        const client = clients[any(clients.length)]!
        const seq = ++client.sent
        client.socket.send({ msgid: 1 + any(2), seq, body: `${client.name}-${seq}` })
      } else if (dice < 800) {
        if (asked.length > 0) say(asked[any(asked.length)]!, true)
      } else if (dice < 950) {
        if (asked.length > 0) end(any(asked.length))
      } else if (dice < 990) {
        const client = clients[any(clients.length)]!
        const seq = client.sent - any(10)
        if (seq > 0 && !client.ended.has(seq)) {
          client.ended.add(seq)
          client.socket.send({ kind: CANCEL, seq, body: `${client.name}-${seq}` })
          client.socket.send({ kind: Kind.heartbeat, seq })
        }
      } else if (dice < 995) {
        const sockets = [...server.sockets]
        sockets[any(Math.max(1, sockets.length))]?.resetAndDestroy()
      } else {
        clients.splice(any(clients.length), 1)[0]!.socket.socket.resetAndDestroy()
        join()
      }
      if (any(3) === 0) await new Promise(setImmediate)
    }
    await eventually(() => {
      // Requests are still on their way to the server, tries of failed ones, too.
      while (asked.length > 0) end(0)
      for (const { name, socket, sent, ended } of clients) {
        expect(socket.closed, `seed ${seed}`).toBe(false)
        for (let seq = 1; seq <= sent; seq++) {
          const all = socket.frames.filter((frame) => frame.seq === seq)
          const frames = all.filter(({ kind }) => kind !== Kind.heartbeat)
          if (ended.has(seq))
            expect(all.at(-1)?.kind, `client ${name}, behind the end of ${seq}, seed ${seed}`).toBe(Kind.heartbeat)
          expect(
            complaint(name, seq, frames, ended.has(seq)),
            `client ${name}, request ${seq}, seed ${seed}`,
          ).toBeUndefined()
        }
      }
    })
    await comesTrue(() => {
      while (asked.length > 0) end(0)
      return proxy.engine.requests.used === 0
    }, `nothing stays behind, seed ${seed}`)
    expect(strange, `seed ${seed}`).toEqual([])
    const down = (name: keyof typeof L) => proxy.listeners[0]!.counters[L[name]]!
    const outcomes = ['replied', 'error_replied', 'cancelled', 'closed'] as const
    expect(
      outcomes.reduce((sum, name) => sum + down(`downstream_rq_${name}`), 0),
      `every request has one outcome, seed ${seed}`,
    ).toBe(down('downstream_rq_total'))
    expect(down('downstream_rq_cancelled'), `seed ${seed}`).toBeGreaterThan(0)
    expect(proxy.clusters.get('a')!.breakers[0]).toMatchObject({ requests: 0, pending: 0, retries: 0 })
  },
)
