import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { ask } from '../envoy/http-mesh.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { meshSettings, serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { type LazyEnvoy, oneRequest, type Plane, services, startLazyEnvoy, startPlane, virtualService } from './bed.ts'

let one: Upstream
let two: Upstream
beforeAll(async () => {
  one = await startEcho('one')
  two = await startEcho('two')
})

/** A route written as Envoy's own message: the only way to name a cluster that does not exist. */
const wildRoute = (cluster: string) => `---
apiVersion: meshgate.io/v1
kind: EnvoyResource
metadata: {name: wild}
spec:
  routes:
  - name: http_proxy
    validate_clusters: false
    virtual_hosts:
    - name: all
      domains: ['*']
      routes: [{match: {prefix: /}, route: {cluster: '${cluster}'}}]
`

describe('clusters on demand', () => {
  let plane: Plane
  let envoy: LazyEnvoy
  const many = () => services(1000, one)
  beforeAll(async () => {
    plane = await startPlane(many())
    envoy = await startLazyEnvoy(plane.port)
  })

  test('an Envoy of a mesh of a thousand services starts with no cluster', async () => {
    expect(await envoy.clusters()).toEqual([])
  })

  test('a cold request is one round trip: the cluster and its endpoints in one flight, nothing asked in between', async () => {
    await comesTrue(() => plane.trace.includes('ack rds') && plane.trace.at(-1)!.startsWith('ack'), 'at rest')
    plane.trace.length = 0
    expect(await ask(envoy.httpPort, 'svc7.test')).toMatchObject({ status: 200, upstream: 'one' })
    expect(plane.trace.slice(0, 3)).toEqual(['ask', 'cds', 'eds'])
    // Envoy asks for the endpoints it has already, and is answered again.
    await comesTrue(() => plane.trace.filter((step) => step === 'eds').length === 2, 'answered again')
    expect(plane.trace.filter((step) => step === 'cds')).toHaveLength(1)
    expect(await envoy.clusters()).toEqual(['outbound|80||svc7.test'])
  })

  test('a hundred cold requests at once all succeed, and only what was used is there', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) => ask(envoy.httpPort, `svc${index + 100}.test`)),
    )
    const failed = answers.flatMap(({ status, body }) => (status === 200 ? [] : [`${status} ${body}`]))
    expect(failed).toEqual([])
    expect(await envoy.clusters()).toHaveLength(101)
  })

  test('a body of 100 kB is kept for the cold cluster', async () => {
    const answer = await ask(envoy.httpPort, 'svc300.test', '/', { method: 'POST', body: 'x'.repeat(100_000) })
    expect(answer.status).toBe(200)
  })

  test('an authority with a port names the same cluster', async () => {
    expect((await ask(envoy.httpPort, 'svc301.test:80')).status).toBe(200)
  })

  test('a host nobody declared is answered by the route, without a cluster', async () => {
    expect((await ask(envoy.httpPort, 'nowhere.test')).status).toBe(502)
    expect((await ask(envoy.httpPort, 'svc301.test:81')).status).toBe(502)
  })

  test('a thousand virtual hosts that are alike are one to Envoy, and one that has a rule of its own leaves it', async () => {
    const names = async () =>
      (await envoy.configDump())['RoutesConfigDump'].dynamic_route_configs[0].route_config.virtual_hosts.map(
        ({ name }: { name: string }) => name,
      )
    expect(await names()).toEqual(['block_all', 'shared-1'])
    plane.commit(many() + virtualService('svc302.test', '[{directResponse: {status: 418}, name: tea}]'))
    await comesTrue(async () => (await ask(envoy.httpPort, 'svc302.test')).status === 418, 'the rule holds')
    expect(await names()).toEqual(['svc302.test:80', 'block_all', 'shared-1'])
    expect((await ask(envoy.httpPort, 'svc303.test')).status).toBe(200)
    plane.commit(many())
    await comesTrue(async () => (await ask(envoy.httpPort, 'svc302.test')).status === 200, 'the rule is gone')
  })

  test('authorities have no case: one in capitals names the same cluster, cold and warm', async () => {
    for (const authority of ['SVC304.test', 'Svc304.TEST:80', 'svc304.test'])
      expect(await ask(envoy.httpPort, authority)).toMatchObject({ status: 200, upstream: 'one' })
    expect((await envoy.clusters()).filter((name) => /304/i.test(name))).toEqual(['outbound|80||svc304.test'])
    expect((await ask(envoy.httpPort, 'NOWHERE.test')).status).toBe(502)
  })

  test('limits count a cold request once', async () => {
    const plane = await startPlane(services(2, one) + oneRequest('svc1.test'))
    const envoy = await startLazyEnvoy(plane.port)
    expect((await ask(envoy.httpPort, 'svc1.test')).status).toBe(200)
    expect((await ask(envoy.httpPort, 'svc1.test')).status).toBe(429)
    expect(await envoy.clusters()).toEqual(['outbound|80||svc1.test'])
    await envoy.stop()
  })

  test('a listener that changes keeps what came, and asks for what did not', async () => {
    plane.commit(many() + meshSettings('accessLog: {path: /dev/null}'))
    const listeners = async () => JSON.stringify((await envoy.configDump())['ListenersConfigDump'].dynamic_listeners)
    await comesTrue(async () => /"active_state".*\/dev\/null/.test(await listeners()), 'in force')
    // Connections of before are closed, perhaps while somebody sends on them.
    for (const what of ['listeners', 'filter_chains'])
      await comesTrue(
        async () => (await envoy.stat(`listener_manager.total_${what}_draining`)) === 0,
        `no ${what} of before`,
      )
    const before = await envoy.clusters()
    for (const host of ['svc7.test', 'svc305.test', 'svc305.test'])
      expect(await ask(envoy.httpPort, host)).toMatchObject({ status: 200, upstream: 'one' })
    expect(await envoy.clusters()).toEqual([...before, 'outbound|80||svc305.test'].sort())
  })

  test('nothing was refused and nothing is left warming', async () => {
    expect(await envoy.rejected()).toEqual({})
    expect(await envoy.stat('cluster_manager.warming_clusters')).toBe(0)
  })
})

