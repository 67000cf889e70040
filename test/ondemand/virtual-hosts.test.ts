import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { OnDemandMemory, type Usage } from '../../controlplane/ondemand/index.ts'
import { createReports } from '../../controlplane/reports/index.ts'
import { ask } from '../envoy/http-mesh.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { comesTrue, IN_THE_END_MS } from '../helpers/eventually.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { type LazyEnvoy, type Plane, services, startLazyEnvoy, startPlane, virtualService } from './bed.ts'
import { ENVOY_MINOR } from './envoy-minor.ts'

let one: Upstream
let two: Upstream
beforeAll(async () => {
  one = await startEcho('one')
  two = await startEcho('two')
})

/** Older Envoys get all virtual hosts at once. */
const able = ENVOY_MINOR >= 38

const mesh = (fields: string) => `---
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {${fields}}
`
const LAZY_HOSTS = mesh('lazyVirtualHosts: true')
const unused: Usage = { reporting: () => true, lastUsed: () => 0 }
const memoryOf = () =>
  new OnDemandMemory({ usage: unused, idleMs: () => 1, logger: { info: () => {}, warn: () => {} } })
/** Everything that was sent has been acknowledged. */
const atRest = ({ server, trace }: Plane) =>
  comesTrue(() => {
    const types = server.status.clients().flatMap((client) => (client.disconnectedAt === undefined ? client.types : []))
    return trace.at(-1)?.startsWith('ack') === true && types.every((type) => type.unansweredSince === undefined)
  }, 'at rest')

