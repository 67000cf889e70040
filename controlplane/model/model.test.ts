import { describe, expect, it } from 'vitest'
import { configObjects } from '../../test/helpers/objects.ts'
import type { ServiceEntrySpec } from '../config/kinds/service-entry.ts'
import { cell } from './cells.ts'
import { createModel, createScope, MESH_GATEWAY } from './index.ts'
import type { ProxyClass } from './proxy-class.ts'

const REVIEWS = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews.shop.svc.cluster.local]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints:
  - {address: 10.0.0.1, labels: {version: v1}, locality: r1/z1}
  - {address: 10.0.0.2, labels: {version: v2}, weight: 3, ports: {http: 9090}}
`

function proxy(
  namespace: string,
  labels: Record<string, string> = {},
  type: ProxyClass['type'] = 'sidecar',
): ProxyClass {
  return {
    key: `${type}/${namespace}/${JSON.stringify(labels)}`,
    type,
    namespace,
    labels,
    locality: undefined,
    httpPort: 15080,
    secretsAllowed: true,
  }
}

function mesh(...texts: readonly string[]) {
  const model = createModel()
  const commit = (...next: readonly string[]) => model.world.commit(configObjects(next.join('\n---\n')))
  commit(...texts)
  return { model, commit, scope: (of: ProxyClass) => createScope(model, of) }
}

describe('services of the registry', () => {
  it('a ServiceEntry is a service for each of its hosts', () => {
    const { scope } = mesh(REVIEWS)
    const [service] = scope(proxy('shop')).services()
    expect(service).toMatchObject({
      hostname: 'reviews.shop.svc.cluster.local',
      namespace: 'shop',
      resolution: 'STATIC',
    })
    expect(service!.ports).toEqual([
      { number: 9080, name: 'http', protocol: 'http', protocolName: 'http', targetPort: undefined },
    ])
  })

  it('endpoints carry labels, locality, weight and their own port', () => {
    const { scope } = mesh(REVIEWS)
    const shop = scope(proxy('shop'))
    const service = shop.services()[0]!
    expect(shop.endpoints(service, service.ports[0]!)).toMatchObject([
      { address: '10.0.0.1', port: 9080, weight: 1, locality: { region: 'r1', zone: 'z1', subZone: '' } },
      { address: '10.0.0.2', port: 9090, weight: 3, labels: { version: 'v2' } },
    ])
  })

  it('a change of endpoints leaves the service object alone', () => {
    const { scope, commit } = mesh(REVIEWS)
    const shop = scope(proxy('shop'))
    const before = shop.services()
    const [service] = before
    const endpoints = shop.endpoints(service!, service!.ports[0]!)
    expect(commit(REVIEWS.replace('10.0.0.1', '10.0.0.9'))).toEqual(['ServiceEntry/shop/reviews'])
    expect(shop.services()).toBe(before)
    expect(shop.endpoints(service!, service!.ports[0]!)).not.toBe(endpoints)
    expect(shop.endpoints(service!, service!.ports[0]!)[0]!.address).toBe('10.0.0.9')
  })

  it('a service that goes and comes back between two looks has the endpoints of later changes', () => {
    const { model, scope, commit } = mesh()
    const objects = configObjects(REVIEWS)
    model.world.commit(objects)
    const shop = scope(proxy('shop'))
    const [service] = shop.services()
    const addresses = () => shop.endpoints(service!, service!.ports[0]!).map(({ address }) => address)
    const before = addresses()
    commit('')
    model.world.commit(objects)
    expect(addresses()).toEqual(before)
    commit(REVIEWS.replace('10.0.0.1', '10.0.0.9'))
    expect(addresses()).toContain('10.0.0.9')
  })

  it('a comment or a moved line is no change, but places follow it', () => {
    const { model, scope, commit } = mesh(REVIEWS)
    const shop = scope(proxy('shop'))
    const [service] = shop.services()
    const { line } = service!.origin.object.source.locate(['spec', 'hosts'])
    expect(commit(`# a comment\n${REVIEWS}`)).toEqual([])
    expect(shop.services()[0]).toBe(service)
    expect(service!.origin.object.source.locate(['spec', 'hosts']).line).toBe(line + 1)
    expect(model.world.all('ServiceEntry')).toHaveLength(1)
  })

  it('several entries for one host and namespace are one service: ports united, endpoints added', () => {
    const more = REVIEWS.replace('name: reviews,', 'name: reviews-b,')
      .replace('10.0.0.1', '10.0.1.1')
      .replace('10.0.0.2', '10.0.1.2')
      .replace('ports: [{', 'ports: [{number: 9091, name: admin, protocol: HTTP}, {')
    const { scope } = mesh(REVIEWS, more)
    const shop = scope(proxy('shop'))
    const service = shop.services()[0]!
    expect(shop.services()).toHaveLength(1)
    expect(service.ports.map((port) => port.number)).toEqual([9080, 9091])
    expect(shop.endpoints(service, service.ports[0]!)).toHaveLength(4)
    expect(shop.endpoints(service, service.ports[1]!)).toHaveLength(2)
  })

  it('how the ports of a service are reached is not said by an entry that has none', () => {
    const entry = (name: string, more: string) =>
      `apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: ${name}}\nspec: {hosts: [a.example], ${more}}`
    const { scope } = mesh(
      entry('a', 'addresses: [1.1.1.1]'),
      entry('b', 'ports: [{number: 80, name: http, targetPort: 8080}], resolution: DNS'),
      entry('c', 'ports: [{number: 81, name: http}], resolution: STATIC'),
    )
    const found = scope(proxy('shop')).services()
    expect(found.map(({ ports, resolution }) => [ports.length, resolution])).toEqual([[2, 'DNS']])
  })

  it('endpoints of an entry are served at the ports that this entry says', () => {
    const first = REVIEWS.replace('{number: 9080,', '{number: 9080, targetPort: 8080,')
    const second = REVIEWS.replace('name: reviews,', 'name: reviews-b,')
      .replace('10.0.0.1', '10.0.1.1')
      .replace('10.0.0.2', '10.0.1.2')
      .replace('{number: 9080, name: http,', '{number: 9080, targetPort: 8081, name: web,')
      .replace('ports: {http: 9090}', 'ports: {web: 9090, http: 1}')
    const { scope } = mesh(first, second)
    const shop = scope(proxy('shop'))
    const service = shop.services()[0]!
    expect(shop.endpoints(service, service.ports[0]!).map(({ address, port }) => `${address}:${port}`)).toEqual([
      '10.0.0.1:8080',
      '10.0.0.2:9090',
      '10.0.1.1:8081',
      '10.0.1.2:9090',
    ])
  })

  it('a port may have the name of what every object inherits', () => {
    const { scope } = mesh(
      REVIEWS.replace(/name: http\b/, 'name: constructor').replace(/ports: \{http: \d+\}/, 'ports: {}'),
    )
    const shop = scope(proxy('shop'))
    const service = shop.services()[0]!
    expect(service.ports[0]!.name).toBe('constructor')
    for (const { port } of shop.endpoints(service, service.ports[0]!)) expect(port).toBe(9080)
  })

  it('a selector takes the WorkloadEntries of its namespace', () => {
    const workload = (name: string, namespace: string, app: string) => `
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: ${name}, namespace: ${namespace}}
spec: {address: 10.1.0.${name.length}, labels: {app: ${app}}, weight: 2}`
    const selecting = REVIEWS.replace(/ {2}endpoints:[\s\S]*/, '  workloadSelector: {labels: {app: reviews}}\n')
    const { scope } = mesh(
      selecting,
      workload('a', 'shop', 'reviews'),
      workload('bb', 'shop', 'other'),
      workload('ccc', 'else', 'reviews'),
    )
    const shop = scope(proxy('shop'))
    const service = shop.services()[0]!
    expect(shop.endpoints(service, service.ports[0]!).map(({ address, weight }) => [address, weight])).toEqual([
      ['10.1.0.1', 2],
    ])
  })

  it('DNS without endpoints resolves the host itself', () => {
    const { scope } = mesh(REVIEWS.replace('STATIC', 'DNS').replace(/ {2}endpoints:[\s\S]*/, ''))
    const shop = scope(proxy('shop'))
    const service = shop.services()[0]!
    expect(shop.endpoints(service, service.ports[0]!)[0]).toMatchObject({
      address: 'reviews.shop.svc.cluster.local',
      port: 9080,
    })
  })

  it('DNS without endpoints resolves each host of an entry by its own name', () => {
    const entry = REVIEWS.replace('STATIC', 'DNS').replace(/ {2}endpoints:[\s\S]*/, '')
    const { scope } = mesh(entry.replace('hosts: [', 'hosts: [other.example, '))
    const shop = scope(proxy('shop'))
    const addresses = shop.services().map((service) => shop.endpoints(service, service.ports[0]!)[0]?.address)
    expect(addresses).toEqual(['other.example', 'reviews.shop.svc.cluster.local'])
  })

  it('what is listed of a kind has no endpoints: they change unnoticed by who reads a list', () => {
    const { model } = mesh(REVIEWS)
    const [listed] = model.world.all<ServiceEntrySpec>('ServiceEntry')
    expect(listed!.spec.endpoints).toBeUndefined()
    expect(model.world.current(listed!).spec.endpoints).toHaveLength(2)
  })

  it('names of servers are those of the present document, whatever whoever asks still holds', () => {
    const { scope, commit } = mesh(REVIEWS.replace('spec:', 'spec:\n  subjectAltNames: [a.example]'))
    const shop = scope(proxy('shop'))
    const before = shop.services()[0]!
    expect(shop.serverNames(before)).toEqual(['a.example'])
    commit(REVIEWS.replace('spec:', 'spec:\n  subjectAltNames: [b.example]'))
    expect(shop.serverNames(before)).toEqual(['b.example'])
    expect(shop.serverNames(shop.services()[0]!)).toEqual(['b.example'])
  })
})

