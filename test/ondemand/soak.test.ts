import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import type { XdsServer } from '../../controlplane/ads/index.ts'
import { OnDemandMemory, type Usage } from '../../controlplane/ondemand/index.ts'
import { ask } from '../envoy/http-mesh.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { configObjects } from '../helpers/objects.ts'
import { freePort } from '../helpers/ports.ts'
import { seedFor } from '../helpers/repeat.ts'
import { type Plane, startLazyEnvoy, startPlane } from './bed.ts'
import { ChangingWorld, randomOf } from './changing-world.ts'
import { ENVOY_MINOR } from './envoy-minor.ts'

/** `npm run soak:ondemand` sets these; the suite runs a short version. */
const REQUESTS = Number(process.env['MESHGATE_SOAK_REQUESTS'] ?? 300)
const SERVICES = Number(process.env['MESHGATE_SOAK_SERVICES'] ?? 40)
const SEED = Number(process.env['MESHGATE_SEED'] ?? 20_261)
const RUNS = Number(process.env['MESHGATE_SOAK_RUNS'] ?? 4)

/** Whether virtual hosts come on demand too. */
const HOSTS = process.env['MESHGATE_SOAK_VIRTUAL_HOSTS'] === 'true'

const logger = { info: () => {}, warn: () => {} }
/** Everybody reports that nothing was ever used: whatever can go, goes at each sweep. */
const unused: Usage = { reporting: () => true, lastUsed: () => 0 }
const newMemory = () => new OnDemandMemory({ usage: unused, idleMs: () => 1, logger })

let upstreams: readonly Upstream[]
beforeAll(async () => {
  upstreams = await Promise.all(['one', 'two', 'three'].map((name) => startEcho(name)))
})

test(`${REQUESTS} requests over ${SERVICES} services, with evictions, splits, renames, moves and control planes that die: none fails but cold ones while it is dead and until it is in step again`, {
  timeout: 60_000 + REQUESTS * 200,
}, async ({ task }) => {
  const seed = seedFor(task, SEED)
  const random = randomOf(seed)
  const world = new ChangingWorld(SERVICES, upstreams)
  const port = await freePort()
  let memory = newMemory()
  let plane: Plane | undefined = await startPlane(world.objects(), { port, memory })
  const envoy = await startLazyEnvoy(port, { metadata: { LAZY_VIRTUAL_HOSTS: HOSTS } })
  const counts = { sent: 0, evicted: 0, changes: 0, restarts: 0, whileDead: 0 }
  const failed: unknown[] = []
  let next = 0
  let deaths = 0
  // Requests may all be over before anything was let go: then there are more of them.
  const goesOn = () => next < REQUESTS || counts.evicted === 0
  const worker = async () => {
    while (goesOn()) {
      next++
      const index = random(SERVICES)
      const [before, wasDead] = [deaths, !plane]
      const started = Date.now()
      const { status, body } = await ask(envoy.httpPort, world.host(index))
      counts.sent++
      if (status === 200) continue
      if (wasDead || !plane || deaths !== before) counts.whileDead++
      else failed.push({ index, status, body, waitedMs: Date.now() - started, at: new Date().toISOString() })
    }
  }
  const happen = async () => {
    const what = random(100)
    if (what < 30) counts.evicted += plane ? memory.sweep(plane.server.lazyProxies()) : 0
    else if (what < 92) {
      counts.changes++
      const index = random(SERVICES)
      if (what < 50) world.move(index)
      else if (what < 65) world.rename(index)
      else if (what < 85) world.toggleSplit(index)
      else world.update()
      plane?.commit(world.objects())
    } else if (plane) {
      counts.restarts++
      deaths++
      const dying = plane
      plane = undefined
      await dying.stop()
      await sleep(random(300))
      // Every other one has forgotten everything.
      if (random(2) === 0) memory = newMemory()
      plane = await startPlane(world.objects(), { port, memory })
      const { server } = plane
      // Until it has told its routes a name that went just before the other died is unknown to everybody.
      await comesTrue(() => inStep(server), 'Envoy is back and in step', { withinMs: 60_000 })
      deaths++
    }
    await sleep(20 + random(60))
  }
  const events = (async () => {
    while (goesOn()) await happen()
  })()
  await Promise.all([...Array.from({ length: 4 }, worker), events])
  process.stdout.write(`soak: ${JSON.stringify({ ...counts, failed: failed.length, seed })}\n`)
  expect(failed).toEqual([])
  expect(await envoy.rejected()).toEqual({})
  expect(counts.evicted).toBeGreaterThan(0)
  await plane?.server.stop()
})

