import { describe, expect, it } from 'vitest'
import { configObjects } from '../../test/helpers/objects.ts'
import { createMesh } from '../mesh.ts'
import type { ClassView } from './class-view.ts'
import type { NodeInfo } from './resource.ts'

const MESH = `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews.test]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 10.1.0.1}]
`

function nodeOf(type: string): NodeInfo {
  return {
    id: `${type}~10.0.0.1~web.shop~shop.svc.cluster.local`,
    cluster: 'web',
    metadata: {},
    locality: { region: '', zone: '', subZone: '' },
    userAgent: 'envoy 1.39.3',
    protocol: 'sotw',
    secretsAllowed: true,
  }
}

function viewOf(type: string): ClassView {
  const mesh = createMesh({
    onFailure: (failed, name, error) => {
      throw new Error(`${failed} ${name}`, { cause: error })
    },
  })
  mesh.commit(configObjects(MESH))
  return mesh.view(nodeOf(type))
}

describe('what proxies of a class are served', () => {
  it('is clusters, endpoints, listeners and routes for an Envoy, and nothing for private protocols', () => {
    const view = viewOf('sidecar')
    expect(view.names('cds')).toContain('outbound|80||reviews.test')
    expect(view.names('eds')).toEqual(['outbound|80||reviews.test'])
    expect(view.names('lds').length).toBeGreaterThan(0)
    expect(view.names('rds').length).toBeGreaterThan(0)
    for (const type of ['pds', 'mrds', 'mlds'] as const) {
      expect(view.names(type)).toEqual([])
      expect(view.get(type, 'reviews.test')).toBeUndefined()
    }
  })

  it('is for a message proxy what its tables name: without a port for a protocol nothing, and never HTTP', () => {
    const view = viewOf('message')
    for (const type of ['cds', 'eds', 'lds', 'rds', 'vhds', 'mlds'] as const) expect(view.names(type)).toEqual([])
    expect(view.get('rds', '80')).toBeUndefined()
  })
})

describe('a message that cannot be compiled', () => {
  it('costs that resource, is told with its type and name, and leaves the rest', () => {
    const failed: string[] = []
    const mesh = createMesh({ onFailure: (type, name) => failed.push(`${type} ${name}`) })
    const objects = new Map(configObjects(MESH))
    const [[key, object]] = [...objects] as [[string, NonNullable<ReturnType<typeof objects.get>>]]
    // A weight the encoder refuses: no document that was checked holds one.
    const endpoints = [{ address: '10.1.0.1', weight: 1.5 }]
    objects.set(key, { ...object, spec: { ...(object.spec as object), endpoints } })
    mesh.commit(objects)
    const view = mesh.view(nodeOf('sidecar'))
    expect(view.get('eds', 'outbound|80||reviews.test')).toBeUndefined()
    expect(failed).toEqual(['eds outbound|80||reviews.test'])
    expect(view.get('cds', 'outbound|80||reviews.test')).toBeDefined()
  })
})
