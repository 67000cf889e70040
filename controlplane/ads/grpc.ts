import type { Socket } from 'node:net'
import {
  type MethodDefinition,
  Server,
  type ServerDuplexStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { ResourceType } from '../../proto/types.ts'
import type { CallHandler, Call as Http2Call, RequestHeaders } from '../http2/index.ts'
import { DiscoveryCall, isPlain } from './discovery-call.ts'
import { grpcJsStream } from './grpc-js-stream.ts'
import type { Limits } from './limits.ts'
import type { Method } from './method.ts'
import { GRPC_HEADROOM, type Peer, type Status, type Transport, type TransportHandler } from './transport.ts'
import { Unfinished } from './unfinished.ts'

/** Extra gRPC services on the same port, served by grpc-js in the ordinary way. */
export interface ExtraService {
  readonly definition: ServiceDefinition
  /** @param peer the connection a call came over, by `call.getPeer()` */
  implementation(peer: (address: string) => Peer): UntypedServiceImplementation
}

type Call = ServerDuplexStream<Buffer, Buffer>

const SERVICES: readonly (readonly [service: string, sotw: string, delta: string, type: ResourceType | undefined])[] = [
  [
    'envoy.service.discovery.v3.AggregatedDiscoveryService',
    'StreamAggregatedResources',
    'DeltaAggregatedResources',
    undefined,
  ],
  ['envoy.service.cluster.v3.ClusterDiscoveryService', 'StreamClusters', 'DeltaClusters', 'cds'],
  ['envoy.service.endpoint.v3.EndpointDiscoveryService', 'StreamEndpoints', 'DeltaEndpoints', 'eds'],
  ['envoy.service.listener.v3.ListenerDiscoveryService', 'StreamListeners', 'DeltaListeners', 'lds'],
  ['envoy.service.route.v3.RouteDiscoveryService', 'StreamRoutes', 'DeltaRoutes', 'rds'],
  ['envoy.service.secret.v3.SecretDiscoveryService', 'StreamSecrets', 'DeltaSecrets', 'sds'],
]

interface GrpcOptions {
  readonly limits: Limits
  /** Who calls over a connection that grpc-js cannot name. */
  readonly nameless: Peer
  open(method: Method, transport: Transport): TransportHandler
  /** A call was ended before anybody but its bytes was known; the reason is for the counter. */
  refused(reason: string): void
  readonly services: readonly ExtraService[]
}

/** What serves calls of connections from a peer. */
interface Serving {
  serve(call: Http2Call, headers: RequestHeaders, peer: Peer): CallHandler
  /** A connection from a peer is gone. */
  forget(peer: Peer): void
}

/** Connections with calls that grpc-js serves, by `call.getPeer()`. */
type Served = Map<string, { readonly socket: Socket; readonly peer: Peer }>

/**
 * Serves gRPC calls: those of the discovery services as they come, all others, and such that use more of gRPC than messages and a status,
 * by grpc-js. What grpc-js is given them by is no part of its API, so its version is pinned.
 * @throws Error where grpc-js does not have it
 */
export function grpcServer(options: GrpcOptions): Serving {
  const { limits, nameless } = options
  const served: Served = new Map()
  const unfinished = new Unfinished(limits.unfinishedBytes)
  const server = new Server({
    'grpc.max_receive_message_length': limits.requestBytes,
    'grpc.max_send_message_length': -1,
    'grpc.enable_channelz': 0,
  })
  for (const [service, sotw, delta, type] of SERVICES) {
    server.addService(
      { [sotw]: bidi(service, sotw), [delta]: bidi(service, delta) },
      {
        [sotw]: (call: Call) => serve(call, { form: 'sotw', type }, served, options),
        [delta]: (call: Call) => serve(call, { form: 'delta', type }, served, options),
      },
    )
  }
  for (const service of options.services)
    server.addService(
      service.definition,
      service.implementation((address) => served.get(address)?.peer ?? nameless),
    )
  const its = server as unknown as GrpcJs
  if (typeof its._streamHandler !== 'function' || its._streamHandler.length !== 3)
    throw new Error('this version of @grpc/grpc-js takes streams in another way: install the one in package.json')
  return {
    serve(call, headers, peer) {
      const method = METHODS.get(headers[':path']!)
      if (method && isPlain(headers))
        return new DiscoveryCall(call, method, {
          peer,
          requestBytes: limits.requestBytes,
          unfinished: unfinished.share(),
          open: options.open,
        })
      served.set(peer.address, { socket: call.connection.socket, peer })
      const { stream, handler } = grpcJsStream(call, unfinished.share(), options.refused)
      its._streamHandler([], stream, headers)
      return handler
    },
    forget(peer) {
      if (served.size > 0) served.delete(peer.address)
    },
  }
}

/** What connections of grpc-js call for each stream. */
interface GrpcJs {
  _streamHandler(interceptors: readonly unknown[], stream: object, headers: object): void
}

const METHODS: ReadonlyMap<string, Method> = new Map(
  SERVICES.flatMap(([service, sotw, delta, type]): [string, Method][] => [
    [`/${service}/${sotw}`, { form: 'sotw', type }],
    [`/${service}/${delta}`, { form: 'delta', type }],
  ]),
)

function bidi(service: string, name: string): MethodDefinition<Buffer, Buffer> {
  return bytesMethod(service, name, { requestStream: true, responseStream: true })
}

/** A gRPC method whose messages are handed over as bytes. */
export function bytesMethod(
  service: string,
  name: string,
  streams: { readonly requestStream: boolean; readonly responseStream: boolean },
): MethodDefinition<Buffer, Buffer> {
  const same = (bytes: Buffer) => bytes
  return {
    path: `/${service}/${name}`,
    ...streams,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
}

function serve(call: Call, method: Method, served: Served, { nameless, open }: GrpcOptions): void {
  const address = call.getPeer()
  let closed = false
  let resume: NodeJS.Timeout | undefined
  const transport: Transport = {
    peer: served.get(address)?.peer ?? nameless,
    write(frames, done) {
      if (closed) return
      for (const [index, frame] of frames.entries())
        call.write(frame.subarray(GRPC_HEADROOM), (error?: Error | null) => {
          // An error here also closes the call; `closed` tells then.
          if (!error && index === frames.length - 1) done()
        })
    },
    close({ code, message }: Status) {
      if (closed) return
      finish()
      if (code === 0) call.end()
      else call.emit('error', Object.assign(new Error(message), { code, details: wellFormed(message) }))
    },
    destroy: () => served.get(address)?.socket.destroy(),
    pause(ms) {
      call.pause()
      resume ??= setTimeout(() => {
        resume = undefined
        if (!closed) call.resume()
      }, ms)
    },
  }
  const handler = open(method, transport)
  const finish = () => {
    if (closed) return
    closed = true
    clearTimeout(resume)
    handler.closed()
  }
  call.on('data', (bytes: Buffer) => {
    if (closed) return
    handler.message(bytes)
    handler.settled()
  })
  call.on('end', () => transport.close({ code: 0, message: '' }))
  call.on('cancelled', finish)
  call.on('error', finish)
  call.on('close', finish)
}

/** grpc-js puts the text through encodeURI, which throws on half a surrogate pair. */
export function wellFormed(text: string): string {
  return text.replace(/[\ud800-\udfff]/gu, '\ufffd')
}