describe('what belongs together comes together', () => {
  const split = virtualService(
    'a.test',
    '[{route: [{destination: {host: a.test}, weight: 50}, {destination: {host: b.test}, weight: 50}]}]',
  )
  const mirrored = virtualService('c.test', '[{route: [{destination: {host: c.test}}], mirror: {host: shadow.test}}]')
  const world = (d = one, later: readonly Upstream[] = []) =>
    ['a', 'b', 'c'].map((name) => serviceAt(`${name}.test`, [one])).join('') +
    serviceAt('d.test', [d]) +
    serviceAt('later.test', later) +
    serviceAt('shadow.test', [two])
  let plane: Plane
  let envoy: LazyEnvoy
  beforeAll(async () => {
    plane = await startPlane(world() + split + mirrored)
    envoy = await startLazyEnvoy(plane.port)
  })

  test('a mirror is there before the first request: Envoy would drop the copy without asking', async () => {
    expect(await envoy.clusters()).toEqual(['outbound|80||shadow.test'])
    two.reset()
    expect((await ask(envoy.httpPort, 'c.test')).status).toBe(200)
    await comesTrue(() => two.count === 1, 'the copy arrives')
  })

  test('all clusters of a split come with the first that is asked for', async () => {
    expect((await ask(envoy.httpPort, 'a.test')).status).toBe(200)
    const clusters = await envoy.clusters()
    expect(clusters).toContain('outbound|80||a.test')
    expect(clusters).toContain('outbound|80||b.test')
  })

  test('an update of a cluster brings its endpoints behind it, so that no cold request waits', async () => {
    await comesTrue(() => plane.trace.at(-1)?.startsWith('ack') === true, 'at rest')
    plane.trace.length = 0
    plane.commit(`${world() + split + mirrored}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a}
spec: {host: a.test, trafficPolicy: {connectionPool: {tcp: {maxConnections: 7}}}}
`)
    // Envoy may still ask for endpoints of before.
    const behindCds = () => {
      const pushed = plane.trace.filter((step) => step === 'cds' || step === 'eds')
      return pushed.slice(pushed.indexOf('cds')).slice(0, 2)
    }
    await expect.poll(behindCds).toEqual(['cds', 'eds'])
    expect((await ask(envoy.httpPort, 'd.test')).status).toBe(200)
    expect((await ask(envoy.httpPort, 'a.test')).status).toBe(200)
  })

  test('traffic follows endpoints of a cluster that came on demand', async () => {
    plane.commit(world(two) + split + mirrored)
    await comesTrue(async () => (await ask(envoy.httpPort, 'd.test')).upstream === 'two', 'moved')
    expect(await envoy.rejected()).toEqual({})
  })

  test('a service without endpoints is answered by its cluster, which keeps no other waiting, and served when it gets some', async () => {
    const asked = ask(envoy.httpPort, 'later.test')
    expect((await ask(envoy.httpPort, 'c.test')).status).toBe(200)
    expect(await asked).toMatchObject({ status: 503, body: 'no healthy upstream' })
    expect(await envoy.stat('cluster_manager.warming_clusters')).toBe(0)
    plane.trace.length = 0
    plane.commit(world(two, [two]) + split + mirrored)
    await comesTrue(async () => (await ask(envoy.httpPort, 'later.test')).upstream === 'two', 'served')
    expect(plane.trace).not.toContain('cds')
  })
})

