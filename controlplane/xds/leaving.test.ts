import { describe, expect, it, vi } from 'vitest'
import { configObjects } from '../../test/helpers/objects.ts'
import { createMesh } from '../mesh.ts'
import { GenerationBook } from '../ondemand/index.ts'
import { leavingClusters } from './leaving.ts'
import type { NodeInfo } from './resource.ts'

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

const nodeOf = (workload: string): NodeInfo => ({
  id: `sidecar~10.0.0.9~${workload}.${workload}~${workload}.svc.cluster.local`,
  cluster: '',
  metadata: {},
  locality: { region: '', zone: '', subZone: '' },
  userAgent: 'envoy/1.39.3',
  protocol: 'delta',
  secretsAllowed: true,
})

function startLazy(yaml: string) {
  const mesh = createMesh({ generations: new GenerationBook() })
  mesh.commit(configObjects(yaml))
  const view = mesh.view(nodeOf('caller'))
  return { mesh, view, onDemand: view.onDemand! }
}

describe('what is about to go', () => {
  const leaving = (before: string, after: string) => {
    const { mesh } = startLazy(before)
    return leavingClusters(mesh.model.world, configObjects(after)).map(({ object: _, ...clusters }) => clusters)
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

describe('a class that came after the change', () => {
  const other = (mesh: ReturnType<typeof createMesh>) => mesh.view(nodeOf('late'))
  const name = (subset: string) => `outbound|80|${subset}|cart.example`

  it('finds the cluster as it was too', () => {
    const { mesh, view } = startLazy(service(['v1', 'v2']))
    const [cluster, endpoints] = [view.get('cds', name('v2'))!, view.get('eds', name('v2'))!]
    mesh.commit(configObjects(service(['v1', 'v3'])))
    const late = other(mesh)
    expect(late.onDemand!.departing(name('v2'))?.version).toBe(cluster.version)
    expect(late.get('eds', name('v2'))?.version).toBe(endpoints.version)
    expect(late.get('cds', name('v2'))).toBeUndefined()
    expect(late.onDemand!.departing(name('v4'))).toBeUndefined()
  })

  it('finds that of a host that was deleted, and of each of the names it had in turn', () => {
    const { mesh } = startLazy(service(['v1']))
    for (const subset of ['v2', 'v3']) mesh.commit(configObjects(service([subset])))
    mesh.commit(configObjects(''))
    const late = other(mesh)
    for (const subset of ['v1', 'v2', 'v3'])
      expect(late.onDemand!.departing(name(subset))?.name, subset).toBe(name(subset))
    expect(late.onDemand!.departing('outbound|80||cart.example')?.name).toBe('outbound|80||cart.example')
  })

  it('finds what went before this process, if that is told', () => {
    const { mesh } = startLazy(service(['v1', 'v3']))
    mesh.recall(configObjects(service(['v1', 'v2'])).values())
    expect(other(mesh).onDemand!.departing(name('v2'))?.name).toBe(name('v2'))
    expect(other(mesh).onDemand!.departing(name('v4'))).toBeUndefined()
  })

  it('does not find it for ever', () => {
    vi.useFakeTimers()
    try {
      const { mesh } = startLazy(service(['v1', 'v2']))
      mesh.commit(configObjects(service(['v1', 'v3'])))
      vi.advanceTimersByTime(16_000)
      expect(other(mesh).onDemand!.departing(name('v2'))).toBeUndefined()
      vi.advanceTimersByTime(10_000)
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})
