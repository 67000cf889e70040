import { expect, it } from 'vitest'
import { clusterRows, figuresFrom, hostOfCluster } from './traffic.ts'

it('finds the host of a cluster, of a subset and of one that came back on demand', () => {
  expect(hostOfCluster('outbound|80||a.example.com')).toBe('a.example.com')
  expect(hostOfCluster('outbound|80|v1|a.example.com~3')).toBe('a.example.com')
  expect(hostOfCluster('PassthroughCluster')).toBeUndefined()
})

it('says whether proxies were read or only reported', () => {
  expect(figuresFrom({ reading: ['sidecar~a'] })).toBe('counters')
  expect(figuresFrom({ reading: [] })).toBe('reports')
  expect([figuresFrom({ reading: 2 }), figuresFrom({ reading: 0 })]).toEqual(['counters', 'reports'])
})

it('has a row for each port and subset of a host: of all times and of the last minutes, returns of a cluster together', () => {
  const load = (cluster: string, issued: number) => ({ cluster, issued, failed: 1, inProgress: 2 })
  const [v1, v2, plain] = ['outbound|80|v1|pay', 'outbound|80|v2|pay', 'outbound|81||pay']
  const recent = [
    { cluster: v2, requests: 9, failed: 3 },
    { cluster: plain, requests: 1, failed: 0 },
  ]
  expect(
    clusterRows('pay', [load(v2, 10), load(`${v2}~1`, 5), load(v1, 7), load('outbound|80||cart', 1)], recent),
  ).toEqual([
    { cluster: v1, port: '80', subset: 'v1', recent: undefined, load: { issued: 7, failed: 1, inProgress: 2 } },
    { cluster: v2, port: '80', subset: 'v2', recent: recent[0], load: { issued: 15, failed: 2, inProgress: 4 } },
    { cluster: plain, port: '81', subset: '', recent: recent[1], load: undefined },
  ])
})
