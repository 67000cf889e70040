import { afterEach, describe, expect, it } from 'vitest'
import type { ConnectionMode } from '../../codecs/contract.ts'
import type { Configuration } from '../../dataplane/configuration.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, byId, endpoints, type GameClient, GameServer, gameConfiguration, Kind } from './game.ts'

const bed = new Bed()
afterEach(() => bed.close())

/** A small generator of numbers, so that a failing run can be repeated. */
function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const CONNECTIONS = Number(process.env['MESHGATE_LEDGER_CONNECTIONS'] ?? 50)
/** In the suite a mode that takes a connection for each request gets fewer; `npm run bench:ledger` gives all the same. */
const LONG = process.env['MESHGATE_LEDGER_MESSAGES']
const MESSAGES = Number(LONG ?? 50_000)
/** Requests of a connection in flight; few where each takes a connection, or the machine does nothing but connect. */
const WINDOW = { shared: 8, bound: 8, exclusive: 2 } as const

interface Account {
  sent: number
  replied: number
  errors: number
  closed: number
  wrong: string[]
}

/** Sends `count` requests, never more than the window at once, and keeps book. A connection that is closed is replaced. */
async function run(
  connect: () => GameClient,
  count: number,
  name: string,
  account: Account,
  window: number,
): Promise<void> {
  let left = count
  let seq = 0
  while (left > 0) {
    const client = connect()
    const open = new Map<number, string>()
    let seen = 0
    const fill = () => {
      while (left > 0 && open.size < window && !client.closed) {
        const id = seq++
        const body = `${name}/${id}`
        open.set(id, body)
        account.sent++
        left--
        client.send({ msgid: 1 + (id % 3), seq: id, uid: BigInt(id), body })
      }
    }
    fill()
    await client.until(() => {
      for (; seen < client.frames.length; seen++) {
        const frame = client.frames[seen]!
        const body = open.get(frame.seq)
        if (body === undefined) account.wrong.push(`${name}: reply for ${frame.seq}, which is not open`)
        else if ((frame.flags & 0x80) !== 0) account.errors++
        else if (frame.kind === Kind.response && String(frame.body).endsWith(`:${body}`)) account.replied++
        else account.wrong.push(`${name}: ${frame.seq} got ${frame.body}`)
        open.delete(frame.seq)
      }
      fill()
      return client.closed || (left === 0 && open.size === 0)
    })
    account.closed += open.size
    client.close()
  }
}

/** A server ends with all its connections and comes back at its old place a little later. */
async function die(server: GameServer): Promise<void> {
  const { port } = server
  await server.close()
  await new Promise((resolve) => setTimeout(resolve, 30))
  await server.listen(port)
}

describe.each(['shared', 'bound', 'exclusive'] satisfies ConnectionMode[])('ledger, %s', (mode) => {
  it('every request has exactly one outcome while upstreams are killed, leave the configuration and come back', {
    timeout: LONG ? 3_600_000 : 240_000,
  }, async () => {
    const next = random(20_260_000 + mode.length)
    const servers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => new GameServer(name).listen()))
    bed.defer(() => Promise.all(servers.map((server) => server.close())))
    for (const server of servers) {
      server.keep = false
      server.handle = (frame, socket) => {
        const draw = next()
        if (draw < 0.002) return // never answered
        if (draw < 0.004) {
          server.answer(frame, socket)
          server.answer(frame, socket) // answered twice
        } else if (draw < 0.02)
          setTimeout(() => server.answer(frame, socket), next() * 800) // some of them too late
        else server.answer(frame, socket)
      }
    }
    const configuration = (version: number): Configuration => {
      const live = servers.filter((_, i) => version === 0 || next() < 0.7 || i === version % 4)
      const cluster = (name: string, hosts: readonly GameServer[]) => ({
        name,
        localities: endpoints(...hosts.map(({ port }) => port)),
        balancer: { kind: 'roundRobin' as const },
        circuitBreakers: { default: { maxRequests: 5000, maxPendingRequests: 5000, maxConnections: 500 } },
      })
      return gameConfiguration({
        version: String(version),
        listener: { mode, requestTimeoutMs: 400 },
        routes: [
          {
            name: 'game',
            routes: [byId(1, 'x'), byId(2, version % 5 === 4 ? 'gone' : 'y'), byId(3, version % 2 ? 'x' : 'y')],
          },
        ],
        clusters: [cluster('x', live), cluster('y', live.slice(0, 2))],
      })
    }
    const proxy = await bed.proxy(configuration(0))
    const { port } = proxy.address('game') as { port: number }
    const account: Account = { sent: 0, replied: 0, errors: 0, closed: 0, wrong: [] }
    let done = false
    let version = 2
    const chaos = async () => {
      while (!done) {
        await new Promise((resolve) => setTimeout(resolve, 20))
        const draw = next()
        const victim = servers[Math.floor(next() * servers.length)]!
        if (draw < 0.25) victim.cut()
        else if (draw < 0.3) await die(victim)
        else if (draw < 0.9) await proxy.apply(configuration(version++))
      }
    }
    const chaotic = chaos()
    const each = Math.ceil((mode === 'shared' || LONG ? MESSAGES : MESSAGES * 0.4) / CONNECTIONS)
    await Promise.all(
      Array.from({ length: CONNECTIONS }, (_, i) => run(() => bed.client(proxy), each, `c${i}`, account, WINDOW[mode])),
    )
    done = true
    await chaotic
    expect(port).toBe((proxy.address('game') as { port: number }).port)
    expect(account.wrong).toEqual([])
    expect(account.sent).toBe(each * CONNECTIONS)
    expect(account.replied + account.errors + account.closed).toBe(account.sent)
    // How many are in time is the machine's matter.
    expect(account.replied).toBeGreaterThan(0)
    // Nothing stays behind: neither counts nor slots.
    for (const server of servers) server.cut()
    await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
    for (const cluster of proxy.clusters.values()) {
      expect(cluster.breakers[0]).toMatchObject({ requests: 0, pending: 0, retries: 0 })
      expect(cluster.hosts.every(({ active }) => active === 0)).toBe(true)
    }
    process.stderr.write(`ledger ${mode}: ${JSON.stringify({ ...account, versions: version })}\n`)
  })
})
