import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RESOURCE_TYPES } from '../proto/types.ts'
import { NO_VERDICTS } from '../test/helpers/no-verdicts.ts'
import { loadConfig } from './config/load.ts'
import { createMesh } from './mesh.ts'
import { supposing } from './model/supposition.ts'
import { MemorySource } from './sources/memory-source.ts'
import { ClassLog } from './subscription/class-log.ts'
import { newInterest } from './subscription/interest.ts'
import { NameSet } from './subscription/name-set.ts'

const NODE = {
  id: 'sidecar~10.0.0.1~web.shop~shop.svc.cluster.local',
  cluster: '',
  metadata: {},
  locality: { region: '', zone: '', subZone: '' },
  userAgent: 'envoy',
  protocol: 'delta',
  secretsAllowed: true,
} as const

const service = (host: string, endpoints: readonly number[], port: number, resolution: string, selects: boolean) => `
kind: ServiceEntry
apiVersion: networking.istio.io/v1
metadata: {name: ${host}, namespace: shop}
spec:
  hosts: [${host}.shop]
  ports: [{number: ${port}, name: http, protocol: HTTP}]
  resolution: ${resolution}
  location: MESH_INTERNAL
  ${selects ? `workloadSelector: {labels: {app: ${host}}}` : `endpoints: [${endpoints.map((end) => `{address: 10.0.0.${end}}`).join(', ')}]`}
`
const workload = (host: string, end: number) => `
kind: WorkloadEntry
apiVersion: networking.istio.io/v1
metadata: {name: ${host}-${end}, namespace: shop}
spec: {address: 10.1.0.${end}, labels: {app: ${host}}}
`
const rule = (host: string, weight: number) => `
kind: VirtualService
apiVersion: networking.istio.io/v1
metadata: {name: split, namespace: shop}
spec:
  hosts: [${host}.shop]
  http: [{route: [{destination: {host: a.shop}, weight: ${weight}}, {destination: {host: b.shop}, weight: ${100 - weight}}], mirror: {host: c.shop}}]
`
const policy = (host: string, tries: number) => `
kind: DestinationRule
apiVersion: networking.istio.io/v1
metadata: {name: ${host}, namespace: shop}
spec: {host: ${host}.shop, trafficPolicy: {connectionPool: {tcp: {maxConnections: ${tries}}}}}
`
const sidecar = (host: string) => `
kind: Sidecar
apiVersion: networking.istio.io/v1
metadata: {name: default, namespace: shop}
spec: {egress: [{hosts: ["./${host}.shop"]}]}
`

const meshDocument = (lazy: boolean) => `
kind: Mesh
apiVersion: meshgate.io/v1
metadata: {name: mesh}
spec: {lazy: ${lazy}}
`

const host = fc.constantFrom('a', 'b', 'c')
const ends = fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 3 })
const document = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(host, ends, fc.constantFrom(80, 8080), fc.constantFrom('STATIC', 'STATIC', 'DNS'), fc.boolean())
      .map(([name, list, port, resolution, selects]): [string, string] => [
        `se-${name}`,
        service(name, list, port, resolution, selects && resolution === 'STATIC'),
      ]),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(host, fc.integer({ min: 1, max: 2 }))
      .map(([name, end]): [string, string] => [`we-${name}-${end}`, workload(name, end)]),
  },
  fc.tuple(host, fc.integer({ min: 1, max: 99 })).map(([name, weight]): [string, string] => ['vs', rule(name, weight)]),
  fc.tuple(host, fc.integer({ min: 1, max: 3 })).map(([name, n]): [string, string] => [`dr-${name}`, policy(name, n)]),
  host.map((name): [string, string] => ['sidecar', sidecar(name)]),
)
/** A document comes or changes, or goes; then, perhaps, somebody else looks at everything, and perhaps the log is refreshed. */
const step = fc.record({ document, goes: fc.boolean(), looked: fc.boolean(), refreshed: fc.boolean() })

const everything = (view: ReturnType<ReturnType<typeof createMesh>['view']>) =>
  RESOURCE_TYPES.map((type) => view.names(type).map((name) => [name, view.get(type, name)?.version]))

