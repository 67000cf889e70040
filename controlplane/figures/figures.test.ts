import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { FigureBook, ServiceFigures } from './index.ts'
import { quantileOf } from './latency.ts'
import { type ClusterCounters, readPrometheus } from './prometheus.ts'
import { isLoopbackAddress } from './scraper.ts'

const ENVOY = `# TYPE envoy_cluster_upstream_rq_total counter
envoy_cluster_upstream_rq_total{envoy_cluster_name="outbound|80|v1|reviews.default.svc.cluster.local"} 104
envoy_cluster_upstream_rq_total{envoy_cluster_name="xds"} 7
# TYPE envoy_cluster_upstream_rq_completed counter
envoy_cluster_upstream_rq_completed{envoy_cluster_name="outbound|80|v1|reviews.default.svc.cluster.local"} 100
# TYPE envoy_cluster_upstream_rq_xx counter
envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="outbound|80|v1|reviews.default.svc.cluster.local"} 90
envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="outbound|80|v1|reviews.default.svc.cluster.local"} 10
# TYPE envoy_cluster_upstream_rq_time histogram
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="outbound|80|v1|reviews.default.svc.cluster.local",le="5"} 50
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="outbound|80|v1|reviews.default.svc.cluster.local",le="10"} 100
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="outbound|80|v1|reviews.default.svc.cluster.local",le="+Inf"} 100
envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="outbound|80|v1|reviews.default.svc.cluster.local"} 512.5
`
const HOST = 'reviews.default.svc.cluster.local'
const CLUSTER = `outbound|80|v1|${HOST}`
const counted = (
  requests: number,
  failed = 0,
  latency: readonly (readonly [number, number])[] = [],
): ClusterCounters => ({
  ...{ cluster: CLUSTER, requests, failed },
  latency: new Map(latency),
})

describe('the text of a proxy', () => {
  test('is read by outbound cluster; everything else is left out', () => {
    expect(readPrometheus(ENVOY)).toEqual([
      {
        ...{ cluster: CLUSTER, requests: 100, failed: 10 },
        latency: new Map([
          [5, 50],
          [10, 50],
        ]),
      },
    ])
  })

  const line = (stat: string, value: number, labels = '') =>
    `envoy_cluster_upstream_${stat}{envoy_cluster_name="${CLUSTER}"${labels}} ${value}\n`
  const read = (...lines: readonly string[]) => {
    const [one] = readPrometheus(lines.join(''))
    return one && { requests: one.requests, failed: one.failed }
  }

  test('tells of a service of which nothing is left: what finds no connection is answered by Envoy', () => {
    const text = [line('cx_http1_total', 6), line('rq_pending_failure_eject', 6), line('rq_completed', 2)]
    expect(read(...text, line('rq_xx', 2, ',envoy_response_code_class="5"'))).toEqual({ requests: 2, failed: 2 })
    expect(read(...text, line('rq_xx', 2, ',envoy_response_code_class="2"'))).toEqual({ requests: 2, failed: 0 })
  })

  test('counts a request once, when it is over', () => {
    expect(read(line('cx_http2_total', 1), line('rq_total', 1))).toEqual({ requests: 0, failed: 0 })
  })

  test('counts connections of TCP, those that did not come about among them', () => {
    expect(read(line('rq_total', 7))).toEqual({ requests: 7, failed: 0 })
    expect(read(line('rq_total', 7), line('rq_pending_failure_eject', 3))).toEqual({ requests: 10, failed: 3 })
  })

  test('counts messages as the message proxy does', () => {
    const text = [line('rq_total', 9), line('rq_completed', 4), line('rq_error_reply', 1), line('rq_timeout', 2)]
    expect(read(...text, line('rq_rx_reset', 1), line('rq_pending_failure_eject', 1))).toEqual({
      requests: 10,
      failed: 5,
    })
  })

  test('may be anything', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => Array.isArray(readPrometheus(text))))
    expect(readPrometheus('envoy_cluster_upstream_rq_completed{envoy_cluster_name="outbound|1||a"} nonsense')).toEqual(
      [],
    )
  })
})

describe('percentiles', () => {
  test('lie within their bucket, spread evenly', () => {
    const latency = new Map([
      [10, 50],
      [100, 50],
    ])
    expect([0.25, 0.5, 0.75, 1].map((share) => quantileOf(latency, share))).toEqual([7.5, 10, 75, 100])
  })

  test('of one bucket lie between its bounds, also where the one below it has no requests', () => {
    expect(quantileOf(new Map([[250, 10]]), 0.5)).toBe(175)
    expect(quantileOf(new Map([[333, 10]]), 0.5)).toBe(166.5)
  })

  test('beyond the last bound are that bound; of nothing there are none', () => {
    const slow = new Map([
      [100, 1],
      [Number.POSITIVE_INFINITY, 99],
    ])
    expect(quantileOf(slow, 0.99)).toBe(100)
    expect(quantileOf(new Map(), 0.5)).toBeUndefined()
  })
})

