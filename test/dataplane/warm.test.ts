import { afterEach, describe, expect, it } from 'vitest'
import type { Configuration, UpstreamConnections } from '../../dataplane/configuration.ts'
import { takeStats } from '../../dataplane/stats/prometheus.ts'
import { withoutDeleted } from '../../dataplane/stats/prune.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { Bed, byId, endpoints, type GameServer, gameConfiguration } from './game.ts'

const bed = new Bed()
afterEach(() => bed.close())

function config(servers: readonly GameServer[], connections: UpstreamConnections, more: Partial<Configuration> = {}) {
  return gameConfiguration({
    routes: [{ name: 'game', routes: [byId(1, 'a')] }],
    clusters: [
      {
        name: 'a',
        localities: endpoints(...servers.map(({ port }) => port)),
        balancer: { kind: 'roundRobin' },
        connections,
      },
    ],
    ...more,
  })
}

describe('connections held open', () => {
  it('are there before the first message, for endpoints that come later too, and again when they are lost', async () => {
    const [a, b] = [await bed.server('a'), await bed.server('b')]
    const proxy = await bed.proxy(config([a], { minPerHost: 2, idleTimeoutMs: 1 }))
    await comesTrue(() => a.sockets.size === 2, 'connections without a message')
    await proxy.apply(config([a, b], { minPerHost: 2, idleTimeoutMs: 1 }))
    await comesTrue(() => b.sockets.size === 2, 'connections to the endpoint that came')
    a.cut()
    await comesTrue(() => a.connections === 4 && a.sockets.size === 2, 'connections in place of those lost')
    const client = bed.client(proxy)
    for (let seq = 0; seq < 20; seq++) await client.ask({ msgid: 1, seq })
    expect([a.connections, b.connections]).toEqual([4, 2])
    // Two looks for idle ones pass: those held open are not idle.
    await new Promise((resolve) => setTimeout(resolve, 2200))
    expect([a.sockets.size, b.sockets.size]).toEqual([2, 2])
    expect(takeStats(proxy).counters['envoy_cluster_upstream_cx_idle_timeout{envoy_cluster_name="a"}']).toBe(0)
    await proxy.apply(config([b], { minPerHost: 2 }))
    await comesTrue(() => a.sockets.size === 0, 'the end of connections to an endpoint that left')
  })

  it('exclusive ones too; more are opened as messages need them', async () => {
    const a = await bed.server('a')
    const proxy = await bed.proxy(config([a], { minPerHost: 3 }, { listeners: listenersOf('exclusive') }))
    await comesTrue(() => a.sockets.size === 3, 'connections without a message')
    const client = bed.client(proxy)
    a.handle = () => undefined
    for (let seq = 0; seq < 5; seq++) client.send({ msgid: 1, seq })
    await comesTrue(() => a.frames.length === 5)
    expect(a.connections).toBe(5)
  })

  it('bound connections belong to clients: none is opened for nobody', async () => {
    const a = await bed.server('a')
    const proxy = await bed.proxy(config([a], { minPerHost: 3 }, { listeners: listenersOf('bound') }))
    await bed.client(proxy).ask({ msgid: 1, seq: 1 })
    expect(a.connections).toBe(1)
  })
})

const listenersOf = (mode: 'exclusive' | 'bound') =>
  gameConfiguration({}).listeners.map((listener) => ({ ...listener, mode }))

describe('priority', () => {
  it('messages of high priority have circuit breakers of their own', async () => {
    const a = await bed.server('a')
    a.handle = () => undefined
    const base = config([a], {})
    const proxy = await bed.proxy({
      ...base,
      routes: [{ name: 'game', routes: [byId(1, 'a'), byId(2, 'a', { priority: 'high' })] }],
      clusters: base.clusters.map((cluster) => ({
        ...cluster,
        circuitBreakers: { default: { maxRequests: 1 }, high: { maxRequests: 2 } },
      })),
    })
    const client = bed.client(proxy)
    for (const [seq, msgid] of [1, 1, 2, 2, 2].entries()) client.send({ msgid, seq })
    await client.receive(2)
    expect(client.frames.map(({ seq }) => seq).sort()).toEqual([1, 4])
    await comesTrue(() => a.frames.length === 3)
    expect(a.frames.map(({ msgid }) => msgid)).toEqual([1, 2, 2])
  })
})

describe('metrics of what was deleted', () => {
  const routeKeys = (counters: Readonly<Record<string, number>>) =>
    Object.keys(counters).flatMap((key) => /^meshgate_route_rq_total\{table="game",route="(.*)"\}/.exec(key)?.[1] ?? [])

  it('routes and clusters leave the metrics with the configuration, and come back with it', async () => {
    const a = await bed.server('a')
    const both = config([a], {}, { routes: [{ name: 'game', routes: [byId(1, 'a'), byId(2, 'a')] }] })
    const one = config([a], {}, { routes: [{ name: 'game', routes: [both.routes[0]!.routes[1]!] }] })
    const proxy = await bed.proxy(both)
    const client = bed.client(proxy)
    for (const msgid of [1, 2]) await client.ask({ msgid, seq: msgid })
    expect(routeKeys(takeStats(proxy).counters)).toEqual(['1', '2'])
    await proxy.apply(one)
    expect(routeKeys(takeStats(proxy).counters)).toEqual(['2'])
    await proxy.apply(both)
    await client.ask({ msgid: 1, seq: 3 })
    const { counters } = takeStats(proxy)
    expect(counters['meshgate_route_rq_total{table="game",route="1"}']).toBe(2)
    await proxy.apply({ ...one, clusters: [] })
    expect(Object.keys(takeStats(proxy).counters).filter((key) => key.startsWith('envoy_cluster'))).toEqual([])
  })

  it('what workers that ended have counted leaves with it too', async () => {
    const a = await bed.server('a')
    const both = config([a], {}, { routes: [{ name: 'game', routes: [byId(1, 'a'), byId(2, 'a')] }] })
    const proxy = await bed.proxy(both)
    const client = bed.client(proxy)
    for (const msgid of [1, 2, 9]) await client.ask({ msgid, seq: msgid })
    const past = takeStats(proxy)
    expect(withoutDeleted(past, both)).toEqual(past)
    const left = withoutDeleted(past, config([a], {}))
    expect(routeKeys(left.counters)).toEqual(['1'])
    expect(left.counters['envoy_listener_downstream_rq_total{envoy_listener_address="game"}']).toBe(3)
    expect(Object.keys(withoutDeleted(past, { ...both, clusters: [] }).counters).join()).not.toContain('envoy_cluster')
  })
})