describe('what a class may see', () => {
  it('exportTo hides a service from other namespaces', () => {
    const { scope } = mesh(REVIEWS.replace('spec:', "spec:\n  exportTo: ['.']"))
    expect(scope(proxy('shop')).services()).toHaveLength(1)
    expect(scope(proxy('other')).services()).toHaveLength(0)
  })

  it('a rule of its namespace reaches a service that is exported to others only', () => {
    const { scope, commit } = mesh(REVIEWS.replace('spec:', 'spec:\n  exportTo: [other]'))
    expect(scope(proxy('shop')).services()).toHaveLength(0)
    const rule = (namespace: string) => `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: to-reviews, namespace: ${namespace}}
spec: {hosts: [x.test], http: [{route: [{destination: {host: reviews.shop.svc.cluster.local}}]}]}
`
    commit(REVIEWS.replace('spec:', 'spec:\n  exportTo: [other]'), rule('shop'))
    expect(scope(proxy('shop')).services()).toHaveLength(1)
    expect(scope(proxy('third')).services()).toHaveLength(0)
  })

  it('of two services with one hostname the own namespace wins', () => {
    const { scope } = mesh(REVIEWS, REVIEWS.replace('namespace: shop', 'namespace: other'))
    expect(
      scope(proxy('other'))
        .services()
        .map(({ namespace }) => namespace),
    ).toEqual(['other'])
    expect(scope(proxy('third')).services()).toHaveLength(1)
  })

  it('a change of the endpoints of one service computes nothing of another again', () => {
    const ratings = REVIEWS.replaceAll('reviews', 'ratings').replaceAll('10.0.0', '10.0.1')
    const { commit, scope } = mesh(REVIEWS, ratings)
    const view = scope(proxy('shop'))
    const [first, second] = ['ratings', 'reviews'].map((name) => view.service(`${name}.shop.svc.cluster.local`)!)
    let computed = 0
    const others = cell(() => {
      computed++
      return view.endpoints(first!, first!.ports[0]!).map(({ address }) => address)
    })
    const own = cell(() => view.endpoints(second!, second!.ports[0]!).map(({ address }) => address))
    expect(others()).toEqual(['10.0.1.1', '10.0.1.2'])
    expect(own()).toEqual(['10.0.0.1', '10.0.0.2'])
    commit(REVIEWS.replace('10.0.0.2', '10.0.0.9'), ratings)
    expect(own()).toEqual(['10.0.0.1', '10.0.0.9'])
    expect(others()).toEqual(['10.0.1.1', '10.0.1.2'])
    expect(computed).toBe(1)
    expect(view.service('reviews.shop.svc.cluster.local')).toBe(second)
  })

  it('a service is made again when the default of its visibility changes', () => {
    const { commit, scope } = mesh(REVIEWS)
    const elsewhere = scope(proxy('other'))
    expect(elsewhere.services()).toHaveLength(1)
    commit(
      REVIEWS,
      "apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {defaultServiceExportTo: ['.']}\n",
    )
    expect(elsewhere.services()).toHaveLength(0)
  })

  it('a host of a rule is exact first, then short', () => {
    const { scope } = mesh(
      REVIEWS,
      REVIEWS.replace('reviews.shop.svc.cluster.local', 'ratings').replace('name: reviews', 'name: ratings'),
    )
    const shop = scope(proxy('shop'))
    expect(shop.resolve('reviews', 'shop')?.hostname).toBe('reviews.shop.svc.cluster.local')
    expect(shop.resolve('reviews', 'other')).toBeUndefined()
    expect(shop.resolve('ratings', 'anywhere')?.hostname).toBe('ratings')
    expect(shop.hostname('details', 'shop')).toBe('details.shop.svc.cluster.local')
  })

  const SIDECAR = (hosts: string, extra = '') => `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: s${extra.length}, namespace: shop}
spec:
  ${extra}
  egress: [{hosts: [${hosts}]}]`
  const OTHER = REVIEWS.replaceAll('shop', 'other')

  it('a Sidecar limits services to its egress hosts', () => {
    const { scope } = mesh(REVIEWS, OTHER, SIDECAR('"./*"'))
    expect(
      scope(proxy('shop'))
        .services()
        .map(({ namespace }) => namespace),
    ).toEqual(['shop'])
    expect(scope(proxy('other')).services()).toHaveLength(2)
    expect(scope(proxy('shop', {}, 'router')).services()).toHaveLength(2)
  })

  it('a Sidecar with a fitting selector goes before the one of the namespace', () => {
    const { scope } = mesh(
      REVIEWS,
      OTHER,
      SIDECAR('"./*"'),
      SIDECAR('"other/*"', 'workloadSelector: {labels: {app: a}}'),
    )
    expect(
      scope(proxy('shop', { app: 'a' }))
        .services()
        .map(({ namespace }) => namespace),
    ).toEqual(['other'])
    expect(
      scope(proxy('shop', { app: 'b' }))
        .services()
        .map(({ namespace }) => namespace),
    ).toEqual(['shop'])
  })

  it('what a visible VirtualService sends to is visible too', () => {
    const virtualService = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v, namespace: shop}
spec:
  hosts: [front.shop.svc.cluster.local]
  http: [{route: [{destination: {host: reviews.other.svc.cluster.local}}]}]`
    const { scope } = mesh(REVIEWS, OTHER, SIDECAR('"shop/front.shop.svc.cluster.local"'), virtualService)
    expect(scope(proxy('shop')).virtualServices(MESH_GATEWAY)).toHaveLength(1)
    expect(
      scope(proxy('shop'))
        .services()
        .map(({ hostname }) => hostname),
    ).toEqual(['reviews.other.svc.cluster.local'])
  })

  it("in the Sidecar of the root namespace ./ is the proxy's own namespace", () => {
    const root = SIDECAR('"./*"').replace('namespace: shop', 'namespace: istio-system')
    const { scope } = mesh(REVIEWS, OTHER, root)
    const seen = (namespace: string) =>
      scope(proxy(namespace))
        .services()
        .map((service) => service.namespace)
    expect(seen('shop')).toEqual(['shop'])
    expect(seen('other')).toEqual(['other'])
    expect(seen('istio-system')).toEqual([])
  })

  it('~ takes services out of what the same listener imports', () => {
    const seen = (...hosts: readonly string[]) => {
      const listeners = hosts.map((list) => `{hosts: [${list}]}`).join(', ')
      return mesh(REVIEWS, OTHER, SIDECAR('').replace('[{hosts: []}]', `[${listeners}]`))
        .scope(proxy('shop'))
        .services()
        .map(({ namespace }) => namespace)
    }
    expect(seen('"*/*", "~other/*"')).toEqual(['shop'])
    expect(seen('"*/*", "~./*.svc.cluster.local"')).toEqual(['other'])
    expect(seen('"*/*", "~/reviews.other.svc.cluster.local"')).toEqual(['shop'])
    expect(seen('"./*", "~/*"')).toEqual([])
    expect(seen('"./*", "~/*"', '"other/*"')).toEqual(['other'])
  })

  describe('a host that several namespaces declare', () => {
    const of = (namespace: string, exportTo: string) =>
      OTHER.replace('reviews.other.svc', 'reviews.any.svc')
        .replace('namespace: other', `namespace: ${namespace}`)
        .replace('resolution', `exportTo: [${exportTo}]\n  resolution`)
    const chosen = (viewer: string, ...texts: readonly string[]) =>
      mesh(...texts)
        .scope(proxy(viewer))
        .services()
        .map(({ namespace }) => namespace)

    it("is the one exported to the viewer's namespace by name, else the oldest", () => {
      const all = [of('a', '"*"'), of('b', '"*"'), of('c', 'web')]
      expect(chosen('web', ...all)).toEqual(['c'])
      expect(chosen('shop', ...all)).toEqual(['a'])
      expect(chosen('b', ...all)).toEqual(['b'])
    })

    it('is one of those a Sidecar imports', () => {
      expect(chosen('shop', of('a', '"*"'), of('b', '"*"'), SIDECAR('"b/*"'))).toEqual(['b'])
    })
  })
})