/** Hosts that begin with each other, and one of two ports: where a table looks clusters up by prefix these could be taken for each other. */
const NEAR = ['near.test', 'near.test.more', 'near.test.more.svc', 'near.tester', 'reviews.default', 'reviews']
const near = () =>
  NEAR.map((host, index) => serviceAt(host, [upstreams[index % upstreams.length]!])).join('') +
  `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ports}
spec:
  hosts: [ports.test]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}, {number: 8080, name: http-more, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, ports: {http: ${upstreams[0]!.port}, http-more: ${upstreams[1]!.port}}}]
`
const NEAR_AUTHORITIES = [
  ...NEAR.flatMap((host) => [host, `${host}:80`, host.toUpperCase()]),
  ...['reviews.default.svc', 'reviews.default.svc:80', 'reviews.default.svc.cluster.local', 'reviews.default.sv'],
  ...['ports.test', 'ports.test:80', 'Ports.test:8080', 'ports.test:8081', 'near.test:8080', 'near.tes', 'near.test.'],
]

test.each([
  ['each virtual host by itself', undefined],
  ['virtual hosts that are alike in one from two on', 2],
])(
  'for any sequence of requests, changes and evictions an Envoy that gets clusters on demand, and one that gets virtual hosts too, answer as one that has everything: %s',
  {
    timeout: 300_000,
  },
  async (_, sharesFrom) => {
    const count = 8
    const world = new ChangingWorld(count, upstreams)
    const memory = newMemory()
    const others = configObjects(near())
    const objects = () => new Map([...world.objects(), ...others])
    const plane = await startPlane(objects(), { memory, ...(sharesFrom !== undefined && { sharesFrom }) })
    const eager = await startLazyEnvoy(plane.port, { name: 'eager-0', metadata: { LAZY: false } })
    const lazy = [
      await startLazyEnvoy(plane.port, { name: 'lazy-0' }),
      await startLazyEnvoy(plane.port, { name: 'lazier-0', metadata: { LAZY_VIRTUAL_HOSTS: true } }),
    ]
    const settled = () => comesTrue(() => inStep(plane.server), 'in step')
    const expectSame = async (host: string, parts: readonly ('status' | 'upstream')[]) => {
      const ofEager = await ask(eager.httpPort, host)
      for (const { httpPort } of lazy) {
        const ofLazy = await ask(httpPort, host)
        for (const part of parts) expect(ofLazy[part], `${part} of ${host}`).toBe(ofEager[part])
      }
    }
    const index = fc.nat(count - 1)
    const step = fc.oneof(
      { weight: 4, arbitrary: index.map((at) => ({ kind: 'ask', at }) as const) },
      { weight: 4, arbitrary: index.map((at) => ({ kind: 'askService', at }) as const) },
      { weight: 4, arbitrary: fc.nat(NEAR_AUTHORITIES.length - 1).map((at) => ({ kind: 'askNear', at }) as const) },
      { weight: 1, arbitrary: index.map((at) => ({ kind: 'move', at }) as const) },
      { weight: 1, arbitrary: index.map((at) => ({ kind: 'rename', at }) as const) },
      { weight: 1, arbitrary: index.map((at) => ({ kind: 'toggleSplit', at }) as const) },
      { weight: 2, arbitrary: fc.constant({ kind: 'evict', at: 0 } as const) },
      { weight: 1, arbitrary: fc.constant({ kind: 'unknown', at: 0 } as const) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        for (const { kind, at } of steps) {
          if (kind === 'ask' || kind === 'askService' || kind === 'askNear' || kind === 'unknown') {
            const host = {
              ask: world.host(at),
              askService: world.service(at),
              askNear: NEAR_AUTHORITIES[at]!,
              unknown: 'nobody.test',
            }[kind]
            // Which side of a split answers is chance.
            await expectSame(host, kind === 'ask' && world.isSplit(at) ? ['status'] : ['status', 'upstream'])
          } else {
            await plane.after(() => {
              if (kind === 'evict') memory.sweep(plane.server.lazyProxies())
              else {
                world[kind](at)
                plane.commit(objects())
              }
            })
            await settled()
          }
        }
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    )
    for (const host of NEAR_AUTHORITIES) await expectSame(host, ['status', 'upstream'])
    for (const envoy of [eager, ...lazy]) expect(await envoy.rejected()).toEqual({})
    const { dynamic_route_configs: tables } = (await lazy[0]!.configDump())['RoutesConfigDump']
    const names = tables[0].route_config.virtual_hosts.map(({ name }: { name: string }) => name)
    // Envoy 1.36 cannot choose a cluster by a map.
    expect(names.includes('shared-1')).toBe(sharesFrom !== undefined && ENVOY_MINOR > 36)
  },
)

function inStep({ status }: XdsServer): boolean {
  const clients = status.clients().filter(({ disconnectedAt }) => disconnectedAt === undefined)
  return (
    clients.length > 0 &&
    clients.every(
      ({ types }) => types.length >= 3 && types.every(({ state }) => state === 'SYNCED' || state === 'NOT SENT'),
    )
  )
}
