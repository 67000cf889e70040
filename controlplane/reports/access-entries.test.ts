import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StreamAccessLogsMessageSchema } from '../../proto/gen/envoy/service/accesslog/v3/als_pb.ts'
import { duration } from '../../proto/make.ts'
import { WireError } from '../subscription/wire.ts'
import { AccessBook, callerOf } from './access-book.ts'
import { readAccessEntries, readAccessLogNode } from './access-entries.ts'

const bytes = (init: MessageInitShape<typeof StreamAccessLogsMessageSchema>) =>
  Buffer.from(toBinary(StreamAccessLogsMessageSchema, create(StreamAccessLogsMessageSchema, init)))

const node = (id: string, metadata = {}) => ({
  id,
  cluster: 'shop-1.default',
  metadata,
  locality: { region: '', zone: '', subZone: '' },
  userAgent: 'envoy/1.39.3',
  protocol: 'sotw' as const,
  secretsAllowed: false,
})

const SHOP = node('sidecar~127.0.0.1~shop-1.default~default.svc.cluster.local')

const http = (status: number, cluster = 'outbound|80||a', flags = {}) => ({
  commonProperties: {
    upstreamCluster: cluster,
    routeName: 'r',
    responseFlags: flags,
    timeToLastDownstreamTxByte: duration(12.5),
    customTags: { more: 'than is read' },
  },
  request: { path: '/', authority: 'a' },
  response: { responseCode: status, responseCodeDetails: 'via_upstream' },
})