describe('names that do not exist', () => {
  test('a rule for a service that exists nowhere is answered by the route: no cluster is ever asked for', async () => {
    const rule = virtualService('gone.test', '[{route: [{destination: {host: nowhere.test}}]}]')
    const plane = await startPlane(serviceAt('a.test', [one]) + rule)
    const envoy = await startLazyEnvoy(plane.port)
    const answer = await ask(envoy.httpPort, 'gone.test')
    expect(answer).toMatchObject({ status: 503 })
    expect(answer.body).toContain('no service nowhere.test')
    expect(await envoy.clusters()).toEqual([])
  })

  test('a name from a written route is answered by a cluster without endpoints, at once and every time, and replaced in place', async () => {
    const plane = await startPlane(wildRoute('late'))
    const envoy = await startLazyEnvoy(plane.port)
    for (let attempt = 0; attempt < 3; attempt++) {
      const answer = await ask(envoy.httpPort, 'any')
      expect(answer).toMatchObject({ status: 503, body: 'no healthy upstream' })
    }
    const real = `---
apiVersion: meshgate.io/v1
kind: EnvoyResource
metadata: {name: real}
spec:
  clusters:
  - name: late
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: late
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: ${one.port}}}}}]}]
`
    plane.commit(wildRoute('late') + real)
    await comesTrue(async () => (await ask(envoy.httpPort, 'any')).status === 200, 'it appears')
    expect(await envoy.rejected()).toEqual({})
  })

  test('members of a written aggregate cluster are there before the first request: Envoy would not ask for them', async () => {
    const both = `---
apiVersion: meshgate.io/v1
kind: EnvoyResource
metadata: {name: both}
spec:
  clusters:
  - name: both
    connect_timeout: 1s
    lb_policy: CLUSTER_PROVIDED
    cluster_type:
      name: envoy.clusters.aggregate
      typed_config:
        '@type': type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig
        clusters: ['outbound|80||empty.test', 'outbound|80||a.test']
`
    const world = serviceAt('a.test', [one]) + serviceAt('b.test', [one]) + serviceAt('empty.test', [])
    const plane = await startPlane(world + wildRoute('both') + both)
    const envoy = await startLazyEnvoy(plane.port)
    expect(await envoy.clusters()).toEqual(['both', 'outbound|80||a.test', 'outbound|80||empty.test'])
    expect(await ask(envoy.httpPort, 'any')).toMatchObject({ status: 200, upstream: 'one' })
    expect(await envoy.rejected()).toEqual({})
  })

  test('two clusters that take their endpoints by one name both have them, though Envoy asks for these once', async () => {
    const twin = `---
apiVersion: meshgate.io/v1
kind: EnvoyResource
metadata: {name: twin}
spec:
  clusters:
  - name: twin
    type: EDS
    connect_timeout: 1s
    eds_cluster_config:
      service_name: 'outbound|80||a.test'
      eds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: 4s}
`
    const world = serviceAt('a.test', [one]) + serviceAt('b.test', [one])
    const plane = await startPlane(world)
    const envoy = await startLazyEnvoy(plane.port)
    expect((await ask(envoy.httpPort, 'a.test')).status).toBe(200)
    plane.commit(world + wildRoute('twin') + twin)
    await comesTrue(async () => (await envoy.clusters()).includes('twin'), 'it is there')
    await comesTrue(async () => (await ask(envoy.httpPort, 'any')).upstream === 'one', 'it has endpoints')
    expect(await envoy.stat('cluster_manager.warming_clusters')).toBe(0)
    plane.commit(world)
    await comesTrue(async () => (await ask(envoy.httpPort, 'b.test')).upstream === 'one', 'a cold one after it')
    expect((await ask(envoy.httpPort, 'a.test')).status).toBe(200)
    expect(await envoy.rejected()).toEqual({})
  })

  test('a service that goes and comes back is served again, without a request that waits for its time to pass', async () => {
    const world = serviceAt('a.test', [one]) + serviceAt('b.test', [one])
    const plane = await startPlane(world)
    const envoy = await startLazyEnvoy(plane.port)
    for (let turn = 0; turn < 3; turn++) {
      expect((await ask(envoy.httpPort, 'a.test')).status).toBe(200)
      plane.commit(serviceAt('b.test', [one]))
      await comesTrue(async () => (await ask(envoy.httpPort, 'a.test')).status === 502, 'its route is gone')
      await comesTrue(async () => (await envoy.clusters()).length === 0, 'removed')
      plane.commit(world)
      await comesTrue(async () => (await ask(envoy.httpPort, 'a.test')).status !== 502, 'its route is back')
    }
    expect(await envoy.stat(`http.outbound_127.0.0.1_${envoy.httpPort}.no_cluster`)).toBe(0)
  })
})

