import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LoadStatsRequestSchema } from '../../proto/gen/envoy/service/load_stats/v3/lrs_pb.ts'
import { duration } from '../../proto/make.ts'
import { WireError } from '../subscription/wire.ts'
import { readLoadStatsRequest } from './load-report.ts'

const count = fc.nat(1_000_000)
const locality = fc.record({ region: fc.string(), zone: fc.string(), subZone: fc.string() })
const cluster = fc.record({
  name: fc.string({ maxLength: 100 }),
  dropped: count,
  intervalMs: fc.nat(100_000),
  localities: fc.array(
    fc.record({ locality, issued: count, succeeded: count, failed: count, inProgress: count, other: count }),
    { maxLength: 4 },
  ),
})

function encode(clusters: readonly unknown[]): Buffer {
  const given = clusters as readonly {
    readonly name: string
    readonly dropped: number
    readonly intervalMs: number
    readonly localities: readonly {
      readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string }
      readonly issued: number
      readonly succeeded: number
      readonly failed: number
      readonly inProgress: number
      readonly other: number
    }[]
  }[]
  const message = create(LoadStatsRequestSchema, {
    node: { id: 'n' },
    clusterStats: given.map(({ name, dropped, intervalMs, localities }) => ({
      clusterName: name,
      clusterServiceName: 'not read',
      totalDroppedRequests: BigInt(dropped),
      droppedRequests: [{ category: 'lb', droppedCount: 1n }],
      loadReportInterval: duration(intervalMs),
      upstreamLocalityStats: localities.map((one) => ({
        locality: one.locality,
        totalIssuedRequests: BigInt(one.issued),
        totalSuccessfulRequests: BigInt(one.succeeded),
        totalErrorRequests: BigInt(one.failed),
        totalRequestsInProgress: BigInt(one.inProgress),
        totalActiveConnections: BigInt(one.other),
        loadMetricStats: [{ metricName: 'cpu', totalMetricValue: 0.5 }],
        priority: 3,
      })),
    })),
  })
  return Buffer.from(toBinary(LoadStatsRequestSchema, message))
}

describe('load reports on the wire', () => {
  it('are read as the generated code writes them', () => {
    fc.assert(
      fc.property(fc.array(cluster, { maxLength: 5 }), (clusters) => {
        const { node, clusters: read } = readLoadStatsRequest(encode(clusters))
        expect(node).toBeDefined()
        expect(read).toEqual(
          clusters.map(({ name, dropped, intervalMs, localities }) => ({
            cluster: name,
            dropped,
            intervalMs,
            localities: localities.map(({ locality: { region, zone, subZone }, other: _, ...sums }) => ({
              locality: [region, zone, subZone].filter(Boolean).join('/'),
              ...sums,
            })),
          })),
        )
      }),
    )
  })

  it('never throw anything but WireError, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          readLoadStatsRequest(Buffer.from(bytes))
        } catch (error) {
          expect(error).toBeInstanceOf(WireError)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
