import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type {
  ClusterConfig,
  Configuration,
  ListenerConfig,
  OutlierDetection,
  RouteAction,
} from '../../dataplane/configuration.ts'
import { C } from '../../dataplane/stats/counters.ts'
import { encode } from './game.ts'
import { holdClock, pass, TICK_MS, turns } from './paths/clock.ts'
import { type Player, Subject } from './paths/subject.ts'
import { Deed } from './paths/upstreams.ts'

let release = () => {}
let subject: Subject
beforeEach(async () => {
  release = await holdClock()
  subject = new Subject()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await subject.stop()
  release()
})

async function serve(
  mode: NonNullable<ListenerConfig['mode']>,
  action: Partial<RouteAction> = {},
  more: Partial<ClusterConfig> = {},
  hosts = ['10.0.0.1'],
) {
  await subject.proxy.apply({
    version: '1',
    protocols: [{ name: 'game', shipped: 'game' }],
    listeners: [{ name: 'l', address: { path: `\0held-${process.pid}` }, protocol: 'game', routes: 't', mode }],
    routes: [
      {
        name: 't',
        routes: [{ name: 'r', match: [], action: { destinations: [{ cluster: 'c', weight: 1 }], ...action } }],
      },
    ],
    clusters: [
      {
        name: 'c',
        balancer: { kind: 'roundRobin' },
        localities: [{ endpoints: hosts.map((host) => ({ address: { host, port: 1 } })) }],
        ...more,
      },
    ],
  })
  const cluster = subject.proxy.clusters.get('c')!
  return { cluster, host: cluster.hosts[0]!, player: subject.player(subject.proxy.listeners[0]!) }
}

async function ask(player: Player, deed: number = Deed.answer, seq = 1): Promise<void> {
  player.send(encode({ msgid: 1, seq, body: Buffer.of(deed) }))
  await turns(8)
}

/** Ticks until the player has an answer. */
async function ticksTo(player: Player): Promise<number> {
  for (let ticks = 0; ticks < 1000; ticks++) {
    if (player.replies().length > 0) return ticks
    await pass(1)
  }
  return Number.POSITIVE_INFINITY
}

const detects = (outlierDetection: OutlierDetection) => ({
  outlierDetection: { maxEjectionPercent: 100, ...outlierDetection },
})

describe('what counts against a host', () => {
  it('requests it does not answer in time', async () => {
    const { host, player } = await serve('shared', { timeoutMs: 160 }, detects({ consecutiveErrors: 2 }))
    for (const ejected of [false, true]) {
      await ask(player, Deed.silence)
      await ticksTo(player)
      expect(host.ejected).toBe(ejected)
    }
  })

  it('nothing, when a client leaves before its answer', async () => {
    const { host, cluster, player } = await serve('bound', {}, detects({ consecutiveErrors: 1 }))
    await ask(player, Deed.silence)
    player.leave()
    await turns(8)
    expect([host.errors, host.ejected]).toEqual([0, false])
    expect(cluster.counters[C.upstream_rq_cancelled]).toBe(1)
  })

  it.each([
    [true, [false, true]],
    [false, [true, true]],
  ])('failures of the network apart from error replies: %s', async (splitLocalErrors, ejected) => {
    const limits = { consecutiveErrors: 3, consecutiveLocalErrors: 2, splitLocalErrors }
    const { host, player } = await serve('shared', {}, detects(limits))
    const seen: boolean[] = []
    for (const deed of [Deed.error, Deed.error, Deed.close]) await ask(player, deed)
    seen.push(host.ejected)
    await ask(player, Deed.close)
    seen.push(host.ejected)
    expect(seen).toEqual(ejected)
  })
})

describe('a client with connections of its own', () => {
  it('stays with the host it came to first', async () => {
    const { player } = await serve('bound', {}, {}, ['10.0.0.1', '10.0.0.2', '10.0.0.3'])
    for (let n = 0; n < 6; n++) await ask(player)
    expect(new Set(subject.upstreams.arrived().map(({ host }) => host)).size).toBe(1)
  })
})

