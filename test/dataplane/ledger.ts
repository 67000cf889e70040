import type { ConnectionMode } from '../../codecs/contract.ts'
import type { Configuration } from '../../dataplane/configuration.ts'
import { MessageProxy } from '../../dataplane/proxy.ts'
import { C, L } from '../../dataplane/stats/counters.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { byId, endpoints, GameClient, GameServer, gameConfiguration, Kind, narrowGame } from './game.ts'
import { CANCEL } from './parts.ts'

export interface LedgerOptions {
  readonly mode: ConnectionMode
  /** Width of the id, where it is not the game protocol's own u32. */
  readonly id?: 'u8' | 'u16'
  /** Clients end one request in 25 themselves, at once or while its reply is on its way. */
  readonly cancels?: boolean
  readonly connections: number
  /** Requests of all connections together. */
  readonly messages: number
  /** Requests of a connection in flight. */
  readonly window: number
  /** The proxy's; a third of the answers that are late come after it. */
  readonly requestTimeoutMs: number
  readonly seed: number
  /** Called about once every five seconds. */
  readonly progress?: (account: Account) => void
}

/** What became of the requests: `sent` is the sum of `replied`, `errors`, `cancelled` and `closed`. */
export interface Account {
  readonly mode: ConnectionMode
  sent: number
  /** Answered by a server, with the answer to this very request. */
  replied: number
  /** Error replies by reason, of the proxy's own making. */
  readonly errors: Record<number, number>
  /** Ended by the client; nothing came behind that. */
  cancelled: number
  /** Open when the connection of the client was closed. */
  closed: number
  /** Replies nobody waited for, second ones, and those to other requests: none is right. */
  readonly wrong: string[]
  /** Where the proxy's counters say something else than the clients and servers saw. */
  readonly miscounted: string[]
  /** A server ended with all its connections and came back at its place. */
  kills: number
  /** One connection of a server was reset. */
  cuts: number
  configurations: number
  /** Requests that a server did not answer in time, on purpose. */
  slow: number
  /** That the proxy opened. */
  upstreamConnections: number
  seconds: number
}

export function outcomes({ replied, errors, cancelled, closed }: Account): number {
  return replied + errorReplies(errors) + cancelled + closed
}

export function errorReplies(errors: Account['errors']): number {
  return Object.values(errors).reduce((sum, count) => sum + count, 0)
}

/** A small generator of numbers, so that a run can be repeated as far as the machine allows. */
function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/**
 * Keeps book of many requests through one proxy while upstreams are killed, single connections cut, endpoints and routes taken away
 * and brought back, and some answers late, double or missing. Harm is paced by messages, not by time: on a busy machine the same
 * share of requests meets it. @throws when something stays behind in the proxy.
 */
export async function keepLedger(options: LedgerOptions): Promise<Account> {
  const { mode, connections, messages, window, requestTimeoutMs } = options
  const account: Account = {
    mode,
    sent: 0,
    replied: 0,
    errors: {},
    cancelled: 0,
    closed: 0,
    wrong: [],
    miscounted: [],
    kills: 0,
    cuts: 0,
    configurations: 0,
    slow: 0,
    upstreamConnections: 0,
    seconds: 0,
  }
  const next = random(options.seed)
  const servers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => new GameServer(name).listen()))
  for (const server of servers) misbehave(server, next, requestTimeoutMs, account)
  const proxy = new MessageProxy()
  const started = performance.now()
  let done = false
  const report = setInterval(() => options.progress?.(elapsed()), 5000)
  const elapsed = () =>
    Object.assign(account, {
      upstreamConnections: servers.reduce((sum, server) => sum + server.connections, 0),
      seconds: Math.round((performance.now() - started) / 100) / 10,
    })
  try {
    const problems = await proxy.apply(configuration(options, servers, next, 0))
    if (problems.length > 0) throw new Error(JSON.stringify(problems))
    const { port } = proxy.address('game') as { port: number }

    /** Resolves when so many more requests have their outcome; all at the end. */
    const after = async (count: number) => {
      const until = outcomes(account) + count
      while (!done && outcomes(account) < until) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const pick = () => servers[Math.floor(next() * servers.length)]!
    const inFlight = connections * window
    const swap = async () => {
      while (!done) {
        await after(Math.max(1000, inFlight))
        await proxy.apply(configuration(options, servers, next, ++account.configurations))
      }
    }
    const cut = async () => {
      for (await after(inFlight * 8); !done; await after(inFlight * 8)) {
        const [socket] = [...pick().sockets].sort(() => next() - 0.5)
        if (socket) account.cuts++
        socket?.resetAndDestroy()
      }
    }
    const kill = async () => {
      for (await after(inFlight * 32); !done; await after(inFlight * 32)) {
        const victim = pick()
        account.kills++
        await victim.close()
        await after(inFlight * 2)
        await victim.listen(victim.port)
      }
    }
    const harm = [swap(), cut(), kill()]
    const share = (i: number) =>
      Math.floor(((i + 1) * messages) / connections) - Math.floor((i * messages) / connections)
    await Promise.all(
      Array.from({ length: connections }, (_, i) =>
        ask(() => new GameClient(port, { allowHalfOpen: true }), share(i), `c${i}`, window, account, {
          halfCloses: i % 3 === 0,
          ...(options.cancels && { cancels: next }),
        }),
      ),
    )
    done = true
    await Promise.all(harm)
    for (const server of servers) server.cut()
    await nothingIsLeft(proxy)
    account.miscounted.push(...differences(proxy, account))
    return elapsed()
  } finally {
    done = true
    clearInterval(report)
    await proxy.close()
    await Promise.all(servers.map((server) => server.close()))
  }
}

