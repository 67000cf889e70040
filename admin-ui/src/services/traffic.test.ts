import { expect, it } from 'vitest'
import { trafficByHost } from './traffic.ts'

it('sums ports, subsets and clusters that came back on demand by their host', () => {
  const one = { issued: 2, failed: 1, inProgress: 0 }
  const names = ['outbound|80||a.example.com', 'outbound|80|v1|a.example.com~3', 'PassthroughCluster']
  const clusters = names.map((cluster) => ({ cluster, ...one, succeeded: 1, dropped: 0 }))
  expect([...trafficByHost(clusters)]).toEqual([['a.example.com', { issued: 4, failed: 2, inProgress: 0 }]])
})
