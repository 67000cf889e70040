import { expect, test } from 'vitest'
import { defaultCluster, parseNodeId } from './node-id.ts'

test("Istio's ids tell type, address, workload and namespace", () => {
  expect(parseNodeId('sidecar~10.0.0.1~shop-7f9.store~store.svc.cluster.local')).toEqual({
    type: 'sidecar',
    ip: '10.0.0.1',
    name: 'shop-7f9',
    namespace: 'store',
    domain: 'store.svc.cluster.local',
  })
})

test('a workload without a namespace is in that of the domain', () => {
  expect(parseNodeId('router~10.0.0.1~edge~store.svc.cluster.local')).toMatchObject({
    name: 'edge',
    namespace: 'store',
  })
})

test('any other id is an id all the same', () => {
  expect(parseNodeId('my-envoy')).toBeUndefined()
  expect(defaultCluster('my-envoy')).toBe('my-envoy')
  expect(defaultCluster('sidecar~10.0.0.1~shop.store~x')).toBe('shop.store')
})
