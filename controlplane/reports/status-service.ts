import { fromBinary } from '@bufbuild/protobuf'
import type { ServerDuplexStream, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js'
import { ClientStatusRequestSchema } from '../../proto/gen/envoy/service/status/v3/csds_pb.ts'
import {
  bytesMethod,
  type ExtraService,
  type Logger,
  type Peer,
  STATUS,
  type Status,
  wellFormed,
} from '../ads/index.ts'
import type { StatusBook } from '../status/index.ts'
import { clientStatusResponse, ResponseTooLarge } from './client-status.ts'
import { MatcherError } from './node-matcher.ts'

export interface StatusServiceOptions {
  /** Asked when a request comes: the server that keeps it takes this service when it is made. */
  readonly status: () => StatusBook
  readonly logger: Logger
}

/** Answers are worked on one after the other; more than this many waiting are refused. */
const MOST_WAITING = 16

const SERVICE = 'envoy.service.status.v3.ClientStatusDiscoveryService'

/**
 * Client status discovery: what each client has, for tools that speak gRPC.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/status/v3/csds.proto
 */
export function statusService({ status, logger }: StatusServiceOptions): ExtraService {
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()

  async function answer(bytes: Buffer, peer: Peer): Promise<Buffer | Status> {
    if (waiting >= MOST_WAITING)
      return { code: STATUS.resourceExhausted, message: `${MOST_WAITING} requests wait already; try again` }
    waiting++
    const work = last.then(() => clientStatusResponse(status(), fromBinary(ClientStatusRequestSchema, bytes), peer))
    last = work.catch(() => {})
    try {
      return await work
    } catch (error) {
      if (error instanceof MatcherError) return { code: STATUS.invalidArgument, message: error.message }
      if (error instanceof ResponseTooLarge) return { code: STATUS.resourceExhausted, message: error.message }
      logger.error({ peer: peer.address, error }, 'client status could not be told')
      return { code: STATUS.internal, message: 'internal error; the log of the control plane has it' }
    } finally {
      waiting--
    }
  }

  return {
    definition: {
      streamClientStatus: bytesMethod(SERVICE, 'StreamClientStatus', { requestStream: true, responseStream: true }),
      fetchClientStatus: bytesMethod(SERVICE, 'FetchClientStatus', { requestStream: false, responseStream: false }),
    },
    implementation: (peerOf) => ({
      streamClientStatus(call: ServerDuplexStream<Buffer, Buffer>) {
        let open = true
        const peer = peerOf(call.getPeer())
        const close = () => {
          open = false
        }
        call.on('data', async (bytes: Buffer) => {
          // One request at a time, and the next one when the answer has left.
          call.pause()
          const found = await answer(bytes, peer)
          if (!open) return
          if (Buffer.isBuffer(found)) call.write(found, () => call.resume())
          else call.emit('error', failure(found))
        })
        call.on('end', () => call.end())
        call.on('cancelled', close)
        call.on('error', close)
        call.on('close', close)
      },
      fetchClientStatus(call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) {
        void answer(call.request, peerOf(call.getPeer())).then((found) => {
          if (Buffer.isBuffer(found)) done(null, found)
          else done(failure(found))
        })
      },
    }),
  }
}

function failure({ code, message }: Status): Error & { readonly code: number; readonly details: string } {
  return Object.assign(new Error(message), { code, details: wellFormed(message) })
}
