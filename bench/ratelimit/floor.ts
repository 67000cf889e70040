/** A gRPC server that answers the same bytes to everything: what the transport alone costs. `tsx floor.ts PORT` */
import { Server, ServerCredentials, type sendUnaryData } from '@grpc/grpc-js'
import { bytesMethod } from '../../controlplane/ads/index.ts'

const server = new Server({ 'grpc.enable_channelz': 0 })
const method = bytesMethod('envoy.service.ratelimit.v3.RateLimitService', 'ShouldRateLimit', {
  requestStream: false,
  responseStream: false,
})
const answerBytes = Buffer.from([0x08, 0x01, 0x12, 0x02, 0x08, 0x01])
server.addService(
  { shouldRateLimit: method },
  {
    shouldRateLimit: (_call: unknown, answer: sendUnaryData<Buffer>) => answer(null, answerBytes),
  },
)
server.bindAsync(`127.0.0.1:${process.argv[2]}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error
})