describe('what is published to a class', () => {
  test('is what is compiled from the present configuration, although only suspects were looked at; and what was supposed comes true', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(step, { minLength: 1, maxLength: 12 }), (lazy, steps) => {
        const mesh = createMesh({ withoutDraining: true })
        const files = new Map<string, string>([
          ['mesh', meshDocument(lazy)],
          ['se-a', service('a', [1], 80, 'STATIC', false)],
          ['se-b', service('b', [2], 80, 'STATIC', false)],
        ])
        let config = loadConfig(MemorySource.of(Object.fromEntries(files)).snapshot)
        mesh.commit(config.objects)
        const epoch = { now: 0 }
        mesh.onChange(() => {
          epoch.now++
        })
        const view = mesh.view(NODE)
        const log = new ClassLog(view, epoch, NO_VERDICTS)
        const names = NameSet.of(['outbound|80||a.shop', 'outbound|80||b.shop', 'outbound|8080||c.shop', 'http_proxy'])
        for (const type of ['cds', 'lds', 'eds', 'rds'] as const) {
          const before = newInterest(type)
          const wildcard = type === 'cds' || type === 'lds'
          const interest = {
            wildcard,
            legacy: false,
            names: type === 'lds' || (wildcard && !lazy) ? NameSet.empty : names,
          }
          const added = [...interest.names]
          log.track(type, { before, interest, added, dropped: [], asked: added, askedAll: wildcard })
        }
        const check = () => {
          for (const type of RESOURCE_TYPES)
            for (const resource of log.of(type).published())
              expect(resource.version).toBe(view.get(type, resource.name)?.version)
          const wild = view.onDemand?.eager() ?? view.names('cds')
          expect(log.of('cds').all({ wildcard: true, legacy: false, names: NameSet.empty }).length).toBe(
            wild.filter((name) => view.get('cds', name)).length,
          )
          const followed = lazy ? (['cds', 'eds'] as const) : (['eds'] as const)
          for (const type of followed)
            for (const name of names) expect(log.of(type).get(name)?.version).toBe(view.get(type, name)?.version)
        }
        for (const [index, { document: change, goes, looked, refreshed }] of steps.entries()) {
          const [file, text] = change
          if (goes) files.delete(file)
          else files.set(file, text)
          config = loadConfig(MemorySource.of(Object.fromEntries(files)).snapshot, config)
          const then = mesh.model.world.suppose(config.objects)
          const foreseen = looked ? supposing(then, () => everything(view)) : undefined
          mesh.commit(config.objects)
          if (looked) expect(everything(view)).toEqual(foreseen)
          if (!refreshed && index < steps.length - 1) continue
          log.refresh()
          check()
        }
      }),
      { numRuns: 60 },
    )
  })

  test('what is supposed of a service that nobody asked for since it came back is what comes true', () => {
    const mesh = createMesh({ withoutDraining: true })
    const files = (ends: readonly number[]) => ({ a: service('a', ends, 80, 'STATIC', false) })
    const load = (documents: Readonly<Record<string, string>>) =>
      loadConfig(MemorySource.of(documents).snapshot).objects
    mesh.commit(load(files([2])))
    const view = mesh.view(NODE)
    const endpoints = () => view.get('eds', 'outbound|80||a.shop')!.version
    const first = endpoints()
    mesh.commit(load({}))
    mesh.commit(load(files([1])))
    const foreseen = supposing(mesh.model.world.suppose(load(files([]))), endpoints)
    mesh.commit(load(files([])))
    expect(endpoints()).toBe(foreseen)
    expect(foreseen).not.toBe(first)
  })

  test('one endpoint of one service: only its load assignment is looked at', () => {
    const mesh = createMesh({ withoutDraining: true })
    const files = (end: number) => ({
      a: service('a', [end], 80, 'STATIC', false),
      b: service('b', [1], 80, 'STATIC', false),
    })
    mesh.commit(loadConfig(MemorySource.of(files(1)).snapshot).objects)
    const view = mesh.view(NODE)
    for (const type of RESOURCE_TYPES) for (const name of view.names(type)) view.get(type, name)
    const moment = view.moment()
    mesh.commit(loadConfig(MemorySource.of(files(2)).snapshot).objects)
    const suspects = view.suspects(moment)!
    expect(RESOURCE_TYPES.flatMap((type) => [...suspects.resources(type)])).toEqual(['outbound|80||a.shop'])
    expect(RESOURCE_TYPES.filter((type) => suspects.names(type))).toEqual([])
  })

  test('one rule: no cluster and no load assignment is looked at', () => {
    const mesh = createMesh({ withoutDraining: true })
    const files = (weight: number) => ({
      a: service('a', [1], 80, 'STATIC', false),
      b: service('b', [1], 80, 'STATIC', false),
      vs: rule('a', weight),
    })
    mesh.commit(loadConfig(MemorySource.of(files(1)).snapshot).objects)
    const view = mesh.view(NODE)
    for (const type of RESOURCE_TYPES) for (const name of view.names(type)) view.get(type, name)
    const moment = view.moment()
    mesh.commit(loadConfig(MemorySource.of(files(2)).snapshot).objects)
    const suspects = view.suspects(moment)!
    expect([...suspects.resources('cds'), ...suspects.resources('eds')]).toEqual([])
    expect([...suspects.resources('rds')]).toContain('http_proxy')
  })

  test('a load assignment that comes because gRPC clients cannot take a second name is foreseen', () => {
    const mesh = createMesh({ withoutDraining: true })
    const config = (ends: readonly number[]) =>
      loadConfig(MemorySource.of({ a: service('a', ends, 80, 'DNS', false) }).snapshot)
    mesh.commit(config([1]).objects)
    const view = mesh.view({ ...NODE, userAgent: 'gRPC Node.js 1.14.0', protocol: 'sotw' })
    expect(view.names('eds')).toEqual([])
    const then = mesh.model.world.suppose(config([1, 2]).objects)
    expect(supposing(then, () => view.names('eds'))).toEqual(['outbound|80||a.shop'])
  })
})
