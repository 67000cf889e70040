import { readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { protocolFile } from '../../codecs/load.ts'
import { collector } from '../dataplane/collector.ts'
import { encode, GameClient, type GameServer } from '../dataplane/game.ts'
import { startControlPlane } from '../helpers/control-plane.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { freePort } from '../helpers/ports.ts'
import { Bed, gateway, managedProxy, msgRouter, NODE_ID, Relay, service } from './bed.ts'

let bed = new Bed()
afterEach(async () => {
  await bed.close()
  bed = new Bed()
})

async function client(port: number): Promise<GameClient> {
  const opened = new GameClient(port)
  bed.defer(() => opened.close())
  return opened
}

const text = (body: Buffer) => body.toString('utf8')
const hasRoute = (name: string) => (configuration: { routes: readonly { routes: readonly { name: string }[] }[] }) =>
  configuration.routes.some(({ routes }) => routes.some((route) => route.name === name))

describe('control plane and proxy', () => {
  it('a MsgRouter sends a message id to its service; other ids get an error reply', async () => {
    const [a, b] = [await bed.server('a'), await bed.server('b')]
    const port = await freePort()
    const plane = await startControlPlane(
      service('test.serviceA', 12345, [{ port: a.port }]) +
        service('test.serviceB', 12345, [{ port: b.port }]) +
        gateway(port) +
        msgRouter('one', 'msgid: 100000, svrName: test.serviceA, port: 12345') +
        msgRouter('two', 'msgid: 100001, svrName: test.serviceB, port: 12345'),
    )
    bed.defer(() => plane.stop())
    const managed = await managedProxy(bed, plane.port)
    await managed.inForce(hasRoute('two'))
    const game = await client(port)
    expect(text((await game.ask({ msgid: 100000, seq: 1, body: 'x' })).body)).toBe('a:x')
    expect(text((await game.ask({ msgid: 100001, seq: 2, body: 'y' })).body)).toBe('b:y')
    const refused = await game.ask({ msgid: 7, seq: 3, uid: 9n })
    expect({ error: refused.flags & 0x80, msgid: refused.msgid, uid: refused.uid }).toEqual({
      error: 0x80,
      msgid: 7,
      uid: 9n,
    })
    expect(managed.problems).toEqual([])
    await expect
      .poll(() => plane.server.status.clients()[0]?.types.map(({ type, state }) => [type, state]))
      .toEqual(expect.arrayContaining(['cds', 'eds', 'pds', 'mrds', 'mlds'].map((type) => [type, 'SYNCED'])))
  })

  it('a span of a message goes to the collector that the Mesh document names, in the trace its Protocol document finds', async () => {
    const a = await bed.server('a')
    const { endpoint, spans } = await collector(bed)
    const port = await freePort()
    const game = readFileSync(protocolFile('game'), 'utf8')
    const plane = await startControlPlane(`${service('test.serviceA', 12345, [{ port: a.port }])}
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {messages: {tracing: {endpoint: "${endpoint}", percentage: {value: 0}}}}
---
${game.replace('{name: game}', '{name: traced}').replace('spec:', 'spec:\n  trace: body')}
---${gateway(port).replace('game-edge', 'traced-edge')}${msgRouter('one', 'msgid: 100000, svrName: test.serviceA, port: 12345')}`)
    bed.defer(() => plane.stop())
    await (await managedProxy(bed, plane.port)).inForce(hasRoute('one'))
    const player = await client(port)
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
    const body = `00-${trace}-00f067aa0ba902b7-01`
    expect(text((await player.ask({ msgid: 100000, seq: 1, body })).body)).toBe(`a:${body}`)
    await comesTrue(() => spans.length === 1, 'a span')
    expect(spans[0]).toMatchObject({ traceId: trace, parentSpanId: '00f067aa0ba902b7' })
    expect(spans[0]!.attributes).toContainEqual({
      key: 'upstream_cluster',
      value: { stringValue: 'outbound|12345||test.servicea' },
    })
  })

  it('a service port named for the protocol is opened beside the workload and leads to the service', async () => {
    const a = await bed.server('a')
    const port = await freePort()
    const plane = await startControlPlane(service('test.serviceA', port, [{ port: a.port }]))
    bed.defer(() => plane.stop())
    const managed = await managedProxy(bed, plane.port)
    await managed.inForce(hasRoute('default'))
    expect(text((await (await client(port)).ask({ msgid: 5, body: 'q' })).body)).toBe('a:q')
  })

  it('a 50/50 shift by editing the YAML under load loses nothing and holds its share', async () => {
    const [v1, v2] = [await bed.server('v1'), await bed.server('v2')]
    const port = await freePort()
    const fixed =
      service('test.serviceA', 12345, [
        { port: v1.port, version: 'v1' },
        { port: v2.port, version: 'v2' },
      ]) + gateway(port)
    const all = fixed + msgRouter('shift', 'msgid: 100000, svrName: test.serviceA, subset: v1')
    const half =
      fixed +
      msgRouter(
        'shift',
        `msgid: 100000, route: [
        {destination: {host: test.serviceA, subset: v1}, weight: 50},
        {destination: {host: test.serviceA, subset: v2}, weight: 50}]`,
      )
    const plane = await startControlPlane(all)
    bed.defer(() => plane.stop())
    const managed = await managedProxy(bed, plane.port)
    await managed.inForce(hasRoute('shift'))

    const game = await client(port)
    let sent = 0
    let stop = false
    const load = (async () => {
      while (!stop) {
        for (let n = 0; n < 20; n++) game.send({ msgid: 100000, seq: ++sent, body: `${sent}` })
        await game.receive(sent)
      }
    })()
    await comesTrue(() => sent > 400)
    expect(v2.frames.length).toBe(0)

    await plane.apply(half)
    await managed.inForce((configuration) =>
      configuration.routes.some(({ routes }) => routes.some(({ action }) => action.destinations.length === 2)),
    )
    const before = { v1: v1.frames.length, v2: v2.frames.length }
    await comesTrue(() => v1.frames.length - before.v1 + v2.frames.length - before.v2 > 2000)
    const part = (v2.frames.length - before.v2) / (v1.frames.length - before.v1 + v2.frames.length - before.v2)
    // 2000 throws of a fair coin are further than 6 % off once in ten million.
    expect(part).toBeGreaterThan(0.44)
    expect(part).toBeLessThan(0.56)

    await plane.apply(all)
    stop = true
    await load
    expect(new Set(game.frames.map(({ seq }) => seq)).size).toBe(sent)
    expect(game.frames.every(({ flags, seq, body }) => flags === 0 && text(body).split(':')[1] === String(seq))).toBe(
      true,
    )
  })

  it('of many MsgRouters an edit reaches the proxy as one piece, and the others hold', async () => {
    const [a, b] = [await bed.server('a'), await bed.server('b')]
    const port = await freePort()
    const many = (moved: number) =>
      service('test.serviceA', 12345, [{ port: a.port }]) +
      service('test.serviceB', 12345, [{ port: b.port }]) +
      gateway(port) +
      Array.from({ length: 400 }, (_, i) =>
        msgRouter(`r${i}`, `msgid: ${1000 + i}, svrName: test.service${i === moved ? 'B' : 'A'}, port: 12345`),
      ).join('')
    const plane = await startControlPlane(many(-1))
    bed.defer(() => plane.stop())
    const managed = await managedProxy(bed, plane.port)
    await managed.inForce(hasRoute('r399'))
    const game = await client(port)
    expect(text((await game.ask({ msgid: 1200, seq: 1, body: 'x' })).body)).toBe('a:x')
    const before = managed.proxy.configuration.routes[0]!.routes
    await plane.apply(many(200))
    const { routes } = await managed.inForce((configuration) => configuration.routes[0]!.routes[200] !== before[200])
    // Routes of other pieces are the very objects they were: they came neither again nor were read again.
    const kept = routes[0]!.routes.filter((route, i) => route === before[i]).length
    expect(kept).toBeGreaterThan(100)
    expect(kept).toBeLessThan(400)
    for (const [seq, msgid, server] of [
      [2, 1199, 'a'],
      [3, 1200, 'b'],
      [4, 1201, 'a'],
      [5, 1399, 'a'],
    ] as const)
      expect(text((await game.ask({ msgid, seq, body: 'y' })).body)).toBe(`${server}:y`)
  })

  it('what the mesh says of message proxies, and what a DestinationRule says of a host, is in force', async () => {
    const a = await bed.server('a')
    const port = await freePort()
    const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: warm}
spec:
  host: test.serviceA
  trafficPolicy:
    loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 30s, minimumPercent: 20, aggression: 1.5}}
    outlierDetection: {consecutive5xxErrors: 3, interval: 5s}
---`
    const mesh = `
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec:
  messages:
    accessLog: {path: /dev/stderr, percentage: {value: 0.5}, fields: [msgid, uid], sampleErrors: true}
    maxConnections: 100
    maxRequestsPerConnection: 7
    bufferLimit: 65536
    idleTimeout: 0s
    frameTimeout: 3s
    requestTimeout: 4s
    upstream: {connectionsPerHost: 1, minConnections: 1, highPriority: {maxRequests: 7}, idleTimeout: 20s, heartbeat: {interval: 2s, timeout: 500ms, misses: 2}}
---`
    const edge = gateway(port).replace(
      'metadata: {name: edge}',
      'metadata: {name: edge, annotations: {meshgate.io/proxy-protocol: "true"}}',
    )
    const plane = await startControlPlane(
      mesh +
        rule +
        edge +
        service('test.serviceA', 12345, [{ port: a.port }]) +
        msgRouter('one', 'msgid: 1, svrName: test.serviceA, highPriority: true'),
    )
    bed.defer(() => plane.stop())
    const managed = await managedProxy(bed, plane.port)
    const { listeners, clusters, routes } = await managed.inForce(hasRoute('one'))
    expect(listeners[0]).toMatchObject({
      accessLog: { path: '/dev/stderr', sampling: 0.5, fields: ['msgid', 'uid'], errors: false },
      maxConnections: 100,
      maxRequestsPerConnection: 7,
      bufferLimitBytes: 65536,
      idleTimeoutMs: 0,
      frameTimeoutMs: 3000,
      requestTimeoutMs: 4000,
      proxyProtocol: true,
    })
    expect(routes[0]!.routes[0]!.action.priority).toBe('high')
    expect(clusters[0]).toMatchObject({
      balancer: { kind: 'roundRobin' },
      slowStart: { windowMs: 30_000, aggression: 1.5, minWeightPercent: 20 },
      outlierDetection: { consecutiveErrors: 3, intervalMs: 5000 },
      connections: { perHost: 1, minPerHost: 1, idleTimeoutMs: 20_000 },
      circuitBreakers: { high: { maxRequests: 7 } },
      heartbeat: { intervalMs: 2000, timeoutMs: 500, misses: 2 },
    })
    const game = await client(port)
    game.socket.write('PROXY TCP4 198.51.100.7 10.0.0.1 4000 7000\r\n')
    expect(text((await game.ask({ msgid: 1, body: 'x' })).body)).toBe('a:x')
  })

  it('a listener whose port is taken is told with the reason, blames no document, and is served once the port is free', async () => {
    const a = await bed.server('a')
    const [port, other] = [await freePort(), await freePort()]
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve))
    bed.defer(() => taken.close())
    const config = (at: number) => service('test.serviceA', 12345, [{ port: a.port }]) + gateway(at)
    const plane = await startControlPlane(config(other) + msgRouter('one', 'msgid: 1, svrName: test.serviceA'))
    bed.defer(() => plane.stop())
    const managed = await managedProxy(bed, plane.port)
    const listeners = () => plane.server.status.clients()[0]?.types.find(({ type }) => type === 'mlds')
    const state = () => listeners()?.state
    await comesTrue(() => state() === 'SYNCED', 'an ACK')
    // Resolves when all clients have what there is.
    const applied = plane.apply(config(port) + msgRouter('one', 'msgid: 1, svrName: test.serviceA'))
    await comesTrue(() => state() === 'NACK', 'a refusal')
    expect(listeners()?.nack?.message).toMatch(/^not in force yet, tried again: .*EADDRINUSE/)
    expect(managed.status().refused).toMatchObject([{ type: 'mlds', reason: expect.stringMatching(/EADDRINUSE/) }])
    // Another proxy, or this one started anew, gets it all the same.
    expect(plane.server.status.rejections()).toEqual([])
    await new Promise((resolve) => taken.close(resolve))
    await applied
    expect(text((await (await client(port)).ask({ msgid: 1, body: 'x' })).body)).toBe('a:x')
    expect(managed.status().refused).toEqual([])
  })

  it('a hash key keeps a player on one server, by the Maglev table of the cluster', async () => {
    const servers = [await bed.server('s0'), await bed.server('s1'), await bed.server('s2')]
    const port = await freePort()
    const plane = await startControlPlane(
      service(
        'test.serviceA',
        12345,
        servers.map((server) => ({ port: server.port })),
      ) +
        gateway(port) +
        msgRouter('hash', 'msgid: "1-9", svrName: test.serviceA, hashKey: uid'),
    )
    bed.defer(() => plane.stop())
    const managed = await managedProxy(bed, plane.port)
    const configuration = await managed.inForce(hasRoute('hash'))
    expect(configuration.clusters.map(({ balancer }) => balancer.kind)).toEqual(['maglev'])
    const game = await client(port)
    const seen = new Map<bigint, Set<string>>()
    for (let n = 0; n < 240; n++) {
      const uid = BigInt(n % 24)
      const reply = await game.ask({ msgid: 1 + (n % 9), seq: n + 1, uid, body: '' })
      seen.set(uid, (seen.get(uid) ?? new Set()).add(text(reply.body)))
    }
    expect([...seen.values()].map(({ size }) => size)).toEqual(Array(24).fill(1))
    expect(new Set([...seen.values()].flatMap((names) => [...names])).size).toBeGreaterThan(1)
  })

  it('a resource the proxy cannot use is refused with the reason, shown in the status, and the old one goes on', async () => {
    const a = await bed.server('a')
    const port = await freePort()
    const good = service('test.serviceA', 12345, [{ port: a.port }]) + gateway(port)
    const plane = await startControlPlane(good + msgRouter('one', 'msgid: 1, svrName: test.serviceA'))
    bed.defer(() => plane.stop())
    const managed = await managedProxy(bed, plane.port)
    await managed.inForce(hasRoute('one'))
    const game = await client(port)
    expect(text((await game.ask({ msgid: 1, seq: 1, body: 'x' })).body)).toBe('a:x')

    // The test's loader does not check documents, so that the proxy is the one to refuse.
    plane.commit(good + msgRouter('one', 'msgid: 1, svrName: test.serviceA, match: [{body: {regex: "("}}]'))
    await comesTrue(() => managed.status().refused.length > 0, 'a refusal')
    expect(managed.status().refused[0]).toMatchObject({ type: 'mrds', name: `game.${port}.127.0.0.1` })
    expect(managed.status().refused[0]!.reason).toMatch(/routes\[0\] "one"\.match\.fields\[1\]\.regex: /)
    const nack = () =>
      plane.server.status
        .clients()
        .flatMap(({ types }) => types)
        .find(({ type }) => type === 'mrds')?.nack
    await comesTrue(() => nack() !== undefined, 'a NACK in the status')
    expect(nack()!.message).toContain(`message route table(s) game.${port}.127.0.0.1: `)
    expect(text((await game.ask({ msgid: 1, seq: 2, body: 'z' })).body)).toBe('a:z')

    plane.commit(good + msgRouter('repaired', 'msgid: 1, svrName: test.serviceA'))
    await managed.inForce(hasRoute('repaired'))
    expect(managed.status().refused).toEqual([])
  })

  it('goes on while the control plane is gone and takes what changed when it is back', async () => {
    const [a, b] = [await bed.server('a'), await bed.server('b')]
    const port = await freePort()
    const world = (server: GameServer) => service('test.serviceA', 12345, [{ port: server.port }]) + gateway(port)
    const rule = msgRouter('one', 'msgid: 1, svrName: test.serviceA')
    const first = await startControlPlane(world(a) + rule)
    const relay = new Relay(first.port)
    bed.defer(() => relay.close())
    const managed = await managedProxy(bed, await relay.listen())
    await managed.inForce(hasRoute('one'))
    const game = await client(port)
    relay.lead(undefined)
    await first.stop()
    await comesTrue(() => !managed.status().connected, 'the loss of the stream')
    expect(text((await game.ask({ msgid: 1, seq: 1, body: 'x' })).body)).toBe('a:x')

    const second = await startControlPlane(world(b) + rule)
    bed.defer(() => second.stop())
    relay.lead(second.port)
    await managed.inForce(({ clusters }) =>
      JSON.stringify(clusters.map(({ localities }) => localities)).includes(`${b.port}`),
    )
    expect(text((await game.ask({ msgid: 1, seq: 2, body: 'y' })).body)).toBe('b:y')
  })

  it('starts from a saved copy without a control plane, and asks only for what differs', async () => {
    const folder = testFolder('proxy')
    const file = join(folder, 'config-cache')
    const a = await bed.server('a')
    const [port, xds] = [await freePort(), await freePort()]
    const yaml =
      service('test.serviceA', 12345, [{ port: a.port }]) +
      gateway(port) +
      msgRouter('one', 'msgid: 1, svrName: test.serviceA')
    const plane = await startControlPlane(yaml)
    const before = await managedProxy(bed, plane.port, { cacheFile: file })
    await before.inForce(hasRoute('one'))
    await before.client.stop()
    before.proxy.close()
    await plane.stop()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ node: NODE_ID })

    const after = await managedProxy(bed, xds, { cacheFile: file })
    await after.inForce(hasRoute('one'))
    expect(after.status()).toMatchObject({ source: 'saved', connected: false })
    const game = await client(port)
    expect(text((await game.ask({ msgid: 1, seq: 1, body: 'x' })).body)).toBe('a:x')
  })

  it('one-way messages are routed like requests', async () => {
    const a = await bed.server('a')
    const port = await freePort()
    const plane = await startControlPlane(
      service('test.serviceA', 12345, [{ port: a.port }]) +
        gateway(port) +
        msgRouter('one', 'msgid: [1, "5-7"], svrName: test.serviceA'),
    )
    bed.defer(() => plane.stop())
    await (await managedProxy(bed, plane.port)).inForce(hasRoute('one'))
    const game = await client(port)
    game.socket.write(encode({ kind: 3, msgid: 6, body: 'gone' }))
    await comesTrue(() => a.frames.some(({ kind, msgid }) => kind === 3 && msgid === 6), 'the message')
  })
})
