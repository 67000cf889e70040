import { describe, expect, it } from 'vitest'
import { NO_VERDICTS } from '../test/helpers/no-verdicts.ts'
import { configObjects } from '../test/helpers/objects.ts'
import { problemsOfViews } from './admin/compile-problems.ts'
import type { Origin } from './config/object.ts'
import { explain } from './explain/explain.ts'
import { places } from './explain/step.ts'
import { createMesh } from './mesh.ts'
import { supposing } from './model/supposition.ts'
import { ClassLog } from './subscription/class-log.ts'
import { Client } from './subscription/client.ts'

const NODE = {
  id: 'sidecar~10.0.0.1~web.default~default.svc.cluster.local',
  cluster: '',
  metadata: { LAZY: 'false' },
  locality: { region: '', zone: '', subZone: '' },
  userAgent: 'envoy/1.39.3',
  protocol: 'delta',
  secretsAllowed: true,
} as const

const entry = (name: string, hosts: readonly string[], more = '') => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts:
${hosts.map((host) => `  - ${host}\n`).join('')}
  ports: [{number: 443, name: https, protocol: HTTPS}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
---
${more}`

const RULE = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a}
spec:
  hosts: [a.example]
  http:
  - route: [{destination: {host: a.example, port: {number: 80}}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: a}
spec: {hosts: [a.example], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: 10.0.0.1}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a}
spec: {host: a.example, trafficPolicy: {tls: {mode: SIMPLE, sni: a.example}}}
`

function start(yaml: string) {
  const compiled: string[] = []
  const mesh = createMesh({ withoutDraining: true, onCompiled: (type, name) => compiled.push(`${type} ${name}`) })
  const commit = (text: string) => mesh.commit(configObjects(text))
  commit(yaml)
  return { mesh, compiled, commit, view: mesh.view(NODE) }
}

const shown = (origins: readonly Origin[]) =>
  origins.map(({ object, path }) => `${object.key} ${path.join('.')} ${object.source.locate(path).line}`)

describe('what something comes from is known after an edit that leaves its bytes as they are', () => {
  it('hosts of a ServiceEntry change places: each is found where it is now, and nothing is compiled', () => {
    const { compiled, commit, view } = start(entry('e', ['a.example', 'b.example']))
    const cluster = view.get('cds', 'outbound|443||b.example')!
    expect(shown(cluster.origins)).toEqual(['ServiceEntry/default/e spec.hosts.1 8'])
    compiled.length = 0
    commit(entry('e', ['b.example', 'a.example']))
    expect(view.get('cds', 'outbound|443||b.example')).toBe(cluster)
    expect(shown(cluster.origins)).toEqual(['ServiceEntry/default/e spec.hosts.0 7'])
    expect(compiled).toEqual([])
  })

  it('a document takes the place of another one that said the same', () => {
    const { commit, view } = start(entry('e', ['a.example']))
    const cluster = view.get('cds', 'outbound|443||a.example')!
    const endpoints = view.get('eds', 'outbound|443||a.example')!
    expect(shown(cluster.origins)).toEqual(['ServiceEntry/default/e spec.hosts.0 7'])
    commit(`# moved\n${entry('f', ['a.example'])}`)
    expect(view.get('cds', 'outbound|443||a.example')).toBe(cluster)
    expect(view.get('eds', 'outbound|443||a.example')).toBe(endpoints)
    expect(shown(cluster.origins)).toEqual(['ServiceEntry/default/f spec.hosts.0 8'])
    expect(shown(endpoints.origins)).toEqual([
      'ServiceEntry/default/f spec.hosts.0 8',
      'ServiceEntry/default/f spec.endpoints.0 12',
    ])
  })

  it('a supposed edit leaves the present places', () => {
    const { mesh, view } = start(entry('e', ['a.example']))
    const cluster = view.get('cds', 'outbound|443||a.example')!
    const then = mesh.model.world.suppose(configObjects(entry('f', ['a.example'])))
    expect(supposing(then, () => view.get('cds', 'outbound|443||a.example'))).toBe(cluster)
    expect(shown(cluster.origins)).toEqual(['ServiceEntry/default/e spec.hosts.0 7'])
  })

  it('what was published goes and comes back from another document between two rounds', () => {
    const { mesh, commit, view } = start(entry('e', ['a.example']))
    const epoch = { now: 0 }
    mesh.onChange(() => {
      epoch.now++
    })
    const log = new ClassLog(view, epoch, NO_VERDICTS)
    const client = new Client(log, {
      id: 'web',
      form: 'delta',
      ackTimeoutMs: 5000,
      paceMs: 2000,
      removalTimeoutMs: 30_000,
      settleMs: 1000,
      clustersAtOnce: 64,
      frames: { headroom: 5, seal: () => {}, identifier: 'test', boot: 'b', responseBytes: 1 << 20 },
    })
    const request = { form: 'delta', typeUrl: '', node: undefined, nonce: '', error: undefined } as const
    client.receive('cds', { ...request, subscribe: [], unsubscribe: [], initialVersions: new Map() }, 0)
    client.flow(0)
    commit('')
    view.get('cds', 'outbound|443||a.example')
    commit(`# moved\n${entry('f', ['a.example'])}`)
    expect(log.refresh()).toEqual([])
    const published = log.of('cds').get('outbound|443||a.example')!
    expect(shown(published.origins)).toEqual(['ServiceEntry/default/f spec.hosts.0 8'])
    const all = log.of('cds').all(client.place('cds')!.interest)
    expect(all.find(({ name }) => name === published.name)).toBe(published)
  })
})

describe('only lines move', () => {
  const moved = `# one\n# two\n${RULE}`

  it('an explanation names the lines of now', () => {
    const { commit, view } = start(RULE)
    const request = { url: new URL('http://a.example/'), method: 'GET', headers: {} }
    const linesNow = () => explain(view, request).steps.flatMap((step) => step.places.map(({ line }) => line))
    const before = linesNow()
    expect(before.length).toBeGreaterThan(3)
    commit(moved)
    expect(linesNow()).toEqual(before.map((line) => line + 2))
  })

  it('a complaint about a cluster names the line of now', () => {
    const { mesh, commit, view } = start(RULE)
    const complaints = () => problemsOfViews([view], mesh.model.world).map(({ code, line }) => [code, line])
    const before = complaints()
    expect(before).toEqual([['TLS_NAME_NOT_CHECKED', 18]])
    commit(moved)
    expect(complaints()).toEqual([['TLS_NAME_NOT_CHECKED', 20]])
  })

  it('nothing is compiled, and the same resources say other lines', () => {
    const { compiled, commit, view } = start(RULE)
    const all = () => view.names('cds').map((name) => view.get('cds', name)!)
    const before = all()
    const linesBefore = before.map(({ origins }) => places(origins).map(({ line }) => line))
    compiled.length = 0
    commit(moved)
    expect(all()).toEqual(before)
    expect(compiled).toEqual([])
    expect(before.map(({ origins }) => places(origins).map(({ line }) => line))).toEqual(
      linesBefore.map((lines) => lines.map((line) => line + 2)),
    )
  })
})
