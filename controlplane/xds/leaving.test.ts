import { describe, expect, it } from 'vitest'
import { configObjects } from '../../test/helpers/objects.ts'
import { createMesh } from '../mesh.ts'
import { GenerationBook } from '../ondemand/index.ts'
import { leavingClusters } from './leaving.ts'

const service = (subsets: readonly string[], ports = [80]) =>
  `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: cart}
spec:
  hosts: [cart.example]
  resolution: STATIC
  ports: [${ports.map((port) => `{number: ${port}, name: http-${port}, protocol: HTTP}`)}]
  endpoints: [{address: 10.0.0.1, labels: {app: cart}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart}
spec: {host: cart.example, subsets: [${subsets.map((name) => `{name: ${name}, labels: {app: cart}}`)}]}`

function startLazy(yaml: string) {
  const mesh = createMesh({ generations: new GenerationBook() })
  mesh.commit(configObjects(yaml))
  const view = mesh.view({
    id: 'sidecar~10.0.0.9~caller.default~default.svc.cluster.local',
    cluster: '',
    metadata: {},
    locality: { region: '', zone: '', subZone: '' },
    userAgent: 'envoy/1.39.3',
    protocol: 'delta',
    secretsAllowed: true,
  })
  return { mesh, view, onDemand: view.onDemand! }
}

describe('what is about to go', () => {
  const leaving = (before: string, after: string) => {
    const { mesh } = startLazy(before)
    return leavingClusters(mesh.model.world, configObjects(after))
  }

  it('is the subset that is renamed, not the service', () =>
    expect(leaving(service(['v1', 'v2']), service(['v1', 'v3']))).toEqual([
      { host: 'cart.example', subset: 'v2', namespace: 'default' },
    ]))
  it('is the port that is closed', () =>
    expect(leaving(service([], [80, 81]), service([], [80]))).toEqual([
      { host: 'cart.example', port: 81, namespace: 'default' },
    ]))
  it('is all of a service that is deleted', () =>
    expect(leaving(service(['v1']), '')).toEqual([
      { host: 'cart.example', port: 80, namespace: 'default' },
      { host: 'cart.example', subset: 'v1', namespace: 'default' },
    ]))
  it('is nothing when something else about them changes', () =>
    expect(leaving(service(['v1']), service(['v1']).replaceAll('10.0.0.1', '10.0.0.2'))).toEqual([]))
})

describe('a request that was routed before the change', () => {
  it('finds the cluster as it was, with its endpoints, and only the cluster that went', () => {
    const { mesh, view, onDemand } = startLazy(service(['v1', 'v2']))
    const before = view.get('cds', 'outbound|80|v2|cart.example')!
    const endpoints = view.get('eds', 'outbound|80|v2|cart.example')!
    mesh.commit(configObjects(service(['v1', 'v3'])))
    expect(view.get('cds', before.name)).toBeUndefined()
    expect(onDemand.departing(before.name)?.version).toBe(before.version)
    expect(view.get('eds', before.name)?.version).toBe(endpoints.version)
    expect(onDemand.departing('outbound|80|v1|cart.example')).toBeUndefined()
  })

  it('finds it also in a storm of twelve hundred renames within the time', () => {
    const { mesh, onDemand } = startLazy(service(['s0a']))
    for (let change = 1; change <= 160; change++)
      mesh.commit(configObjects(service([...'abcdefgh'].map((letter) => `s${change}${letter}`))))
    expect(onDemand.departing('outbound|80|s159b|cart.example')?.name).toBe('outbound|80|s159b|cart.example')
  })
})
