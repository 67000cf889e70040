import { beforeAll, describe, expect, it } from 'vitest'
import { ConsulSource } from '../../cli/run/consul-source.ts'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import { Discovery } from '../../controlplane/model/index.ts'
import { hasConsul, startConsul, type TestConsul } from '../helpers/consul.ts'
import { startEcho, type Upstream } from '../helpers/echo.ts'
import { startEnvoy } from '../helpers/envoy.ts'
import { comesTrue, until } from '../helpers/eventually.ts'
import { configObjects } from '../helpers/objects.ts'
import { freePort } from '../helpers/ports.ts'
import { ask, consulBed, served } from './bed.ts'

/** Services of a real Consul, served to a real Envoy. */

describe.skipIf(!(await hasConsul()))('services of a Consul', () => {
  let consul: TestConsul
  let v1: Upstream
  let v2: Upstream

  beforeAll(async () => {
    ;[consul, v1, v2] = await Promise.all([startConsul(), startEcho('v1'), startEcho('v2')])
    await consul.register({ name: 'reviews', id: 'r1', port: v1.port, meta: { version: 'v1', weight: '3' } })
    await consul.register({ name: 'reviews', id: 'r2', port: v2.port, tags: ['v2'], meta: { zone: 'z', region: 'r' } })
    for (const name of ['unused-1', 'unused-2', 'unused-3'])
      await consul.register({ name, port: 1, tags: ['meshgate.port=7000/tcp-game', 'meshgate.port=9080/grpc'] })
  })

  it.each(['delta', 'sotw'] as const)(
    'a stock Envoy (%s) routes to them, follows changes, and asks for no others',
    async (mode) => {
      const httpPort = await freePort()
      const mesh = (drain: string) => `
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {httpPort: ${httpPort}, drainTime: ${drain}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews.service.consul
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews.service.consul]
  http:
  - match: [{headers: {x-version: {exact: v2}}}]
    route: [{destination: {host: reviews.service.consul, subset: v2}}]
  - route: [{destination: {host: reviews.service.consul, subset: v1}}]
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default}
spec: {egress: [{hosts: ['*/reviews.service.consul']}]}
`
      const bed = await consulBed(consul.url, mesh('300ms'))
      const envoy = await startEnvoy({
        bootstrap: envoyBootstrap({
          node: { id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local' },
          xds: { host: '127.0.0.1', port: bed.port },
          mode,
        }),
      })
      expect(
        await until(
          () => ask(httpPort, 'reviews.service.consul'),
          (name) => name === 'v1',
        ),
      ).toBe('v1')
      await expect
        .poll(() => bed.source.state())
        .toMatchObject({ state: 'ok', services: 4, followed: 1, instances: 2, held: [] })

      await consul.call('PUT', '/v1/agent/service/maintenance/r1?enable=true&reason=test')
      const draining = `${v1.port} draining`
      await until(
        () => served(bed, 'reviews.service.consul'),
        (list) => list.includes(draining),
      )
      await consul.call('PUT', '/v1/agent/service/maintenance/r1?enable=false')
      await until(
        () => served(bed, 'reviews.service.consul'),
        (list) => !list.includes(draining),
      )

      const added = await startEcho('v1-new')
      await consul.register({ name: 'reviews', id: 'r3', port: added.port, meta: { version: 'v1' } })
      await consul.deregister('r1')
      await until(
        () => ask(httpPort, 'reviews.service.consul'),
        (name) => name === 'v1-new',
      )
      await until(
        () => served(bed, 'reviews.service.consul'),
        (list) => list.length === 2,
      )
      expect(await envoy.rejected()).toEqual({})
      await consul.register({ name: 'reviews', id: 'r1', port: v1.port, meta: { version: 'v1', weight: '3' } })
      await consul.deregister('r3')
      await envoy.stop()
      await bed.stop()
    },
  )

  it('settings that change, and another address, lose nothing: what is known stays until the next one knows as much', async () => {
    const discovery = new Discovery()
    const mesh = createMesh({ discovery })
    const yaml = (consulSpec: string) => `apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {consul: {${consulSpec}}}
`
    let objects = configObjects(yaml(`url: "${consul.url}"`))
    let updated = () => {}
    const config = {
      get objects() {
        return objects
      },
      onUpdate: (listener: () => void) => {
        updated = listener
        return () => {}
      },
    }
    const source = new ConsulSource({
      ...{ discovery, given: undefined, config: config as never, folder: '.', stateDir: undefined },
      log: { info: () => {}, warn: () => {}, error: () => {} } as never,
    })
    const edit = (consulSpec: string) => {
      objects = configObjects(yaml(consulSpec))
      updated()
    }
    const host = 'reviews.service.consul'
    await source.start()
    await until(
      () => served({ mesh }, host),
      (list) => list.length === 2,
    )
    const seen = new Set<string>()
    const stop = discovery.onChange(() => seen.add(served({ mesh }, host).join()))
    const all = served({ mesh }, host)

    edit(`url: "${consul.url}", confirmTime: 20s`)
    await comesTrue(() => source.states()[0]?.state === 'ok' && source.states()[0]!.requests < 8)
    edit('url: "http://127.0.0.1:1"')
    const [, lost] = await until(
      () => source.states(),
      (list) => list.length === 2 && list[1]!.error !== undefined,
    )
    expect(lost!.error).toMatch(/nobody listens/)
    expect(source.ready).toBe(true)
    edit(`url: "http://localhost:${consul.httpPort}"`)
    await until(
      () => source.states().map(({ name }) => name),
      (list) => list.join() === `consul:http://localhost:${consul.httpPort}`,
    )
    await consul.register({ name: 'reviews', id: 'r9', port: 9 })
    await until(
      () => served({ mesh }, host),
      (list) => list.includes('9 healthy'),
    )
    await consul.deregister('r9')
    for (const list of seen) for (const one of all) expect(list.split(',')).toContain(one)
    stop()
    await source.stop()

    const wrong = new ConsulSource({
      ...{ discovery, given: { url: 'nonsense' }, config: config as never, folder: '.', stateDir: undefined },
      log: { info: () => {}, warn: () => {}, error: () => {} } as never,
    })
    await expect(wrong.start()).rejects.toThrow(/nonsense is no address of a Consul/)
    // Or a process that could not start would not end.
    await wrong.stop()
  })

  it('a check that fails makes an instance unhealthy, one that warns does not; of a node, all that are on it', async () => {
    const bed = await consulBed(consul.url, '')
    const host = 'checked.service.consul'
    const node = (name: string, ids: readonly string[]) =>
      Promise.all(
        ids.map((id, index) =>
          consul.call('PUT', '/v1/catalog/register', {
            ...{ Node: name, Address: '127.0.0.1' },
            Service: { Service: 'checked', ID: id, Address: '127.0.0.1', Port: Number(id) },
            Check: { Node: name, CheckID: `c${id}`, ServiceID: id, Status: index === 0 ? 'passing' : 'warning' },
          }),
        ),
      )
    const check = (name: string, id: string, status: string, service?: string) =>
      consul.call('PUT', '/v1/catalog/register', {
        ...{ Node: name, Address: '127.0.0.1', SkipNodeUpdate: true },
        Check: { Node: name, CheckID: id, Status: status, ...(service ? { ServiceID: service } : {}) },
      })
    const holds = (list: readonly string[]) =>
      until(
        () => served(bed, host).join(),
        (seen) => seen === list.join(),
      )
    await node('one', ['9301', '9302'])
    await node('two', ['9303'])
    await holds(['9301 healthy', '9302 healthy', '9303 healthy'])
    await check('one', 'c9301', 'critical', '9301')
    await holds(['9301 unhealthy', '9302 healthy', '9303 healthy'])
    await check('one', 'serfHealth', 'critical')
    await holds(['9301 unhealthy', '9302 unhealthy', '9303 healthy'])
    await check('one', 'serfHealth', 'passing')
    await check('one', 'c9301', 'passing', '9301')
    await holds(['9301 healthy', '9302 healthy', '9303 healthy'])
    for (const name of ['one', 'two']) await consul.call('PUT', '/v1/catalog/deregister', { Node: name })
    await bed.stop()
  })

  it('tags say ports and protocols, meta and tags are labels, weight and locality; a document replaces ports', async () => {
    const bed = await consulBed(consul.url, '')
    await bed.source.whenReady()
    const { registry, endpoints } = bed.mesh.model
    expect(registry.byHostname().get('unused-1.service.consul')![0]!.ports).toMatchObject([
      { number: 7000, protocol: 'tcp' },
      { number: 9080, protocol: 'grpc' },
    ])
    await until(
      () => served(bed, 'reviews.service.consul'),
      (list) => list.length === 2,
    )
    const service = registry.byHostname().get('reviews.service.consul')![0]!
    expect(service.ports).toMatchObject([{ number: 80, protocol: 'http' }])
    expect(endpoints.look(service, service.ports[0]!)).toMatchObject([
      { port: v1.port, weight: 3, labels: { version: 'v1' } },
      { port: v2.port, weight: 1, labels: { version: 'v2' }, locality: { region: 'r', zone: 'z' } },
    ])

    bed.commit(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews.service.consul]
  ports: [{number: 9080, name: grpc}]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints: [{address: 10.9.9.9}]
`)
    const joined = registry.byHostname().get('reviews.service.consul')!
    expect(joined).toMatchObject([{ namespace: 'shop', ports: [{ number: 9080, protocol: 'grpc' }] }])
    expect(joined[0]!.ports).toHaveLength(1)
    expect(endpoints.look(joined[0]!, joined[0]!.ports[0]!).map(({ address, port }) => `${address}:${port}`)).toEqual([
      '10.9.9.9:9080',
      `127.0.0.1:${v1.port}`,
      `127.0.0.1:${v2.port}`,
    ])
    await bed.stop()
  })
})