/** The code of error replies that servers make. */
const FAILED = 77

/** Of a thousand requests half a one is never answered, two are twice, five are refused, and ten late. */
function misbehave(server: GameServer, next: () => number, requestTimeoutMs: number, account: Account): void {
  server.keep = false
  server.handle = (frame, socket) => {
    const draw = next()
    const delay = draw < 0.0005 ? Number.POSITIVE_INFINITY : draw < 0.0105 ? next() * requestTimeoutMs * 1.5 : 0
    if (delay > requestTimeoutMs) account.slow++
    if (delay === Number.POSITIVE_INFINITY) return
    if (delay > 0) {
      setTimeout(() => server.answer(frame, socket), delay)
      return
    }
    if (draw > 0.99 && draw < 0.995) {
      const body = Buffer.alloc(4)
      body.writeUInt32BE(FAILED)
      server.answer(frame, socket, { flags: 0x80, body })
      return
    }
    server.answer(frame, socket)
    if (draw > 0.998) server.answer(frame, socket)
  }
}

/** Each version has other endpoints, and now and then no cluster for one route. Limits are above what clients can have in flight. */
function configuration(
  { mode, id, cancels, connections, window, requestTimeoutMs }: LedgerOptions,
  servers: readonly GameServer[],
  next: () => number,
  version: number,
): Configuration {
  const live = servers.filter((_, i) => version === 0 || next() < 0.7 || i === version % 4)
  const limit = connections * window * 4
  const cluster = (name: string, hosts: readonly GameServer[]) => ({
    name,
    localities: endpoints(...hosts.map(({ port }) => port)),
    balancer: { kind: 'roundRobin' as const },
    circuitBreakers: { default: { maxRequests: limit, maxPendingRequests: limit, maxConnections: limit } },
  })
  return gameConfiguration({
    version: String(version),
    ...((id || cancels) && { protocols: [{ name: 'game', layout: narrowGame(id ?? 'u32', cancels) }] }),
    listener: { mode, requestTimeoutMs },
    routes: [
      {
        name: 'game',
        routes: [
          byId(1, 'x'),
          byId(2, version % 20 === 19 ? 'gone' : 'y', {
            fault: { abort: { percent: 1 }, delay: { percent: 1, ms: 5 } },
          }),
          byId(3, version % 2 ? 'x' : 'y', {
            retry: { attempts: 2, idempotent: true, on: ['connectFailure', 'reset', 'error'] },
          }),
        ],
      },
    ],
    clusters: [cluster('x', live), cluster('y', live.slice(0, 2))],
  })
}

/**
 * Sends `count` requests, never more than the window at once, and keeps book. A connection that is closed is replaced.
 * With `halfCloses` a client says that nothing more will come with its last request, and hears the replies all the same; `cancels` draws
 * which requests it ends itself. A heartbeat behind that is answered in its turn: what comes for the request then is wrong.
 */