describe.runIf(able)('virtual hosts on demand', () => {
  const split = (weight: number) =>
    virtualService(
      'split.test',
      `[{route: [{destination: {host: split.test}, weight: ${weight}}, {destination: {host: other.test}, weight: ${100 - weight}}]}]`,
    )
  const world = (weight = 90, more = '') =>
    services(500, one) +
    serviceAt('split.test', [one]) +
    serviceAt('other.test', [two]) +
    split(weight) +
    LAZY_HOSTS +
    more
  let plane: Plane
  let envoy: LazyEnvoy
  beforeAll(async () => {
    plane = await startPlane(world())
    envoy = await startLazyEnvoy(plane.port)
  })

  test('an Envoy starts with none, and its listener does not wait for any', async () => {
    expect(await envoy.virtualHosts()).toEqual([])
    expect(
      await envoy.configDump().then((dump) => dump['RoutesConfigDump'].dynamic_route_configs[0].route_config.name),
    ).toBe('http_proxy~on-demand')
    // It is told that there are none by a name that cannot exist, and need not wait until it gives up.
    const [opening] = plane.pushed.filter(({ type }) => type === 'vhds')
    expect(opening?.bytes).toBeGreaterThan('http_proxy~on-demand/__NONE__'.length)
  })

  test('a cold request is one round trip: cluster, endpoints and virtual host in one flight, nothing asked in between', async () => {
    await atRest(plane)
    plane.trace.length = 0
    expect(await ask(envoy.httpPort, 'svc7.test')).toMatchObject({ status: 200, upstream: 'one' })
    expect(plane.trace.slice(0, 4)).toEqual(['ask', 'cds', 'eds', 'vhds'])
    expect(await envoy.clusters()).toEqual(['outbound|80||svc7.test'])
    expect(await envoy.virtualHosts()).toEqual(['svc7.test'])
  })

  test('a hundred cold requests at once, each by two of its names, all succeed', async () => {
    const hosts = Array.from({ length: 100 }, (_, index) => [
      `svc${index + 100}.test`,
      `svc${index + 100}.test:80`,
    ]).flat()
    const answers = await Promise.all(hosts.map((host) => ask(envoy.httpPort, host)))
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    expect((await envoy.virtualHosts()).filter((domain) => /^svc1\d\d\./.test(domain))).toHaveLength(200)
  })

  test('a body of 300 kB is kept for the cold virtual host', async () => {
    const answer = await ask(envoy.httpPort, 'svc300.test', '/', { method: 'POST', body: 'x'.repeat(300_000) })
    expect(answer.status).toBe(200)
  })

  test('a name in capitals is the same host', async () => {
    expect((await ask(envoy.httpPort, 'SVC301.test')).status).toBe(200)
    expect(await envoy.virtualHosts()).toContain('svc301.test')
  })

  test('one weight costs a stream less than a kilobyte, and is in force', async () => {
    expect((await ask(envoy.httpPort, 'split.test')).status).toBe(200)
    await atRest(plane)
    plane.trace.length = 0
    plane.pushed.length = 0
    plane.commit(world(10))
    await comesTrue(() => plane.trace.at(-1) === 'ack vhds', 'pushed')
    expect(plane.pushed.map(({ type }) => type)).toEqual(['vhds'])
    expect(plane.pushed[0]!.bytes).toBeLessThan(1000)
    const sides = await Promise.all(Array.from({ length: 60 }, () => ask(envoy.httpPort, 'split.test')))
    expect(sides.filter(({ upstream }) => upstream === 'two').length).toBeGreaterThan(30)
  })

  test('a host nobody declared is answered as without on demand, each time, and served as soon as it exists', async () => {
    for (let turn = 0; turn < 2; turn++) expect((await ask(envoy.httpPort, 'late.test')).status).toBe(502)
    plane.commit(world(10, serviceAt('late.test', [two])))
    await comesTrue(async () => (await ask(envoy.httpPort, 'late.test')).upstream === 'two', 'it appears')
    plane.commit(world())
    await comesTrue(async () => (await ask(envoy.httpPort, 'late.test')).status === 502, 'it goes')
  })

  test('an authority that would be a wildcard as a domain, or is longer than any name, is of nobody and harms nobody', async () => {
    for (const host of ['*', '*.test', 'svc*', 'x'.repeat(5000)])
      expect((await ask(envoy.httpPort, host)).status, host.slice(0, 10)).toBe(404)
    expect((await ask(envoy.httpPort, 'svc310.test')).status).toBe(200)
    expect((await ask(envoy.httpPort, 'nobody.test')).status).toBe(502)
    expect((await envoy.virtualHosts()).filter((domain) => domain.includes('*'))).toEqual([])
  })

  test('access logs count a cold request once, though Envoy takes it up twice', async () => {
    const reports = createReports()
    const config = services(3, one) + mesh('lazyVirtualHosts: true, trafficReports: true')
    const plane = await startPlane(config, { services: reports.services })
    const envoy = await startLazyEnvoy(plane.port)
    for (const index of [0, 1, 2]) expect((await ask(envoy.httpPort, `svc${index}.test`)).status).toBe(200)
    const sum = () => reports.access.allEdges().reduce((total, { requests }) => total + requests, 0)
    await comesTrue(() => sum() >= 3, 'counted')
    expect(reports.access.allEdges().map(({ cluster, statuses }) => [cluster, statuses])).toEqual(
      [0, 1, 2].map((index) => [`outbound|80||svc${index}.test`, { '2xx': 1 }]),
    )
    await envoy.stop()
  })

  test('nothing was refused, and the stream is the first', async () => {
    expect(await envoy.rejected()).toEqual({})
    expect(plane.server.status.clients().map(({ stream }) => stream)).toHaveLength(1)
    expect(plane.trace).not.toContain('nack vhds')
  })
})

