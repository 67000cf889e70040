import type { ServerReadableStream, sendUnaryData } from '@grpc/grpc-js'
import { bytesMethod, type ExtraService, type Logger, STATUS, wellFormed } from '../ads/index.ts'
import type { AccessBook } from './access-book.ts'
import { readAccessEntries, readAccessLogNode } from './access-entries.ts'
import { DEFAULT_REPORT_LIMITS, NodeStreams, type ReportLimits } from './node-stream.ts'

export interface AccessServiceOptions {
  readonly book: AccessBook
  readonly logger: Logger
  readonly now: () => number
  readonly limits?: Partial<ReportLimits>
}

/**
 * Takes access logs of HTTP and TCP, and counts them. Nothing of an entry is kept, and nothing is answered: Envoy drops
 * entries that are not read in time, and counts them (`access_logs.grpc_access_log.logs_dropped`).
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/accesslog/v3/als.proto
 */
export function accessService({ book, logger, now, limits }: AccessServiceOptions): ExtraService & {
  /** Streams open now. */
  readonly streams: () => number
} {
  const streams = new NodeStreams({
    name: 'access logs',
    limits: { ...DEFAULT_REPORT_LIMITS, ...limits },
    logger,
    now,
    nodeIn: readAccessLogNode,
  })
  return {
    definition: {
      streamAccessLogs: bytesMethod('envoy.service.accesslog.v3.AccessLogService', 'StreamAccessLogs', {
        requestStream: true,
        responseStream: false,
      }),
    },
    implementation: (peer) => ({
      streamAccessLogs(call: ServerReadableStream<Buffer, Buffer>, answer: sendUnaryData<Buffer>) {
        streams.serve(
          call,
          peer(call.getPeer()),
          (node) => ({ message: (bytes) => book.take(node, readAccessEntries(bytes)), closed: () => {} }),
          ({ code, message }) => {
            if (code === STATUS.ok) answer(null, Buffer.alloc(0))
            else answer({ code, details: wellFormed(message) })
          },
        )
      },
    }),
    streams: () => streams.count,
  }
}
