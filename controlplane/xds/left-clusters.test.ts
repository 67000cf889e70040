import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { fakeResource } from '../../test/helpers/fake-mesh.ts'
import { LeftClusters } from './left-clusters.ts'

const left = (name: string) => ({ cluster: fakeResource('cds', name, '1'), endpoints: undefined })

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('a cluster that went is kept while a proxy may still have routes to it, and no longer', () => {
  const clusters = new LeftClusters()
  clusters.keep('a', left('a'))
  vi.advanceTimersByTime(10_000)
  clusters.keep('b', left('b'))
  expect(clusters.get('a')?.cluster.name).toBe('a')
  vi.advanceTimersByTime(10_000)
  expect(clusters.get('a')).toBeUndefined()
  expect(clusters.get('b')?.cluster.name).toBe('b')
  vi.advanceTimersByTime(20_000)
  expect(clusters.isEmpty).toBe(true)
  expect(vi.getTimerCount()).toBe(0)
})

it('in a storm the oldest make room for the newest, which are those that requests are routed to', () => {
  const clusters = new LeftClusters()
  for (let number = 0; number < 6_000; number++) clusters.keep(`c${number}`, left(`c${number}`))
  expect(clusters.get('c0')).toBeUndefined()
  expect(clusters.get('c1000')?.cluster.name).toBe('c1000')
  expect(clusters.get('c5999')?.cluster.name).toBe('c5999')
})
