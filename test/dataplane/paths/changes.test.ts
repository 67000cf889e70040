import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ClusterConfig, Configuration } from '../../../dataplane/configuration.ts'
import type { ListenerRuntime } from '../../../dataplane/listen/listener.ts'
import { encode } from '../game.ts'
import { holdClock, jump, pass, TICK_MS, turns } from './clock.ts'
import { EditedMesh } from './mesh.ts'
import { type Player, Subject } from './subject.ts'
import { Deed } from './upstreams.ts'

let release = () => {}
let subject: Subject
beforeEach(async () => {
  release = await holdClock()
  subject = new Subject()
})
afterEach(async () => {
  await subject.stop()
  release()
})

const cluster = (more: Partial<ClusterConfig> = {}, hosts = ['10.0.0.1']): ClusterConfig => ({
  name: 'c',
  balancer: { kind: 'roundRobin' },
  localities: [{ endpoints: hosts.map((host) => ({ address: { host, port: 1 } })) }],
  ...more,
})

function configuration(clusters: readonly ClusterConfig[], more: Partial<Configuration> = {}): Configuration {
  return {
    version: '1',
    protocols: [{ name: 'p', shipped: 'game' }],
    listeners: [
      { name: 'l', address: { path: `\0changes-${process.pid}` }, protocol: 'p', routes: 't', mode: 'shared' },
    ],
    routes: [
      { name: 't', routes: [{ name: 'r', match: [], action: { destinations: [{ cluster: 'c', weight: 1 }] } }] },
    ],
    clusters,
    ...more,
  }
}

async function put(next: Configuration) {
  const problems = await subject.proxy.apply(next)
  await turns(4)
  return problems
}

const listener = (): ListenerRuntime => subject.proxy.listeners.find(({ draining }) => !draining)!
const open = () => [...subject.upstreams.open.values()].map(({ host, how }) => `${host} ${how}`).sort()

async function ask(player: Player, deed: number = Deed.answer) {
  player.send(encode({ msgid: 1, seq: 1, body: Buffer.of(deed) }))
  await turns(8)
  return player.replies().map((reply) => reply[7])
}