describe('access logs on the wire', () => {
  it('are read as the generated code writes them', () => {
    const message = bytes({
      identifier: { node: { id: 'n' }, logName: 'http' },
      logEntries: {
        case: 'httpLogs',
        value: {
          logEntry: [
            http(503, '', { noClusterFound: true, unauthorizedDetails: { reason: 1 } }),
            http(200),
            http(200, 'outbound|80||b;'),
          ],
        },
      },
    })
    expect(readAccessLogNode(message)).toBeDefined()
    expect(readAccessEntries(message)).toEqual([
      {
        kind: 'http',
        cluster: '',
        routeName: 'r',
        authority: 'a',
        port: 0,
        status: 503,
        flags: expect.arrayContaining(['NC', 'UAEX']),
        durationMs: 12.5,
        received: 0,
        sent: 0,
      },
      expect.objectContaining({ cluster: 'outbound|80||a', status: 200, flags: [] }),
      // Of a proxy that has names of clusters end themselves: logs tell the name of statistics.
      expect.objectContaining({ cluster: 'outbound|80||b', status: 200 }),
    ])
    const tcp = bytes({
      logEntries: {
        case: 'tcpLogs',
        value: { logEntry: [{ commonProperties: {}, connectionProperties: { receivedBytes: 7n, sentBytes: 9n } }] },
      },
    })
    expect(readAccessLogNode(tcp)).toBeUndefined()
    expect(readAccessEntries(tcp)).toMatchObject([{ kind: 'tcp', received: 7, sent: 9, flags: [] }])
  })

  it('leave out a request that Envoy takes up again: that one has an entry of its own', () => {
    const entry = (responseCodeDetails: string) => ({ ...http(0, ''), response: { responseCodeDetails } })
    const logEntry = [entry('internal_redirect'), http(200), entry('downstream_remote_disconnect')]
    expect(
      readAccessEntries(bytes({ logEntries: { case: 'httpLogs', value: { logEntry } } })).map(({ status }) => status),
    ).toEqual([200, 0])
  })

  it('never throw anything but WireError, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
        try {
          readAccessEntries(Buffer.from(random))
          readAccessLogNode(Buffer.from(random))
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('access book', () => {
  const take = (book: AccessBook, from: ReturnType<typeof node>, ...entries: ReturnType<typeof http>[]) =>
    book.take(from, readAccessEntries(bytes({ logEntries: { case: 'httpLogs', value: { logEntry: entries } } })))

  it('counts instances of a workload as one caller, generations of a cluster as one callee', () => {
    const book = new AccessBook(() => 1)
    take(book, node('sidecar~1~shop-a.default~d', { LABELS: { app: 'shop' } }), http(200))
    take(book, node('sidecar~2~shop-b.default~d', { LABELS: { app: 'shop' } }), http(200, 'outbound|80||a~3'))
    expect(book.allEdges()).toMatchObject([
      { caller: { workload: 'shop', namespace: 'default' }, cluster: 'outbound|80||a', requests: 2 },
    ])
  })

  it('names a caller by its metadata, else by the node', () => {
    expect(callerOf(node('x', { WORKLOAD_NAME: 'w', NAMESPACE: 'n' }))).toEqual({ workload: 'w', namespace: 'n' })
    expect(callerOf(SHOP)).toEqual({ workload: 'shop-1', namespace: 'default' })
  })

  it('recent figures are those of the window, to the minute', () => {
    let now = 600_000
    const book = new AccessBook(() => now)
    take(book, SHOP, http(200), http(500))
    now += 4 * 60_000
    take(book, SHOP, http(200))
    expect(book.allEdges(5 * 60_000)[0]!.recent).toMatchObject({ requests: 3, errors: 1 })
    expect(book.allEdges(2 * 60_000)[0]!.recent).toMatchObject({ requests: 1, errors: 0 })
    now += 60 * 60_000
    expect(book.allEdges(15 * 60_000)[0]!).toMatchObject({ requests: 3, recent: { requests: 0 } })
  })

  it('knows how long the requests of the window took, of so many edges at most; connections take no time', () => {
    let now = 600_000
    const book = new AccessBook(() => now, { timedEdges: 1 })
    const entry = readAccessEntries(bytes({ logEntries: { case: 'httpLogs', value: { logEntry: [http(200)] } } }))[0]!
    const took = (cluster: string, durationMs: number) => ({ ...entry, cluster, durationMs })
    book.take(SHOP, [took('a', 70)])
    now += 4 * 60_000
    book.take(SHOP, [took('a', 7), took('a', 8), { ...took('a', 9_000), kind: 'tcp' }, took('b', 8)])
    const times = (minutes: number) => book.allEdges(minutes * 60_000).map(({ recent }) => [...recent.latency])
    expect(times(2)).toEqual([[[10, 2]], []])
    expect(times(5)[0]).toEqual(expect.arrayContaining([[100, 1]]))
    now += 25 * 3_600_000
    book.take(SHOP, [took('b', 8)])
    book.take(SHOP, [took('b', 8)])
    expect(times(2)).toEqual([[[10, 1]]])
  })

  it('tells a missing cluster once per message and route', () => {
    const book = new AccessBook(() => 1)
    const heard: unknown[] = []
    book.onMissingCluster(({ request }) => heard.push(request))
    take(book, SHOP, http(503, '', { noClusterFound: true }), http(503, '', { noClusterFound: true }), http(200))
    expect(heard).toEqual([{ authority: 'a', routeName: 'r', port: 0 }])
  })

  it('tells a missing cluster of a connection by the port it came to', () => {
    const book = new AccessBook(() => 1)
    const heard: unknown[] = []
    book.onMissingCluster(({ request }) => heard.push(request))
    const tcp = (port: number, noClusterFound: boolean) => ({
      commonProperties: {
        downstreamLocalAddress: {
          address: {
            case: 'socketAddress' as const,
            value: { address: '127.0.0.1', portSpecifier: { case: 'portValue' as const, value: port } },
          },
        },
        responseFlags: { noClusterFound },
      },
    })
    const logEntry = [tcp(3306, true), tcp(3306, true), tcp(6379, false)]
    book.take(SHOP, readAccessEntries(bytes({ logEntries: { case: 'tcpLogs', value: { logEntry } } })))
    expect(heard).toEqual([{ authority: '', routeName: '', port: 3306 }])
  })

  it('is bounded: edges beyond the limit are counted as one, those without traffic are forgotten', () => {
    let now = 1_000_000
    const book = new AccessBook(() => now, { edges: 3, keepMs: 1000 })
    for (let index = 0; index < 10; index++) take(book, SHOP, http(200, `outbound|80||s${index}`))
    expect(book.size).toBe(4)
    expect(book.allEdges().reduce((sum, { requests }) => sum + requests, 0)).toBe(10)
    now += 2000
    expect(book.allEdges()).toEqual([])
  })
})
