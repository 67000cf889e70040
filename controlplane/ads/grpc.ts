import {
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerInterceptor,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { ResourceType } from '../../proto/types.ts'
import type { Form } from '../subscription/request.ts'
import type { Limits } from './limits.ts'
import { GRPC_HEADROOM, type Peer, type Status, type Transport, type TransportHandler } from './transport.ts'

/** What a method of a discovery service is asked for. */
export interface Method {
  readonly form: Form
  /** Single-type services: requests may leave out their type. */
  readonly type: ResourceType | undefined
}

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

export interface GrpcOptions {
  readonly limits: Limits
  /** The connection a call came over, by `call.getPeer()`. */
  peer(address: string): Peer
  destroy(address: string): void
  open(method: Method, transport: Transport): TransportHandler
  readonly services: readonly ExtraService[]
  warn(message: string): void
}

/** A grpc-js server without a port: connections are injected into it. */
export function createGrpcServer(options: GrpcOptions): Server {
  const { limits } = options
  const frames = new ReadyFrames(options.warn)
  const server = new Server({
    interceptors: [frames.interceptor],
    'grpc.max_receive_message_length': limits.requestBytes,
    'grpc.max_send_message_length': -1,
    'grpc.enable_channelz': 0,
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.max_concurrent_streams': limits.streamsPerConnection,
  })
  for (const [service, sotw, delta, type] of SERVICES) {
    server.addService(
      { [sotw]: bidi(service, sotw), [delta]: bidi(service, delta) },
      {
        [sotw]: (call: Call) => serve(call, { form: 'sotw', type }, frames, options),
        [delta]: (call: Call) => serve(call, { form: 'delta', type }, frames, options),
      },
    )
  }
  for (const service of options.services)
    server.addService(
      service.definition,
      service.implementation((address) => options.peer(address)),
    )
  return server
}

/** Plain-text credentials: encryption, where there is any, is done before a connection is injected. */
export const INJECTED = ServerCredentials.createInsecure()

function bidi(service: string, name: string): MethodDefinition<Buffer, Buffer> {
  return bytesMethod(service, name, { requestStream: true, responseStream: true })
}

/** A gRPC method whose messages are handed over as bytes. */
export function bytesMethod(
  service: string,
  name: string,
  streams: { readonly requestStream: boolean; readonly responseStream: boolean },
): MethodDefinition<Buffer, Buffer> {
  return {
    path: `/${service}/${name}`,
    ...streams,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
}

function serve(call: Call, method: Method, frames: ReadyFrames, options: GrpcOptions): void {
  const address = call.getPeer()
  let closed = false
  let resume: NodeJS.Timeout | undefined
  const transport: Transport = {
    peer: options.peer(address),
    write(frame, done) {
      if (closed) return
      // An error here also closes the call; `closed` tells then.
      call.write(frames.active ? frame : frame.subarray(GRPC_HEADROOM), (error?: Error | null) => {
        if (!error) done()
      })
    },
    close({ code, message }: Status) {
      if (closed) return
      finish()
      if (code === 0) call.end()
      else call.emit('error', Object.assign(new Error(message), { code, details: wellFormed(message) }))
    },
    destroy: () => options.destroy(address),
    pause(ms) {
      call.pause()
      resume ??= setTimeout(() => {
        resume = undefined
        if (!closed) call.resume()
      }, ms)
    },
  }
  const handler = options.open(method, transport)
  const finish = () => {
    if (closed) return
    closed = true
    clearTimeout(resume)
    handler.closed()
  }
  call.on('data', (bytes: Buffer) => {
    if (!closed) handler.message(bytes)
  })
  call.on('end', () => transport.close({ code: 0, message: '' }))
  call.on('cancelled', finish)
  call.on('error', finish)
  call.on('close', finish)
}

/**
 * grpc-js copies every message behind a new 5-byte head, once per stream. Our frames have the head already and are shared,
 * so for our methods serialising is switched to handing them through: 56 KB to a thousand streams cost 90 µs each less.
 * The name it replaces is not part of grpc-js's API; whether it still does what we take it to do is checked once, and if
 * not, frames are sent the ordinary way.
 */
export class ReadyFrames {
  private checked: boolean | undefined
  private readonly warn: (message: string) => void
  private readonly paths = new Set(
    SERVICES.flatMap(([service, sotw, delta]) => [`/${service}/${sotw}`, `/${service}/${delta}`]),
  )

  constructor(warn: (message: string) => void) {
    this.warn = warn
  }

  /** Whether frames go out as they are. Decided by the first call, before anything is written. */
  get active(): boolean {
    return this.checked ?? false
  }

  // The type asks for a wrapper; the call itself is one already, and a wrapper costs every message.
  readonly interceptor = ((method, call) => {
    if (!this.paths.has(method.path)) return call
    const base = call as unknown as { serializeMessage?: unknown }
    this.checked ??= this.check(base)
    if (this.checked) base.serializeMessage = same
    return call
  }) as (...args: Parameters<ServerInterceptor>) => unknown as ServerInterceptor

  private check(call: { serializeMessage?: unknown }): boolean {
    const probe = Buffer.from('probe')
    const expected = Buffer.concat([Buffer.from([0, 0, 0, 0, probe.length]), probe])
    try {
      const { serializeMessage } = call
      if (typeof serializeMessage === 'function' && expected.equals(serializeMessage.call(call, probe))) return true
    } catch {
      // Then it is not the function we know.
    }
    this.warn('this version of @grpc/grpc-js frames messages differently: every response is copied once per stream')
    return false
  }
}

function same(frame: Buffer): Buffer {
  return frame
}

/** grpc-js puts the text through encodeURI, which throws on half a surrogate pair. */
export function wellFormed(text: string): string {
  return text.replace(/[\ud800-\udfff]/gu, '\ufffd')
}