describe('a cluster that changes', () => {
  const held = { connections: { minPerHost: 1 } }

  it('to TLS: connections in plain text take no more requests', async () => {
    await put(configuration([cluster()]))
    const player = subject.player(listener())
    expect(await ask(player)).toEqual([0])
    await put(configuration([cluster({ tls: { serverName: 'one.test', ca: 'a' } })]))
    expect(await ask(player)).toEqual([0])
    expect(open()).toEqual(['10.0.0.1:1 {"tls":{"serverName":"one.test","ca":"a"}}'])
  })

  it('its certificates: shared connections are replaced, those of a client stay until it goes', async () => {
    const by = (mode: 'shared' | 'bound', ca: string) => {
      const all = configuration([cluster({ tls: { serverName: 'one.test', ca } })])
      return { ...all, listeners: all.listeners.map((one) => ({ ...one, mode })) }
    }
    await put(by('bound', 'a'))
    const player = subject.player(listener())
    await ask(player)
    await put(by('bound', 'b'))
    expect(await ask(player)).toEqual([0])
    expect(open()).toEqual(['10.0.0.1:1 {"tls":{"serverName":"one.test","ca":"a"}}'])
    await put(by('shared', 'b'))
    await ask(player)
    await put(by('shared', 'c'))
    await ask(player)
    expect(open()).toEqual([
      '10.0.0.1:1 {"tls":{"serverName":"one.test","ca":"a"}}',
      '10.0.0.1:1 {"tls":{"serverName":"one.test","ca":"c"}}',
    ])
  })

  it('its limit of errors in a row below what a host has: the host is ejected all the same', async () => {
    const detecting = (consecutiveErrors: number) =>
      configuration([cluster({ outlierDetection: { consecutiveErrors, maxEjectionPercent: 100 } })])
    await put(detecting(10))
    const player = subject.player(listener())
    for (let n = 0; n < 5; n++) await ask(player, Deed.error)
    await put(detecting(3))
    const [host] = subject.proxy.clusters.get('c')!.hosts
    await ask(player, Deed.error)
    expect(host!.ejected).toBe(false)
    for (let n = 0; n < 2; n++) await ask(player, Deed.error)
    expect(host!.ejected).toBe(true)
  })

  it('connections held open are let go when no route leads there any more, and when the host is draining', async () => {
    await put(configuration([cluster(held, ['10.0.0.1', '10.0.0.2'])]))
    expect(open()).toEqual(['10.0.0.1:1 {}', '10.0.0.2:1 {}'])
    const [first, second] = cluster(held, ['10.0.0.1', '10.0.0.2']).localities[0]!.endpoints
    await put(
      configuration([cluster({ ...held, localities: [{ endpoints: [first!, { ...second!, health: 'draining' }] }] })]),
    )
    await jump()
    expect(open()).toEqual(['10.0.0.1:1 {}'])
    await put(configuration([cluster(held)], { routes: [{ name: 't', routes: [] }] }))
    await jump()
    expect(open()).toEqual([])
  })

  describe('its limit of connections below what is open', () => {
    const limited = (maxConnections: number, mode: 'shared' | 'exclusive' | 'bound') => {
      const circuitBreakers = { default: { maxConnections } }
      const all = configuration([cluster({ ...held, circuitBreakers }, ['10.0.0.1', '10.0.0.2', '10.0.0.3'])])
      return { ...all, listeners: all.listeners.map((one) => ({ ...one, mode })) }
    }

    it.each(['shared', 'exclusive'] as const)('%s: those nobody uses go, the last ones first', async (mode) => {
      await put(limited(10, mode))
      expect(open()).toEqual(['10.0.0.1:1 {}', '10.0.0.2:1 {}', '10.0.0.3:1 {}'])
      await put(limited(2, mode))
      expect(open()).toEqual(['10.0.0.1:1 {}', '10.0.0.2:1 {}'])
      await put(limited(2, mode))
      expect(open()).toEqual(['10.0.0.1:1 {}', '10.0.0.2:1 {}'])
    })

    it('shared: a host keeps the last connection that is used, and none ends with a request in flight', async () => {
      await put(limited(10, 'shared'))
      const player = subject.player(listener())
      for (let n = 0; n < 3; n++) await ask(player, Deed.silence)
      await put(limited(1, 'shared'))
      expect(open()).toEqual(['10.0.0.1:1 {}', '10.0.0.2:1 {}', '10.0.0.3:1 {}'])
    })

    it('exclusive: those in use go with their replies, but for one a host', async () => {
      await put(limited(10, 'exclusive'))
      const players = Array.from({ length: 6 }, () => subject.player(listener()))
      for (const player of players) await ask(player, Deed.silence)
      expect(open()).toHaveLength(6)
      await put(limited(4, 'exclusive'))
      const { hosts } = subject.proxy.clusters.get('c')!
      const taking = () => hosts.map(({ pools }) => [...pools.values()].reduce((sum, pool) => sum + pool.taking, 0))
      expect(taking()).toEqual([2, 1, 1])
      expect(open()).toHaveLength(6)
      await put(limited(1, 'exclusive'))
      expect(taking()).toEqual([1, 1, 1])
    })

    it('bound: those of clients stay', async () => {
      await put(limited(10, 'bound'))
      const players = Array.from({ length: 3 }, () => subject.player(listener()))
      for (const player of players) await ask(player)
      await put(limited(1, 'bound'))
      expect(open()).toHaveLength(3)
    })
  })

  it('connections held open are let go when its routes give each client connections of its own', async () => {
    const by = (mode: 'shared' | 'bound') => {
      const all = configuration([cluster(held)])
      return { ...all, listeners: all.listeners.map((one) => ({ ...one, mode })) }
    }
    await put(by('shared'))
    expect(open()).toEqual(['10.0.0.1:1 {}'])
    await put(by('bound'))
    await jump()
    expect(open()).toEqual([])
  })

  it('connections of a protocol that is another now are let go, and its pools with them', async () => {
    await put(configuration([cluster(held)]))
    await put(configuration([cluster(held)], { protocols: [{ name: 'p', shipped: 'thrift' }] }))
    await jump()
    expect(open()).toEqual(['10.0.0.1:1 {}'])
    const [host] = subject.proxy.clusters.get('c')!.hosts
    expect([...host!.pools.keys()].map(({ name }) => name)).toEqual(['thrift'])
  })
})

