import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'
import {
  RateLimitResponse_Code as Code,
  type RateLimitRequest,
  RateLimitRequestSchema,
  RateLimitResponseSchema,
} from '../../proto/gen/envoy/service/ratelimit/v3/rls_pb.ts'
import type { Bed } from './game.ts'

type LimitResponse = MessageInitShape<typeof RateLimitResponseSchema>

/** A rate limit service that answers as `answer` says; undefined: never. */
export class LimitService {
  readonly #server = new Server()
  readonly requests: RateLimitRequest[] = []
  answer: (request: RateLimitRequest) => LimitResponse | undefined = () => ({ overallCode: Code.OK })
  port = 0

  /** Listens on a free port of loopback until the bed is closed. `tls`: its certificate and key, PEM. */
  async listen(bed: Bed, tls?: { readonly cert: string; readonly key: string }): Promise<this> {
    const pair = tls && { cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) }
    const credentials = pair ? ServerCredentials.createSsl(null, [pair]) : ServerCredentials.createInsecure()
    this.#server.addService(
      {
        ask: {
          path: '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit',
          requestStream: false,
          responseStream: false,
          requestSerialize: (bytes: Buffer) => bytes,
          requestDeserialize: (bytes: Buffer) => bytes,
          responseSerialize: (bytes: Buffer) => bytes,
          responseDeserialize: (bytes: Buffer) => bytes,
        },
      },
      {
        ask: ({ request }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
          const asked = fromBinary(RateLimitRequestSchema, request)
          this.requests.push(asked)
          const answer = this.answer(asked)
          if (answer)
            done(null, Buffer.from(toBinary(RateLimitResponseSchema, create(RateLimitResponseSchema, answer))))
        },
      },
    )
    this.port = await new Promise((resolve, reject) =>
      this.#server.bindAsync('127.0.0.1:0', credentials, (error, port) => (error ? reject(error) : resolve(port))),
    )
    bed.defer(() => this.#server.forceShutdown())
    return this
  }

  stop(): void {
    this.#server.forceShutdown()
  }
}
