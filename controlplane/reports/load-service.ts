import { create, toBinary } from '@bufbuild/protobuf'
import type { ServerDuplexStream } from '@grpc/grpc-js'
import { LoadStatsResponseSchema } from '../../proto/gen/envoy/service/load_stats/v3/lrs_pb.ts'
import { duration } from '../../proto/make.ts'
import { bytesMethod, type ExtraService, type Logger, STATUS, wellFormed } from '../ads/index.ts'
import { XDS_CLUSTER } from '../bootstrap/envoy.ts'
import type { NodeInfo } from '../xds/resource.ts'
import type { LoadBook } from './load-book.ts'
import { type ClusterReport, readLoadStatsRequest } from './load-report.ts'
import { DEFAULT_REPORT_LIMITS, NodeStreams, type ReportLimits } from './node-stream.ts'

export interface LoadServiceOptions {
  readonly book: LoadBook
  readonly logger: Logger
  readonly now: () => number
  /** How often clients shall report, in ms; asked again when `intervalChanged` is called. */
  readonly interval: () => number
  readonly limits?: Partial<ReportLimits>
}

export interface LoadService extends ExtraService {
  /** Streams open now. */
  readonly streams: () => number
  /** Tells every client when the interval is another one. */
  intervalChanged(): void
}

/**
 * The load reporting server: every client is asked for all its clusters, used or not.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/load_stats/v3/lrs.proto
 */
export function loadService({ book, logger, now, interval, limits }: LoadServiceOptions): LoadService {
  const senders = new Set<(bytes: Buffer) => void>()
  let told = interval()
  const streams = new NodeStreams({
    name: 'load reports',
    limits: { ...DEFAULT_REPORT_LIMITS, ...limits },
    logger,
    now,
    nodeIn: (message) => readLoadStatsRequest(message).node,
  })

  return {
    definition: {
      streamLoadStats: bytesMethod('envoy.service.load_stats.v3.LoadReportingService', 'StreamLoadStats', {
        requestStream: true,
        responseStream: true,
      }),
    },
    implementation: (peer) => ({
      streamLoadStats(call: ServerDuplexStream<Buffer, Buffer>) {
        const send = (bytes: Buffer) => {
          call.write(bytes)
        }
        const open = ({ id }: NodeInfo) => {
          const closed = book.opened(id)
          senders.add(send)
          send(request(told))
          return {
            message(bytes: Buffer) {
              const { node, clusters } = readLoadStatsRequest(bytes)
              // The message with the node opens the stream; it reports only what was counted before a reconnect.
              if (!node || clusters.length > 0) book.take(id, clusters.filter(ofTheMesh))
            },
            closed() {
              senders.delete(send)
              closed()
            },
          }
        }
        streams.serve(call, peer(call.getPeer()), open, ({ code, message }) => {
          if (code === STATUS.ok) call.end()
          else call.emit('error', Object.assign(new Error(message), { code, details: wellFormed(message) }))
        })
      },
    }),
    streams: () => streams.count,
    intervalChanged() {
      if (interval() === told) return
      told = interval()
      for (const send of senders) send(request(told))
    },
  }
}

/** Envoy also lists the cluster of the control plane, whose streams are always in progress. */
function ofTheMesh({ cluster }: ClusterReport): boolean {
  return cluster !== XDS_CLUSTER
}

function request(intervalMs: number): Buffer {
  return Buffer.from(
    toBinary(
      LoadStatsResponseSchema,
      create(LoadStatsResponseSchema, { sendAllClusters: true, loadReportingInterval: duration(intervalMs) }),
    ),
  )
}
