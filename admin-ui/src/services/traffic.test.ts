import { expect, it } from 'vitest'
import { figuresFrom, hostOfCluster } from './traffic.ts'

it('finds the host of a cluster, of a subset and of one that came back on demand', () => {
  expect(hostOfCluster('outbound|80||a.example.com')).toBe('a.example.com')
  expect(hostOfCluster('outbound|80|v1|a.example.com~3')).toBe('a.example.com')
  expect(hostOfCluster('PassthroughCluster')).toBeUndefined()
})

it('says whether proxies were read or only reported', () => {
  expect(figuresFrom({ reading: ['sidecar~a'] })).toBe('counters')
  expect(figuresFrom({ reading: [] })).toBe('reports')
})
