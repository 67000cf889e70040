import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import type { ClusterConfig, Configuration, ListenerConfig, MessageRoute } from '../../../dataplane/configuration.ts'
import { MessageProxy } from '../../../dataplane/proxy.ts'
import { takeStats } from '../../../dataplane/stats/prometheus.ts'
import type { HostPool } from '../../../dataplane/upstream/pool.ts'
import { RateLimitResponse_Code as Code } from '../../../proto/gen/envoy/service/ratelimit/v3/rls_pb.ts'
import { type Certificate, testCa } from '../../helpers/certificates.ts'
import { until } from '../../helpers/eventually.ts'
import { Bed, byId, encode, endpoints, GameClient, type GameServer, gameConfiguration } from '../game.ts'
import { LimitService } from '../limit-service.ts'
import { collectGarbage } from './heap.ts'

/** What a round's names hold, by which they are known in the heap. */
export const mark = (round: number) => `zz${round}zz`

/** The layout of a protocol with a login, different in each round. */
const layout = (round: number) => ({
  frame: { length: { at: 0, type: 'u8', counts: 'all' } },
  message: {
    kind: [
      { is: 'handshake', when: { role: 1, command: 1 } },
      { is: 'request', when: { role: 1 } },
      { is: 'response', when: { role: 2 } },
    ],
    id: { at: 3, type: 'u8' },
  },
  fields: {
    role: { at: 1, type: 'u8', writable: false },
    command: { at: 2, type: 'u8' },
    // No mark: V8 remembers names of properties in the code it makes.
    [`who${round}`]: { at: 4, type: 'str', size: 'rest' },
  },
  reply: { error: 'close' },
  connections: ['bound'],
})
const loginFrame = (role: number, command: number, id: number) => Buffer.from([4, role, command, id])

/**
 * A living proxy, and rounds each of which brings listeners, protocols, routes, clusters, hosts, certificates and clients that were never there before, and
 * takes them away again. One client of each mode stays through all of them.
 */
export class Churn {
  readonly #bed = new Bed()
  readonly #folder = mkdtempSync(join(tmpdir(), 'churn-'))
  readonly #proxy = new MessageProxy({ drainGraceMs: 0, look: async () => [{ address: '127.0.0.1', family: 4 }] })
  readonly #limits = new LimitService()
  #server!: GameServer
  #mute!: GameServer
  #loginPort = 0
  #refusing = 0
  #collector = ''
  #taken = ''
  #certificate!: Certificate
  #ca = ''
  #standing: readonly GameClient[] = []
  /** Things of rounds that are over; they go when nothing holds them. */
  #passing: WeakRef<object>[] = []