describe('a control plane that goes away', () => {
  test('warm and cold are served after it came back knowing nothing, and what was asked meanwhile too', async () => {
    const port = await freePort()
    const world = ['a', 'b', 'c', 'd'].map((name) => serviceAt(`${name}.test`, [one])).join('')
    const rule = virtualService(
      'd.test',
      '[{route: [{destination: {host: d.test}, weight: 50}, {destination: {host: b.test}, weight: 50}]}]',
    )
    const first = await startPlane(world + rule, { port })
    const envoy = await startLazyEnvoy(port)
    expect((await ask(envoy.httpPort, 'a.test')).status).toBe(200)
    expect((await ask(envoy.httpPort, 'd.test')).status).toBe(200)
    await first.server.stop()
    expect((await ask(envoy.httpPort, 'a.test')).status).toBe(200)
    expect((await ask(envoy.httpPort, 'c.test')).status).toBe(503)
    const second = await startPlane(world + rule, { port })
    // Envoy waits up to 5 s between tries, at random.
    await comesTrue(() => second.server.status.connected === 1, 'reconnected')
    await comesTrue(async () => (await envoy.clusters()).length === 4, 'what was asked meanwhile is there')
    for (const name of ['a', 'b', 'c', 'd', 'd', 'd'])
      expect((await ask(envoy.httpPort, `${name}.test`)).status, name).toBe(200)
    expect(await envoy.rejected()).toEqual({})
    await second.server.stop()
  })
})

describe('who asks on demand', () => {
  const world = (mesh = '', sidecar = '', more = '') => `${serviceAt('a.test', [one])}${serviceAt('b.test', [one])}---
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {${mesh}}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: scope, annotations: {${sidecar}}}
spec: {egress: [{hosts: ['*/*']}]}
${more}`
  const OF_WEB = `---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: web, annotations: {meshgate.io/lazy: "false"}}
spec: {workloadSelector: {labels: {app: web}}, egress: [{hosts: ['*/a.test']}]}
`
  const ALL = ['BlackHoleCluster', 'outbound|80||a.test', 'outbound|80||b.test']

  test.each([
    ['the mesh says no', 'lazy: false', '', {}, ALL],
    ['the Sidecar of the namespace says no', '', 'meshgate.io/lazy: "false"', {}, ALL],
    ['the Sidecar of the namespace says yes where the mesh says no', 'lazy: false', 'meshgate.io/lazy: "true"', {}, []],
    ['the Sidecar of the workload says no, and what it can reach', '', '', { LABELS: { app: 'web' } }, ALL.slice(0, 2)],
    ['the Sidecar of another workload says no', '', '', { LABELS: { app: 'cart' } }, []],
    ['the node itself says no', '', '', { LAZY: false }, ALL],
    ['nobody objects', '', '', {}, []],
  ])('%s', async (_, mesh, sidecar, metadata, expected) => {
    const plane = await startPlane(world(mesh, sidecar, 'LABELS' in metadata ? OF_WEB : ''))
    const envoy = await startLazyEnvoy(plane.port, { metadata })
    expect(await envoy.clusters()).toEqual(expected)
    expect((await ask(envoy.httpPort, 'a.test')).status).toBe(200)
    await envoy.stop()
  })

  test('a running Envoy that is told to hold everything, and then not, loses no request', async () => {
    const plane = await startPlane(world())
    const envoy = await startLazyEnvoy(plane.port)
    const failed: number[] = []
    let running = true
    const load = (async () => {
      for (let index = 0; running; index++) {
        const { status } = await ask(envoy.httpPort, index % 2 ? 'a.test' : 'b.test')
        if (status !== 200) failed.push(status)
        await sleep(2)
      }
    })()
    plane.commit(world('lazy: false'))
    await comesTrue(async () => (await envoy.clusters()).length === 3, 'everything is there')
    plane.commit(world())
    await sleep(300)
    running = false
    await load
    expect(failed).toEqual([])
    expect(await envoy.rejected()).toEqual({})
  })
})