describe('a listener that changes', () => {
  it('to a protocol that is not there: it is said, and the listener goes on with the clusters there are', async () => {
    await put(configuration([cluster()]))
    const player = subject.player(listener())
    const wrong = configuration([cluster()])
    const problems = await put({
      ...wrong,
      listeners: wrong.listeners.map((one) => ({ ...one, protocol: 'none' })),
      clusters: [],
    })
    expect(problems).toEqual([{ kind: 'listener', name: 'l', message: 'there is no protocol "none"' }])
    await put({ ...wrong, listeners: wrong.listeners.map((one) => ({ ...one, protocol: 'none' })) })
    expect(await ask(player)).toEqual([0])
    // What is counted of its routes is still shown.
    expect([...subject.proxy.states.values()].find(({ name }) => name === 'r')?.stats.block).toBeDefined()
  })
})

describe('a listener that names another secret', () => {
  const mesh = new EditedMesh()
  /** What the control plane has when the first of the gateway's ports asks for a secret. */
  function secured(credentialName: string) {
    mesh.put(
      mesh.documents.map((one) => {
        if (one.kind !== 'Gateway') return one
        const [first, ...rest] = one.spec['servers'] as { port: object }[]
        const server = { ...first, port: { ...first!.port, protocol: 'TLS' }, tls: { mode: 'SIMPLE', credentialName } }
        return { ...one, spec: { servers: [server, ...rest] } }
      }),
    )
    return mesh.world()
  }
  const tellAll = () => subject.plane.tellAll()
  const waiting = () => subject.client.status().refused.map(({ name, reason }) => `${name}: ${reason}`)

  async function renamed(): Promise<ListenerRuntime> {
    subject.plane.world = secured('edge')
    await subject.client.start()
    await subject.settle(tellAll)
    const before = subject.proxy.listeners.find(({ config }) => config.tls)!
    subject.player(before)
    subject.plane.world = secured('other')
    // It is told of the listener, and has then asked for the secret, of which it is told nothing yet.
    tellAll()
    await subject.settle()
    return before
  }

  it('serves on as it was, and keeps its clients when the secret has come', async () => {
    const before = await renamed()
    const { tls } = before.config
    expect(waiting()).toEqual([`${before.name}: waits for kubernetes://other; it stays as it was until then`])
    expect(subject.proxy.listeners).toContain(before)
    await subject.settle(tellAll)
    expect(waiting()).toEqual([])
    expect(before.config.tls).not.toEqual(tls)
    expect([before.draining, before.clients.size, subject.proxy.listeners.includes(before)]).toEqual([false, 1, true])
  })

  it('is closed when its time is over, and opened with the secret', async () => {
    const before = await renamed()
    await pass(15_000 / TICK_MS + 1)
    await subject.settle()
    expect(waiting()).toEqual([`${before.name}: waits for kubernetes://other; it is not there until then`])
    expect(before.draining).toBe(true)
    const listener = `listener ${before.name} waits for kubernetes://other; it`
    expect(subject.warned).toEqual([`${listener} stays as it was until then`, `${listener} is not there until then`])
    await subject.settle(tellAll)
    expect(subject.proxy.listeners.find(({ name, draining }) => name === before.name && !draining)).toBeDefined()
  })
})

describe('what is refused', () => {
  const refused = () => subject.client.status().refused.map(({ type, name }) => `${type} ${name}`)

  it('is no longer told when a new stream has nothing against what is held', async () => {
    const world = new EditedMesh().world()
    subject.plane.world = world
    await subject.client.start()
    await subject.settle(() => subject.plane.tellAll())
    const [name, one] = [...world.cds][0]!
    subject.plane.world = { ...world, cds: new Map([[name, { ...one, version: 'bad', bytes: Uint8Array.of(0xff) }]]) }
    await subject.settle(() => subject.plane.tellAll())
    expect(refused()).toEqual([`cds ${name}`])
    subject.plane.world = world
    subject.plane.reconnect()
    await subject.settle(() => subject.plane.tellAll())
    expect(refused()).toEqual([])
  })

  it('for a protocol that has not come is no longer told when it came', async () => {
    const world = new EditedMesh().world()
    subject.plane.world = { ...world, pds: new Map() }
    await subject.client.start()
    await subject.settle(() => subject.plane.tellAll())
    expect(refused()).toEqual([...world.mlds.keys()].map((name) => `mlds ${name}`))
    subject.plane.world = world
    await subject.settle(() => subject.plane.tellAll())
    expect(refused()).toEqual([])
    expect(subject.proxy.listeners.length).toBe(world.mlds.size)
  })
})