describe('the book', () => {
  test('counts from the first reading of a node on, and all of a cluster that comes later', () => {
    let now = 1_000_000
    const book = new FigureBook(() => now)
    book.read('a', [counted(1_000, 10)])
    expect(book.between(HOST, 0, now + 1)).toEqual({ requests: 0, failed: 0 })
    now += 5_000
    book.read('a', [counted(1_010, 12, [[5, 10]]), { ...counted(3), cluster: `outbound|80|v2|${HOST}~1` }])
    expect(book.between(HOST, 0, now + 1)).toEqual({
      ...{ requests: 13, failed: 2 },
      ...{ p50Ms: 3, p95Ms: 4.8, p99Ms: 4.96 },
    })
    expect(book.steps(HOST, 0, now + 1)).toHaveLength(1)
  })

  test('tells the clusters of a service apart, whatever generation they are of, in the window that is asked for', () => {
    let now = 1_000_000
    const book = new FigureBook(() => now)
    const [v1, v2] = [CLUSTER, `outbound|80|v2|${HOST}`]
    book.add(v2, { requests: 50, failed: 50 })
    now += 5_000
    book.add(v2, { requests: 4, failed: 3 })
    book.add(`${v2}~7`, { requests: 1, failed: 0 })
    now += 5_000
    book.add(v1, { requests: 6, failed: 0 })
    expect(book.clusters(HOST, 1_005_000, now + 1)).toEqual([
      { cluster: v1, requests: 6, failed: 0 },
      { cluster: v2, requests: 5, failed: 3 },
    ])
    expect(book.clusters('cart', 0, now + 1)).toEqual([])
  })

  test("times that come after their requests are theirs; times without any are nobody's", () => {
    let now = 1_000_000
    const book = new FigureBook(() => now)
    book.read('a', [counted(0)])
    now += 5_000
    book.read('a', [counted(10)])
    expect(book.between(HOST, 0, now + 1)).toEqual({ requests: 10, failed: 0 })
    now += 5_000
    book.read('a', [counted(10, 0, [[5, 10]])])
    expect(book.steps(HOST, 0, now + 1)).toEqual([
      { at: 1_005_000, requests: 10, failed: 0, p50Ms: 3, p95Ms: 4.8, p99Ms: 4.96 },
    ])
    book.read('b', [counted(7)])
    const other = { ...counted(7, 0, [[5, 7]]), cluster: 'outbound|80||cart' }
    book.read('b', [counted(7), { ...other, latency: new Map(), requests: 0 }])
    book.read('b', [counted(7), { ...other, requests: 0 }])
    expect(book.services()).toEqual([HOST])
  })

  test('takes a counter that went back as begun anew', () => {
    let now = 1_000_000
    const book = new FigureBook(() => now)
    book.read('a', [counted(1_000)])
    now += 5_000
    book.read('a', [counted(4)])
    expect(book.between(HOST, 0, now + 1)).toMatchObject({ requests: 4 })
  })

  test('knows who called', () => {
    let now = 1_000_000
    const book = new FigureBook(() => now)
    book.read('sidecar~127.0.0.1~web.shop~shop.svc', [counted(100)])
    now += 5_000
    book.read('sidecar~127.0.0.1~web.shop~shop.svc', [counted(104, 3)])
    book.add(CLUSTER, { requests: 2, failed: 0, node: 'by-hand' })
    book.add(CLUSTER, { requests: 50, failed: 0 })
    expect(book.calls.recent(60_000, 0, now).calls).toEqual([
      { caller: 'web.shop', host: HOST, requests: 4, failed: 3, latency: new Map() },
      { caller: 'by-hand', host: HOST, requests: 2, failed: 0, latency: new Map() },
    ])
  })

  test('knows how long the calls of each caller took', () => {
    const now = 1_000_000
    const book = new FigureBook(() => now)
    book.read('sidecar~127.0.0.1~web.shop~shop.svc', [counted(0)])
    book.read('sidecar~127.0.0.1~web.shop~shop.svc', [counted(4)])
    book.read('sidecar~127.0.0.1~web.shop~shop.svc', [counted(4, 0, [[25, 4]])])
    book.add(CLUSTER, { requests: 2, failed: 0, node: 'by-hand' })
    expect(book.calls.recent(60_000, 0, now).calls.map(({ latency }) => [...latency])).toEqual([[[25, 4]], []])
  })

  test('forgets what is older than a quarter of an hour', () => {
    let now = 1_000_000
    const book = new FigureBook(() => now)
    book.add(CLUSTER, { requests: 5, failed: 0 })
    now += 16 * 60_000
    expect(book.services()).toEqual([])
  })
})

test('only addresses on loopback are asked', () => {
  expect(['127.0.0.1:15000', '[::1]:15000'].map(isLoopbackAddress)).toEqual([true, true])
  for (const address of [
    '10.0.0.1:15000',
    '127.0.0.1',
    'localhost:1',
    '127.0.0.1:0',
    '127.0.0.1:99999',
    'x@127.0.0.1:1',
  ])
    expect(isLoopbackAddress(address), address).toBe(false)
})

test('counters of a proxy are read where its node says, and its load reports are not counted twice', async () => {
  let requests = 0
  const server = createServer((_, response) => {
    requests += 100
    response.end(ENVOY.replace(`"} 100`, `"} ${requests}`))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  let report: Parameters<ConstructorParameters<typeof ServiceFigures>[0]['onReport']>[0] = () => {}
  const figures = new ServiceFigures({
    nodes: () => [
      { id: 'near', metadata: { ADMIN_ADDRESS: address }, peer: '127.0.0.1:5' },
      { id: 'far', metadata: { ADMIN_ADDRESS: address }, peer: '10.0.0.9:5' },
    ],
    onReport: (listener) => {
      report = listener
      return () => {}
    },
  })
  await figures.round()
  await figures.round()
  const clusters = [{ cluster: CLUSTER, localities: [{ succeeded: 0, failed: 7 }] }]
  report({ node: 'near', clusters })
  report({ node: 'far', clusters })
  expect(figures.book.between(HOST, 0, Date.now() + 1)).toMatchObject({ requests: 107, failed: 7 })
  expect(figures.reading).toEqual(['near'])
})