describe('a wait before a retry', () => {
  it('that is longer than the request may take ends with its time', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.9)
    const { player } = await serve('shared', {
      timeoutMs: 160,
      retry: { attempts: 1, idempotent: true, on: ['error'], baseIntervalMs: 3000 },
    })
    await ask(player, Deed.error)
    const ticks = await ticksTo(player)
    expect(ticks).toBeGreaterThan(8)
    expect(ticks).toBeLessThan(13)
  })
})

describe('a request between two tries', () => {
  const retry = { attempts: 3, idempotent: true, on: ['reset'], baseIntervalMs: 1000 } as const

  /** A proxy whose upstream has closed on a request; the next try is some ticks away. */
  async function waiting() {
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    const served = await serve('shared', { retry, timeoutMs: 60_000 })
    await ask(served.player, Deed.close)
    expect(subject.upstreams.arrived().map(({ host }) => host)).toEqual(['10.0.0.1:1'])
    expect(served.cluster.breakers[0].retries).toBe(1)
    return served
  }
  const change = async (more: Partial<Configuration>) => {
    const problems = await subject.proxy.apply({ ...subject.proxy.configuration, ...more })
    expect(problems).toEqual([])
  }

  it('goes to an endpoint that came meanwhile in place of the one that failed', async () => {
    const { cluster } = await waiting()
    const localities = [{ endpoints: [{ address: { host: '10.0.0.2', port: 1 } }] }]
    await change({ clusters: [{ ...cluster.config, localities }] })
    await pass(40)
    expect(subject.upstreams.arrived()[0]!.host).toBe('10.0.0.2:1')
  })

  it('has the tries of the route it came by, though that is another one now', async () => {
    const { cluster, player } = await waiting()
    const [table] = subject.proxy.configuration.routes
    const action = { destinations: [{ cluster: 'd', weight: 1 }] }
    await change({
      routes: [{ ...table!, routes: [{ name: 'r', match: [], action }] }],
      clusters: [cluster.config, { ...cluster.config, name: 'd' }],
    })
    expect(await ticksTo(player)).toBeLessThan(Number.POSITIVE_INFINITY)
    expect(subject.upstreams.arrived().map(({ host }) => host)).toEqual(['10.0.0.1:1', '10.0.0.1:1', '10.0.0.1:1'])
    expect(cluster.breakers[0]).toMatchObject({ requests: 0, pending: 0, retries: 0 })
    await ask(player)
    expect(subject.proxy.clusters.get('d')!.counters[C.upstream_rq_total]).toBe(1)
  })

  it('has its error as soon as its time comes when its cluster is gone, and leaves no count behind', async () => {
    const { cluster, player } = await waiting()
    await change({ clusters: [] })
    expect(await ticksTo(player)).toBeLessThan(40)
    expect(cluster.breakers[0]).toMatchObject({ requests: 0, pending: 0, retries: 0 })
    expect(subject.upstreams.arrived()).toEqual([])
    expect(subject.proxy.engine.requests.used).toBe(0)
  })
})

describe('a delay', () => {
  const delayed = (ms: number) => ({ fault: { delay: { percent: 100, ms } } })

  it('that is longer than the request may take ends with its time', async () => {
    const { player } = await serve('shared', { timeoutMs: 160, ...delayed(3000) })
    await ask(player)
    const ticks = await ticksTo(player)
    expect(ticks).toBeGreaterThan(8)
    expect(ticks).toBeLessThan(13)
    expect(subject.upstreams.arrived()).toEqual([])
  })

  it('that is shorter ends before, and what is sent then is what came, whatever was read meanwhile', async () => {
    const { player } = await serve('shared', { timeoutMs: 3000, ...delayed(160) })
    player.send(encode({ msgid: 1, seq: 1, body: Buffer.from([Deed.answer, ...Buffer.alloc(4000, 'a')]) }))
    // So much that memory is used again, were nobody to hold it.
    const other = subject.player(subject.proxy.listeners[0]!)
    for (let n = 0; n < 100; n++) {
      other.send(encode({ msgid: 1, seq: n + 2, body: Buffer.from([Deed.answer, ...Buffer.alloc(4000, 'b')]) }))
      await turns(2)
    }
    const ticks = await ticksTo(player)
    expect(ticks).toBeGreaterThan(8)
    expect(ticks).toBeLessThan(13)
    const frames = subject.upstreams.arrived().map(({ frame }) => frame.slice(-8000))
    expect([frames.length, frames.filter((frame) => frame === '61'.repeat(4000)).length]).toEqual([101, 1])
  })
})

