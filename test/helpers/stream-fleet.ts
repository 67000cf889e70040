import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type ClientDuplexStream, credentials, Client as GrpcClient } from '@grpc/grpc-js'
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { TYPE_URL } from '../../proto/types.ts'

const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'

/** The control plane takes so many on one connection. */
const STREAMS_PER_CONNECTION = 100

/** Opened at once; the rest when these have been answered. */
const AT_ONCE = 500

export interface Fleet {
  /** Ends the streams of so many nodes, the first ones. */
  leave(count: number): void
  close(): void
}

/**
 * Many proxies as one process can be them: each node a delta stream of its own that subscribes to one cluster by name and
 * acknowledges all it gets. Resolves when every one has its first answer.
 * @param nodes ids, one for each stream
 */
export async function startFleet(port: number, nodes: readonly string[], cluster: string): Promise<Fleet> {
  const clients = Array.from(
    { length: Math.ceil(nodes.length / STREAMS_PER_CONNECTION) },
    () =>
      new GrpcClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
        'grpc.use_local_subchannel_pool': 1,
        'grpc.max_receive_message_length': -1,
      }),
  )
  const calls: ClientDuplexStream<Uint8Array, Uint8Array>[] = []
  let ending = false
  const open = (id: string, index: number) =>
    new Promise<void>((resolve, reject) => {
      const client = clients[Math.floor(index / STREAMS_PER_CONNECTION)]!
      const same = (bytes: Uint8Array) => Buffer.from(bytes)
      const call = client.makeBidiStreamRequest<Uint8Array, Uint8Array>(METHOD, same, (bytes) => bytes)
      calls.push(call)
      const send = (init: object) =>
        call.write(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, init)))
      call.on('data', (bytes: Uint8Array) => {
        const { typeUrl, nonce } = fromBinary(DeltaDiscoveryResponseSchema, bytes)
        send({ typeUrl, responseNonce: nonce })
        resolve()
      })
      call.on('error', (error) => {
        if (!ending) reject(error)
      })
      const node = { id, cluster: 'fleet', userAgentName: 'envoy' }
      send({ typeUrl: TYPE_URL.cds, node, resourceNamesSubscribe: [cluster] })
    })
  for (let from = 0; from < nodes.length; from += AT_ONCE)
    await Promise.all(nodes.slice(from, from + AT_ONCE).map((id, index) => open(id, from + index)))
  return {
    leave(count) {
      ending = true
      for (const call of calls.splice(0, count)) call.cancel()
    },
    close() {
      ending = true
      for (const client of clients) client.close()
    },
  }
}
