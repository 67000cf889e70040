import { fromBinary } from '@bufbuild/protobuf'
import type { ServerDuplexStream, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js'
import { errorText } from '../../errors/thrown.ts'
import { type ClientStatusRequest, ClientStatusRequestSchema } from '../../proto/gen/envoy/service/status/v3/csds_pb.ts'
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

/** How questions ended; `refused`: the answer would be too large, or too many wait. */
export type StatusResult = 'answered' | 'invalid' | 'refused' | 'failed'

export interface StatusCounts {
  /** Questions since the start. */
  readonly asked: () => Readonly<Record<StatusResult, number>>
  /** Streams open now. */
  readonly streams: () => number
}

/** Answers are worked on one after the other; more than this many waiting are refused. */
const MOST_WAITING = 16

const SERVICE = 'envoy.service.status.v3.ClientStatusDiscoveryService'

/**
 * Client status discovery: what each client has, for tools that speak gRPC.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/status/v3/csds.proto
 */
export function statusService({ status, logger }: StatusServiceOptions): ExtraService & StatusCounts {
  const asked: Record<StatusResult, number> = { answered: 0, invalid: 0, refused: 0, failed: 0 }
  let streams = 0
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()

  async function answer(bytes: Buffer, peer: Peer): Promise<Buffer | Status> {
    const found = await made(bytes, peer)
    asked[resultOf(found)]++
    return found
  }

  async function made(bytes: Buffer, peer: Peer): Promise<Buffer | Status> {
    if (waiting >= MOST_WAITING)
      return { code: STATUS.resourceExhausted, message: `${MOST_WAITING} requests wait already; try again` }
    waiting++
    const work = last.then(() => clientStatusResponse(status(), read(bytes), peer))
    last = work.catch(() => {})
    try {
      return await work
    } catch (error) {
      if (error instanceof MatcherError || error instanceof Unreadable)
        return { code: STATUS.invalidArgument, message: error.message }
      if (error instanceof ResponseTooLarge) return { code: STATUS.resourceExhausted, message: error.message }
      logger.error({ peer: peer.address, error }, 'client status could not be told')
      return { code: STATUS.internal, message: 'internal error; the log of the control plane has it' }
    } finally {
      waiting--
    }
  }

  return {
    asked: () => asked,
    streams: () => streams,
    definition: {
      streamClientStatus: bytesMethod(SERVICE, 'StreamClientStatus', { requestStream: true, responseStream: true }),
      fetchClientStatus: bytesMethod(SERVICE, 'FetchClientStatus', { requestStream: false, responseStream: false }),
    },
    implementation: (peerOf) => ({
      streamClientStatus(call: ServerDuplexStream<Buffer, Buffer>) {
        let open = true
        const peer = peerOf(call.getPeer())
        streams++
        const close = () => {
          if (open) streams--
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

/** Bytes that are no question. The message is for the person who asks. */
class Unreadable extends Error {
  override readonly name = 'Unreadable'
}

function read(bytes: Buffer): ClientStatusRequest {
  try {
    return fromBinary(ClientStatusRequestSchema, bytes)
  } catch (error) {
    throw new Unreadable(`the request is no ClientStatusRequest: ${errorText(error)}`)
  }
}

function resultOf(found: Buffer | Status): StatusResult {
  if (Buffer.isBuffer(found)) return 'answered'
  if (found.code === STATUS.invalidArgument) return 'invalid'
  return found.code === STATUS.resourceExhausted ? 'refused' : 'failed'
}

function failure({ code, message }: Status): Error & { readonly code: number; readonly details: string } {
  return Object.assign(new Error(message), { code, details: wellFormed(message) })
}