describe('a host whose heartbeats go unanswered', () => {
  const heartbeat = { intervalMs: 10_000, timeoutMs: 160, misses: 1 }
  const seconds = (count: number) => pass(Math.ceil((count * 1000) / TICK_MS))

  async function silent(mode: 'shared' | 'bound') {
    const served = await serve(mode, {}, { heartbeat, connections: { idleTimeoutMs: 0 } })
    await ask(served.player)
    subject.upstreams.mute = true
    await seconds(14)
    expect(served.host.silent).toBe(true)
    return served
  }

  it('is asked on a connection of its own, once in an interval, until it answers', async () => {
    const { cluster, host } = await silent('shared')
    const before = cluster.counters[C.upstream_cx_total]!
    await seconds(40)
    expect(cluster.counters[C.upstream_cx_total]! - before).toBeGreaterThanOrEqual(3)
    expect(cluster.counters[C.upstream_cx_total]! - before).toBeLessThanOrEqual(4)
    subject.upstreams.mute = false
    await seconds(14)
    expect(host.silent).toBe(false)
  })

  it('is given another client after half a minute where connections belong to clients', async () => {
    const { cluster, host } = await silent('bound')
    const before = cluster.counters[C.upstream_cx_total]
    await seconds(25)
    expect(host.silent).toBe(true)
    await seconds(8)
    expect(host.silent).toBe(false)
    expect(cluster.counters[C.upstream_cx_total]).toBe(before)
  })

  it.each(['shared', 'bound'] as const)('%s: is back as soon as no heartbeats are wanted any more', async (mode) => {
    const { host, cluster } = await silent(mode)
    const { heartbeat: _, ...rest } = cluster.config
    await subject.proxy.apply({ ...subject.proxy.configuration, clusters: [rest] })
    await seconds(2)
    expect(host.silent).toBe(false)
  })
})

describe('requests that wait for a connection of their own', () => {
  it('go on when the only one there may be ends', async () => {
    const { player } = await serve('exclusive', {}, { circuitBreakers: { default: { maxConnections: 1 } } })
    const other = subject.player(subject.proxy.listeners[0]!)
    player.send(encode({ msgid: 1, seq: 1, body: Buffer.of(Deed.close) }))
    other.send(encode({ msgid: 1, seq: 2, body: Buffer.of(Deed.answer) }))
    await turns(16)
    expect(other.replies().map((reply) => reply[7])).toEqual([0])
  })

  it('have the connection of a client that left, whose request is not sent any more', async () => {
    const { player, cluster } = await serve('exclusive')
    subject.upstreams.refuse = 1
    const other = subject.player(subject.proxy.listeners[0]!)
    for (const one of [other, player]) one.send(encode({ msgid: 1, seq: 1, body: Buffer.of(Deed.answer) }))
    other.leave()
    await turns(16)
    expect(subject.upstreams.arrived()).toHaveLength(1)
    expect(cluster.counters[C.upstream_cx_connect_fail]).toBe(1)
    expect(player.replies().map((reply) => reply[7])).toEqual([0])
  })

  it('of a client that left, at a host that left: nothing is sent, and the connection that came for it ends', async () => {
    const { cluster, player } = await serve('exclusive')
    player.send(encode({ msgid: 1, seq: 1, body: Buffer.of(Deed.answer) }))
    player.leave()
    await subject.proxy.apply({ ...subject.proxy.configuration, clusters: [{ ...cluster.config, localities: [] }] })
    await turns(16)
    expect(subject.upstreams.arrived()).toEqual([])
    expect(subject.upstreams.open.size).toBe(0)
    expect(subject.proxy.engine.requests.used).toBe(0)
  })
})