async function ask(
  connect: () => GameClient,
  count: number,
  name: string,
  window: number,
  account: Account,
  { halfCloses, cancels }: { readonly halfCloses: boolean; readonly cancels?: () => number },
): Promise<void> {
  let left = count
  let seq = 0
  while (left > 0) {
    const client = connect()
    const open = new Map<number, string>()
    /** To be ended when the next frame has come. */
    const ending: number[] = []
    const end = (id: number) => {
      client.send({ kind: CANCEL, seq: id })
      client.send({ kind: Kind.heartbeat, seq: id })
    }
    const fill = () => {
      while (left > 0 && open.size < window && !client.closed) {
        const id = seq++
        const body = `${name}/${id}`
        open.set(id, body)
        account.sent++
        left--
        client.send({ msgid: 1 + (id % 3), seq: id, uid: BigInt(id), body })
        // Who has ended its side can say nothing more.
        const draw = left === 0 ? 1 : (cancels?.() ?? 1)
        if (draw < 0.02) end(id)
        else if (draw < 0.04) ending.push(id)
        if (halfCloses && left === 0) client.socket.end()
      }
    }
    fill()
    await client.until(() => {
      for (const frame of client.frames.splice(0)) {
        const body = open.get(frame.seq)
        if (frame.kind === Kind.heartbeat) {
          if (body !== undefined) account.cancelled++
        } else if (body === undefined) account.wrong.push(`${name}: reply for ${frame.seq}, which is not open`)
        else if ((frame.flags & 0x80) !== 0) {
          const code = frame.body.readUInt32BE(0)
          account.errors[code] = (account.errors[code] ?? 0) + 1
        } else if (frame.kind === Kind.response && String(frame.body).endsWith(`:${body}`)) account.replied++
        else account.wrong.push(`${name}: ${frame.seq} got ${frame.body}`)
        open.delete(frame.seq)
      }
      if (!client.closed && left > 0) for (const id of ending.splice(0)) if (open.has(id)) end(id)
      fill()
      return client.closed || (left === 0 && open.size === 0)
    })
    account.closed += open.size
    client.close()
  }
}

/**
 * What the counters of a settled proxy say otherwise than the account, in words. Every request that was read was replied to, refused, ended by its client or closed with
 * that; where no client was closed, those are the client's own numbers, and what servers answered is what was completed.
 */
function differences(proxy: MessageProxy, account: Account): string[] {
  const found: string[] = []
  const same = (what: string, counted: number, seen: number) => {
    if (counted !== seen) found.push(`${what}: ${counted} counted, ${seen} seen`)
  }
  const [listener] = proxy.listeners
  const down = (name: keyof typeof L) => listener!.counters[L[name]]!
  const up = (name: keyof typeof C) =>
    [...proxy.clusters.values()].reduce((sum, { counters }) => sum + counters[C[name]]!, 0)
  const outcomes =
    down('downstream_rq_replied') +
    down('downstream_rq_error_replied') +
    down('downstream_rq_cancelled') +
    down('downstream_rq_closed')
  same('outcomes of requests that were read', outcomes, down('downstream_rq_total'))
  if (account.closed > 0) return found
  same('requests', down('downstream_rq_total'), account.sent)
  same('replies', down('downstream_rq_replied'), account.replied)
  same('error replies', down('downstream_rq_error_replied'), errorReplies(account.errors))
  same('ended by clients', down('downstream_rq_cancelled'), account.cancelled)
  same('completed', up('upstream_rq_completed'), account.replied + (account.errors[FAILED] ?? 0))
  const refused = down('downstream_rq_no_route') + down('downstream_rq_fault_aborted')
  if (up('upstream_rq_total') + refused < account.replied) found.push('fewer were sent than replied to')
  return found
}

/** @throws when slots of requests or counts of breakers and hosts do not come back to nothing. */
async function nothingIsLeft(proxy: MessageProxy): Promise<void> {
  await comesTrue(() => proxy.engine.requests.used === 0, 'no slot in use')
  for (const { config, breakers, hosts } of proxy.clusters.values()) {
    for (const { requests, pending, retries } of breakers) {
      if (requests !== 0 || pending !== 0 || retries !== 0)
        throw new Error(`${config.name}: ${requests} requests, ${pending} pending, ${retries} retries are left`)
    }
    if (hosts.some(({ active }) => active !== 0)) throw new Error(`${config.name}: a host has requests in flight`)
  }
}
