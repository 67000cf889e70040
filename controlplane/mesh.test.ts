import { describe, expect, it } from 'vitest'
import { configObjects } from '../test/helpers/objects.ts'
import { createMesh } from './mesh.ts'

const SERVICE = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews.shop.svc.cluster.local]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
`
const SIDECAR = `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: some, namespace: shop}
spec:
  workloadSelector: {labels: {app: reviews}}
  egress: [{hosts: ['./*']}]
`

describe('classification', () => {
  it('stays while no change can move a node to another class', () => {
    const mesh = createMesh()
    mesh.commit(configObjects(SERVICE))
    const before = mesh.classification?.()
    mesh.commit(configObjects(SERVICE.replace('10.0.0.1', '10.0.0.2')))
    expect(mesh.classification?.()).toBe(before)
  })

  it('is another one when a selector looks at a label nobody looked at before', () => {
    const mesh = createMesh()
    mesh.commit(configObjects(SERVICE))
    const before = mesh.classification?.()
    mesh.commit(configObjects(`${SERVICE}\n---\n${SIDECAR}`))
    expect(mesh.classification?.()).not.toBe(before)
  })

  describe('is another one when another Sidecar says whether clusters come on demand', () => {
    const eager = (namespace: string) => `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: all, namespace: ${namespace}, annotations: {meshgate.io/lazy: 'false'}}
spec: {egress: [{hosts: ['*/*']}]}
`
    const root = (namespace: string) => `
apiVersion: meshgate.io/v1
kind: Mesh
metadata: {name: mesh}
spec: {rootNamespace: ${namespace}}
`
    const own = SIDECAR.replace(/ {2}workloadSelector.*\n/, '')
    const NODE = {
      id: 'sidecar~10.0.0.1~web.shop~shop.svc.cluster.local',
      cluster: '',
      metadata: {},
      locality: { region: '', zone: '', subZone: '' },
      userAgent: 'envoy/1.39.3',
      protocol: 'delta',
      secretsAllowed: true,
    } as const
    it('for nodes of any namespace, as they like to call it', () => {
      const mesh = createMesh()
      mesh.commit(configObjects(`${eager('constructor')}\n---\n${root('constructor')}`))
      for (const NAMESPACE of ['shop', 'constructor', 'toString', '__proto__'])
        expect(mesh.view({ ...NODE, metadata: { NAMESPACE } }).onDemand).toBeUndefined()
    })
    it.each([
      ['the root namespace is another', root('a'), root('b')],
      ['the own namespace gets one without an annotation', root('a'), `${root('a')}\n---\n${own}`],
    ])('%s', (_, first, second) => {
      const mesh = createMesh()
      mesh.commit(configObjects(`${eager('a')}\n---\n${first}`))
      const before = mesh.classification?.()
      expect(mesh.view(NODE).onDemand).toBeUndefined()
      mesh.commit(configObjects(`${eager('a')}\n---\n${second}`))
      expect(mesh.view(NODE).onDemand).toBeDefined()
      expect(mesh.classification?.()).not.toBe(before)
    })
  })
})
