import { expect, it } from 'vitest'
import { configObjects } from '../../test/helpers/objects.ts'
import { createMesh } from '../mesh.ts'
import { problemsOfViews } from './compile-problems.ts'

const SHOP = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: shop}
spec: {hosts: [shop.example], resolution: STATIC, ports: [{number: 443, name: https, protocol: HTTPS}], endpoints: [{address: 10.0.0.1}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec: {host: shop.example, trafficPolicy: {tls: {mode: SIMPLE, sni: shop.example}}}
`
const WRITTEN = `
---
apiVersion: meshgate.io/v1
kind: EnvoyResource
metadata: {name: shop}
spec: {clusters: [{name: 'outbound|443||shop.example', type: STATIC, connect_timeout: 1s}]}
`
const EAGER = `
---
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {lazy: false}
`

it.each([
  ['has gone', ''],
  ['is written by hand now', SHOP + WRITTEN],
])('a complaint about a cluster goes with it: it %s', (_, next) => {
  const mesh = createMesh()
  mesh.commit(configObjects(SHOP + EAGER))
  const view = mesh.view({
    id: 'sidecar~10.0.0.1~web.default~default.svc.cluster.local',
    cluster: '',
    metadata: {},
    locality: { region: '', zone: '', subZone: '' },
    userAgent: 'envoy/1.39.3',
    protocol: 'delta',
    secretsAllowed: true,
  })
  const codes = () => problemsOfViews([view], mesh.model.world).map(({ code }) => code)
  expect(codes()).toEqual(['TLS_NAME_NOT_CHECKED'])
  mesh.commit(configObjects(next + EAGER))
  expect(codes()).toEqual([])
})

it('clusters of message proxies have their complaints too, in plans as in diagnostics', () => {
  const mesh = createMesh()
  mesh.commit(
    configObjects(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: arena}
spec: {hosts: [arena.example], resolution: STATIC, ports: [{number: 7001, name: game, protocol: TCP}], endpoints: [{address: 10.0.0.1}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: arena}
spec: {host: arena.example, trafficPolicy: {tls: {mode: SIMPLE, sni: arena.example}}}
---
apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: arena}
spec: {msgid: 7, svrName: arena.example}
`),
  )
  const view = mesh.view({
    id: 'message~10.0.0.1~edge.default~default.svc.cluster.local',
    cluster: '',
    metadata: {},
    locality: { region: '', zone: '', subZone: '' },
    userAgent: 'meshgate',
    protocol: 'delta',
    secretsAllowed: true,
  })
  const name = 'outbound|7001||arena.example'
  expect(view.get('cds', name)).toBeDefined()
  expect(view.clusterProblems().get(name)).toMatchObject([{ code: 'TLS_NAME_NOT_CHECKED' }])
  expect(problemsOfViews([view], mesh.model.world).map(({ code }) => code)).toEqual(['TLS_NAME_NOT_CHECKED'])
})