describe.runIf(able)('which virtual host an authority gets', () => {
  test('the exact one before the longest wildcard, and what passes through where the mesh lets it', async () => {
    const rule = (name: string, hosts: string, body: string) => `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}}
spec: {hosts: ['${hosts}'], http: [{directResponse: {status: 200, body: {string: ${body}}}}]}
`
    const plane = await startPlane(
      rule('wide', '*.test', 'wide') +
        rule('near', '*.near.test', 'near') +
        rule('exact', 'exact.near.test', 'exact') +
        mesh('lazyVirtualHosts: true, outboundTrafficPolicy: {mode: ALLOW_ANY}'),
    )
    const envoy = await startLazyEnvoy(plane.port)
    const bodies = async (hosts: readonly string[]) => {
      const found: string[] = []
      for (const host of hosts) found.push((await ask(envoy.httpPort, host)).body)
      return found
    }
    expect(await bodies(['a.test', 'a.near.test', 'exact.near.test', 'b.test', 'a.test'])).toEqual([
      'wide',
      'near',
      'exact',
      'wide',
      'wide',
    ])
    expect(await ask(envoy.httpPort, `127.0.0.1:${one.port}`)).toMatchObject({ status: 200, upstream: 'one' })
    expect(await envoy.rejected()).toEqual({})
  })

  test('listeners of a Sidecar have tables of their own, by port, and none waits for the other', async () => {
    const [port, proxyPort] = [await freePort(), await freePort()]
    const sidecar = `---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: scope}
spec:
  egress:
  - {port: {number: ${port}, name: http, protocol: HTTP}, hosts: ['*/*']}
  - {port: {number: ${proxyPort}, name: proxy, protocol: HTTP_PROXY}, hosts: ['*/*']}
`
    const world =
      serviceAt('a.test', [one], `{number: ${port}, name: http, protocol: HTTP}`) + serviceAt('b.test', [two])
    const plane = await startPlane(world + LAZY_HOSTS)
    const envoy = await startLazyEnvoy(plane.port)
    expect((await ask(envoy.httpPort, 'b.test')).upstream).toBe('two')
    plane.commit(world + sidecar + LAZY_HOSTS)
    await comesTrue(async () => (await ask(port, 'a.test').catch(() => undefined))?.status === 200, 'both listen')
    const both = await Promise.all(['a.test', `a.test:${port}`, 'a.test:1'].map((host) => ask(port, host)))
    expect(both.map(({ upstream }) => upstream)).toEqual(['one', 'one', 'one'])
    expect((await ask(port, 'b.test')).status).toBe(502)
    expect((await ask(proxyPort, 'b.test')).upstream).toBe('two')
    expect(await envoy.rejected()).toEqual({})
  })
})

describe.runIf(able)('over time', () => {
  test('a control plane that comes back knowing nothing sends nothing again, and what was asked meanwhile', async () => {
    const port = await freePort()
    const world = services(5, one) + LAZY_HOSTS
    const first = await startPlane(world, { port })
    const envoy = await startLazyEnvoy(port)
    expect((await ask(envoy.httpPort, 'svc0.test')).status).toBe(200)
    await first.server.stop()
    expect((await ask(envoy.httpPort, 'svc0.test')).status).toBe(200)
    const meanwhile = ask(envoy.httpPort, 'svc1.test')
    await sleep(100)
    const second = await startPlane(world, { port })
    expect((await meanwhile).status).toBe(200)
    expect((await ask(envoy.httpPort, 'svc2.test')).status).toBe(200)
    expect(await envoy.virtualHosts()).toEqual(['svc0.test', 'svc1.test', 'svc2.test'])
    expect(await envoy.rejected()).toEqual({})
    await second.server.stop()
  })

  test('clusters that are let go of get another name in their virtual host, under load without a failure', async () => {
    const memory = memoryOf()
    const plane = await startPlane(services(10, one) + LAZY_HOSTS, { memory })
    const envoy = await startLazyEnvoy(plane.port)
    const failed: unknown[] = []
    let running = true
    const load = (async () => {
      for (let index = 0; running; index++) {
        const { status, body } = await ask(envoy.httpPort, `svc${index % 10}.test`)
        if (status !== 200) failed.push([status, body])
      }
    })()
    let gone = 0
    for (const deadline = Date.now() + 2 * IN_THE_END_MS; gone < 30 && Date.now() < deadline; await sleep(200))
      gone += memory.sweep(plane.server.lazyProxies())
    running = false
    await load
    expect(gone).toBeGreaterThanOrEqual(30)
    expect(failed).toEqual([])
    expect(await envoy.rejected()).toEqual({})
  })

  test('a new replica has what its workload uses before its first request', async () => {
    const memory = memoryOf()
    const plane = await startPlane(services(10, one) + LAZY_HOSTS, { memory })
    const first = await startLazyEnvoy(plane.port, { name: 'web-0' })
    for (const host of ['svc3.test', 'nobody.test', 'svc7.test:80'])
      expect((await ask(first.httpPort, host)).status).toBe(host === 'nobody.test' ? 502 : 200)
    const second = await startLazyEnvoy(plane.port, { name: 'web-1' })
    await comesTrue(async () => (await second.virtualHosts()).length === 2, 'it has them')
    expect(await second.clusters()).toEqual(['outbound|80||svc3.test', 'outbound|80||svc7.test'])
    await atRest(plane)
    plane.trace.length = 0
    expect((await ask(second.httpPort, 'svc7.test:80')).status).toBe(200)
    expect(plane.trace).toEqual([])
  })

  test('a running Envoy that gets all, clusters on demand, virtual hosts too, and all again, loses no request', async () => {
    const world = (fields: string) => services(5, one) + mesh(fields)
    const plane = await startPlane(world('lazy: false'))
    const envoy = await startLazyEnvoy(plane.port)
    const failed: unknown[] = []
    let running = true
    const load = (async () => {
      for (let index = 0; running; index++) {
        const { status, body } = await ask(envoy.httpPort, `svc${index % 5}.test`)
        if (status !== 200) failed.push([status, body])
        await sleep(2)
      }
    })()
    for (const fields of ['', 'lazyVirtualHosts: true', '', 'lazyVirtualHosts: true', 'lazy: false']) {
      plane.commit(world(fields))
      await sleep(700)
      await atRest(plane)
    }
    running = false
    await load
    expect(failed).toEqual([])
    expect(await envoy.rejected()).toEqual({})
  })
})