  async start(): Promise<void> {
    const bed = this.#bed
    bed.defer(() => rmSync(this.#folder, { recursive: true }))
    bed.defer(() => this.#proxy.close())
    this.#server = await bed.server('a')
    this.#server.keep = false
    this.#mute = await bed.server('mute')
    this.#mute.mute = true
    this.#mute.keep = false
    const { server: login, port } = await listening((socket) =>
      socket.on('data', (chunk) => socket.write(loginFrame(2, chunk[2]!, chunk[3]!))),
    )
    bed.defer(() => void login.close())
    this.#loginPort = port
    const refusing = await listening(() => undefined)
    this.#refusing = refusing.port
    refusing.server.close()
    const spans = createHttpServer((request, response) => request.resume().on('end', () => response.end('{}')))
    await once(spans.listen(0, '127.0.0.1'), 'listening')
    bed.defer(() => void spans.close())
    this.#collector = `http://127.0.0.1:${(spans.address() as AddressInfo).port}`
    // Node keeps a few hundred of what was fetched.
    performance.setResourceTimingBufferSize(0)
    // A service that does not say which of several descriptors is over.
    await this.#limits.listen(bed)
    this.#limits.answer = () => {
      this.#limits.requests.length = 0
      return { overallCode: Code.OVER_LIMIT }
    }
    // Somebody listens on this path already.
    this.#taken = join(this.#folder, 'taken')
    const taken = createServer()
    await once(taken.listen(this.#taken), 'listening')
    bed.defer(() => void taken.close())
    const ca = await testCa()
    this.#ca = ca.cert
    this.#certificate = await ca.issue('game', { dns: ['game.local'] })
    await this.#apply(this.#configuration([]))
    this.#standing = ['shared', 'bound', 'exclusive'].map((mode) => bed.client(this.#proxy, mode))
    for (const client of this.#standing) await client.ask({ msgid: 1, seq: 1 })
  }

  stop(): Promise<void> {
    return this.#bed.close()
  }

  /** What there should be of each class. */
  get expected(): Readonly<Record<string, number>> {
    const { clusters, listeners, engine } = this.#proxy
    const hosts = [...clusters.values()].flatMap((one) => one.hosts)
    const pools = hosts.flatMap((host) => [...host.pools.values()] as HostPool[])
    const connections = pools.reduce((sum, { all }) => sum + all.size, 0)
    return {
      Cluster: clusters.size,
      Host: hosts.length,
      HostPool: pools.length,
      UpstreamConnection: connections,
      // Of each connection on either side.
      FrameReader: connections + listeners.reduce((sum, { clients }) => sum + clients.size, 0),
      ListenerRuntime: listeners.length,
      Acceptor: listeners.length,
      ActiveRequest: engine.requests.capacity,
      Limiter: 0,
      TokenBucket: 0,
      Session: 0,
      Tracer: 0,
      AccessLog: 0,
      TLSSocket: 0,
    }
  }

  /** Files of logs that are open, where the system tells. */
  get openLogs(): readonly string[] {
    const open = '/proc/self/fd'
    if (!existsSync(open)) return []
    // Not the one by which this is read.
    const paths = readdirSync(open).map((fd) => join(open, fd))
    return paths
      .flatMap((path) => (existsSync(path) ? readlinkSync(path) : []))
      .filter((path) => path.startsWith(join(this.#folder, 'log_')))
  }

  async #apply(configuration: Configuration, wrong = 0): Promise<void> {
    const problems = await this.#proxy.apply(configuration)
    if (problems.length !== wrong) throw new Error(JSON.stringify(problems))
  }

  /** What is always there, and what is there in some rounds. */
  #configuration(rounds: readonly Partial<Configuration>[]): Configuration {
    const game = gameConfiguration({}).listeners[0]!
    const standing = (['shared', 'bound', 'exclusive'] as const).map((mode) => ({ ...game, name: mode, mode }))
    const [table, ...tables] = rounds.flatMap(({ routes }) => routes ?? [])
    return {
      version: rounds.length > 0 ? 'round' : 'rest',
      protocols: [{ name: 'game', shipped: 'game' }, ...rounds.flatMap(({ protocols }) => protocols ?? [])],
      listeners: [...standing, ...rounds.flatMap(({ listeners }) => listeners ?? [])],
      routes: [{ name: 'game', routes: [byId(1, 'a'), ...(table?.routes ?? [])] }, ...tables],
      clusters: [cluster('a', this.#server.port), ...rounds.flatMap(({ clusters }) => clusters ?? [])],
    }
  }

  #parts(round: number): Partial<Configuration> {
    const name = mark(round)
    const [a, mute, login, mirror, down, named, limits] = [
      'a',
      'mute',
      'login',
      'mirror',
      'down',
      'named',
      'limits',
    ].map((kind) => `${kind}_${name}`) as [string, string, string, string, string, string, string]
    const route = (id: number, to: string, more: Partial<MessageRoute['action']> = {}): MessageRoute => ({
      ...byId(id, to, more),
      name: `route_${id}_${name}`,
    })
    const tokens = { maxTokens: 1000, tokensPerFill: 1, fillIntervalMs: 1000 }
    const entries = [{ key: `key_${name}`, field: 'uid' }]
    const routes: MessageRoute[] = [
      route(2, a, { rateLimits: [{ name, ...tokens, per: ['uid'] }], mirrors: [{ cluster: mirror, percent: 100 }] }),
      route(3, mute, { timeoutMs: 0 }),
      route(4, a, { fault: { delay: { percent: 100, ms: 60_000 } } }),
      route(5, down, { retry: { attempts: 2, on: ['connectFailure'], baseIntervalMs: 1 } }),
      route(6, named, { hashKeys: [{ field: 'uid' }, { sourceIp: true }] }),
      route(7, mute, { mode: 'exclusive' }),
      route(8, mute, { mode: 'bound', retry: { attempts: 1, idempotent: true, on: ['timeout'], perTryTimeoutMs: 1 } }),
      route(9, a, { globalRateLimits: [{ domain: name, cluster: limits, timeoutMs: 5000, sets: [[{ entries }]] }] }),
    ]
    const game = gameConfiguration({}).listeners[0]!
    const of = (kind: string, more: Partial<ListenerConfig>): ListenerConfig => ({
      ...game,
      name: `${kind}_${name}`,
      statPrefix: `stat_${kind}_${name}`,
      routes: `table_${name}`,
      requestTimeoutMs: 200,
      ...more,
    })
    const tls = { certificate: this.#certificate.cert, privateKey: this.#certificate.key, alpn: [name] }
    const accessLog = { path: join(this.#folder, `log_${name}`), sampling: 100, fields: ['uid'] }
    const match = [{ field: 'command', ranges: [{ first: 0n, last: 9n }] }]
    return {
      protocols: [{ name: `protocol${name}`, layout: layout(round) }],
      listeners: [
        of('game', { mode: 'shared', accessLog, tracing: { endpoint: `${this.#collector}/${name}`, sampling: 100 } }),
        of('tls', { tls }),
        of('proxy', { proxyProtocol: true }),
        of('unix', { address: { path: join(this.#folder, `unix_${name}`) } }),
        of('taken', { address: { path: this.#taken }, accessLog }),
        of('login', { protocol: `protocol${name}`, routes: `login_${name}`, mode: 'bound' }),
      ],
      routes: [
        // Those of the clients that stay.
        { name: 'game', routes },
        { name: `table_${name}`, routes: [byId(1, a), ...routes], rateLimits: [{ name, ...tokens, per: ['uid'] }] },
        {
          name: `login_${name}`,
          routes: [{ name, match, action: { destinations: [{ cluster: login, weight: 1 }] } }],
        },
      ],
      clusters: [
        cluster(a, this.#server.port, {
          statName: `stat_${a}`,
          localities: [{ region: name, zone: name, weight: 3, endpoints: this.#twoHosts(this.#server.port, round) }],
          localityWeighted: true,
          circuitBreakers: { default: { retryBudget: { percent: 50, minRetryConcurrency: 1 } } },
          connections: { minPerHost: 1 },
        }),
        cluster(mute, this.#mute.port),
        cluster(login, this.#loginPort),
        cluster(mirror, this.#server.port),
        cluster(down, this.#refusing, { outlierDetection: { consecutiveErrors: 1, maxEjectionPercent: 100 } }),
        cluster(named, this.#server.port, {
          balancer: { kind: 'maglev', tableSize: 13 },
          localities: [{ endpoints: [{ address: { host: `${name}.invalid`, port: this.#server.port } }] }],
          names: { family: 'all', refreshMs: 60_000, retryMs: { base: 60_000, max: 60_000 } },
        }),
        cluster(limits, this.#limits.port),
      ],
    }
  }

  /** The same server under two addresses, one of them never used before. */
  #twoHosts(port: number, round: number) {
    return ['127.0.0.1', `127.1.${round >> 8}.${round & 255}`].map((host) => ({ address: { host, port } }))
  }

  /** Everything of one round comes, is used by clients that leave in all ways, and goes while some of them are still there. */
  async round(round: number): Promise<void> {
    const parts = this.#parts(round)
    await this.#apply(this.#configuration([parts]), 1)
    const name = mark(round)
    const at = (kind: string) => (this.#proxy.address(`${kind}_${name}`) as { port: number }).port
    const own = `127.2.${round >> 8}.${round & 255}`
    const raw = (kind: string) => connect({ port: at(kind), host: '127.0.0.1', localAddress: own, noDelay: true })

    for (const client of this.#standing)
      for (const msgid of [2, 5, 6, 9]) await client.ask({ msgid, seq: msgid, uid: BigInt(round) })
    const client = new GameClient(at('game'))
    for (const msgid of [1, 2, 5, 6, 9]) await client.ask({ msgid, seq: msgid, uid: BigInt(round) })
    const byPath = new Promise<void>((resolve) => {
      const socket = connect({ path: join(this.#folder, `unix_${name}`) })
      socket.on('data', () => socket.destroy()).on('close', () => resolve())
      socket.write(encode({ msgid: 1, seq: 1 }))
    })
    const secure = connectTls({ port: at('tls'), ca: this.#ca, servername: 'game.local', ALPNProtocols: [name] })
    secure.write(encode({ msgid: 1, seq: 1 }))
    await once(secure, 'data')
    await byPath
    const login = raw('login')
    login.write(loginFrame(1, 1, 1))
    await once(login, 'data')
    login.write(loginFrame(1, 2, 2))
    await once(login, 'data')

    // Some leave at once, some half way through what they had to say, and some with all they asked for still open.
    const leaves = [raw('game'), raw('tls'), raw('proxy'), raw('login')]
    leaves.push(...this.#said(raw('game'), encode({ msgid: 1, seq: 1 }).subarray(0, 10)))
    leaves.push(...this.#said(raw('tls'), Buffer.from('160301', 'hex')))
    leaves.push(...this.#said(raw('proxy'), Buffer.from('PROXY TCP4 10.0')))
    leaves.push(...this.#said(raw('login'), loginFrame(1, 1, 1)))
    for (const msgid of [3, 4, 7, 8]) leaves.push(...this.#said(raw('game'), encode({ msgid, seq: 1 })))
    const half = connect({ port: at('game'), host: '127.0.0.1', allowHalfOpen: true })
    half.on('error', () => undefined)
    half.end(encode({ msgid: 8, seq: 1 }))
    await Promise.all([...leaves, half].map((socket) => once(socket, 'connect')))
    // The proxy has heard them all: this comes after them on the same loop.
    await client.ask({ msgid: 1, seq: 99 })
    takeStats(this.#proxy)
    const passing = [...this.#proxy.clusters.values(), ...this.#proxy.listeners].filter((one) =>
      one.name.includes(name),
    )
    this.#passing.push(...passing.map((one) => new WeakRef(one)))
    // A reset: of an end alone nobody can tell whether the client still waits for its replies.
    for (const socket of leaves) socket.resetAndDestroy()
    login.destroy()
    secure.destroy()
    if (round % 2 === 0) client.close()
    await this.#apply(this.#configuration([]))
    for (const stays of this.#standing) await stays.ask({ msgid: 1, seq: round + 1000 })
    client.close()
    half.destroy()
    for (const stays of this.#standing) stays.frames.length = 0
  }

  /** Waits until what came and went is gone; the clients that stay have gone on to another cluster. */
  async rest(round: number): Promise<void> {
    const name = `rest${round}`
    await this.#apply(
      this.#configuration([
        { routes: [{ name: 'game', routes: [byId(2, name)] }], clusters: [cluster(name, this.#server.port)] },
      ]),
    )
    for (const stays of this.#standing) await stays.ask({ msgid: 2, seq: 1 })
    const held = () => {
      collectGarbage()
      this.#passing = this.#passing.filter((one) => one.deref())
      return this.#passing.map((one) => (one.deref() as { readonly name: string } | undefined)?.name)
    }
    await until(held, ({ length }) => length === 0, { what: 'nothing holds what rounds have left', everyMs: 200 })
  }

  #said(socket: Socket, bytes: Buffer): Socket[] {
    socket.on('error', () => undefined)
    socket.write(bytes)
    return [socket]
  }
}

function cluster(name: string, port: number, more: Partial<ClusterConfig> = {}): ClusterConfig {
  return { name, localities: endpoints(port), balancer: { kind: 'roundRobin' }, ...more }
}

async function listening(each: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    each(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { server, port: (server.address() as { port: number }).port }
}
