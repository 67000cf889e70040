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
})