describe.runIf(able)('who asks for virtual hosts', () => {
  const world = (fields: string, annotation: string) =>
    `${serviceAt('a.test', [one])}${mesh(fields)}---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: scope, annotations: {${annotation}}}
spec: {egress: [{hosts: ['*/*']}]}
`
  test.each<[string, string, string, Record<string, unknown>, boolean]>([
    ['the mesh says so', 'lazyVirtualHosts: true', '', {}, true],
    ['nobody says so', '', '', {}, false],
    ['the Sidecar says so', '', 'meshgate.io/lazy-virtual-hosts: "true"', {}, true],
    ['the Sidecar says no', 'lazyVirtualHosts: true', 'meshgate.io/lazy-virtual-hosts: "false"', {}, false],
    ['the node says so', '', '', { LAZY_VIRTUAL_HOSTS: true }, true],
    ['the node says no', 'lazyVirtualHosts: true', '', { LAZY_VIRTUAL_HOSTS: false }, false],
    ['clusters do not come on demand', 'lazy: false, lazyVirtualHosts: true', '', {}, false],
  ])('%s', async (_, fields, annotation, metadata, expected) => {
    const plane = await startPlane(world(fields, annotation))
    const envoy = await startLazyEnvoy(plane.port, { metadata })
    expect((await envoy.virtualHosts()).length === 0).toBe(expected)
    expect((await ask(envoy.httpPort, 'a.test')).status).toBe(200)
    await envoy.stop()
  })
})

if (!able)
  test('an Envoy that is too old for it gets all virtual hosts, and it is said', async () => {
    const warned: string[] = []
    const logger = {
      debug: () => {},
      info: () => {},
      error: () => {},
      warn: (_: object, text: string) => void warned.push(text),
    }
    const plane = await startPlane(services(3, one) + LAZY_HOSTS, { logger })
    const envoy = await startLazyEnvoy(plane.port)
    expect(await envoy.virtualHosts()).toHaveLength(7)
    expect((await ask(envoy.httpPort, 'svc0.test')).status).toBe(200)
    expect(warned.join()).toContain('takes Envoy 1.38 or newer')
  })
