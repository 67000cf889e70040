import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { type ClientDuplexStream, credentials, Client as GrpcClient, type ServiceError } from '@grpc/grpc-js'
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { type ResourceType, TYPE_URL } from '../../proto/types.ts'
import { IN_THE_END_MS } from '../helpers/eventually.ts'

export type DeltaInit = MessageInitShape<typeof DeltaDiscoveryRequestSchema>
export type SotwInit = MessageInitShape<typeof DiscoveryRequestSchema>

const ADS = '/envoy.service.discovery.v3.AggregatedDiscoveryService/'
export const NODE = { id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local', cluster: 'web.default' }

/** An ADS stream driven by hand: nothing is answered or acknowledged unless the test says so. */
class RawStream<Response> {
  readonly received: Response[] = []
  readonly ended: Promise<{ code: number; details: string }>
  readonly call: ClientDuplexStream<Buffer, Buffer>
  private readonly waiting: ((response: Response) => void)[] = []
  private taken = 0

  constructor(call: ClientDuplexStream<Buffer, Buffer>, decode: (bytes: Buffer) => Response) {
    this.call = call
    call.on('data', (bytes: Buffer) => {
      const response = decode(bytes)
      this.received.push(response)
      const waiting = this.waiting.shift()
      if (waiting) {
        this.taken++
        waiting(response)
      }
    })
    this.ended = new Promise((resolve) => {
      call.on('error', (error: ServiceError) => resolve({ code: error.code, details: error.details }))
      call.on('status', (status: { code: number; details: string }) => resolve(status))
    })
  }

  sendBytes(bytes: Uint8Array): void {
    this.call.write(Buffer.from(bytes))
  }

  /** The next response nobody has taken yet. @throws Error when none comes */
  next(timeoutMs = IN_THE_END_MS): Promise<Response> {
    const ready = this.received[this.taken]
    if (ready !== undefined) {
      this.taken++
      return Promise.resolve(ready)
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(done), 1)
        reject(new Error(`no response within ${timeoutMs} ms`))
      }, timeoutMs)
      const done = (response: Response) => {
        clearTimeout(timer)
        resolve(response)
      }
      this.waiting.push(done)
    })
  }

  /** Waits, and returns what came and was not taken. */
  async quiet(ms = 150): Promise<readonly Response[]> {
    await new Promise((resolve) => setTimeout(resolve, ms))
    const rest = this.received.slice(this.taken)
    this.taken = this.received.length
    return rest
  }

  cancel(): void {
    this.call.cancel()
  }
}

export class DeltaStream extends RawStream<DeltaDiscoveryResponse> {
  send(type: ResourceType | string, init: DeltaInit = {}): void {
    const typeUrl = type in TYPE_URL ? TYPE_URL[type as ResourceType] : type
    this.sendBytes(
      toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { typeUrl, ...init } as DeltaInit)),
    )
  }

  ack(response: DeltaDiscoveryResponse, more: DeltaInit = {}): void {
    this.send(response.typeUrl, { responseNonce: response.nonce, ...more } as DeltaInit)
  }

  nack(response: DeltaDiscoveryResponse, message: string): void {
    this.ack(response, { errorDetail: { code: 13, message } })
  }
}

class SotwStream extends RawStream<DiscoveryResponse> {
  send(type: ResourceType | string, init: SotwInit = {}): void {
    const typeUrl = type in TYPE_URL ? TYPE_URL[type as ResourceType] : type
    this.sendBytes(toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, { typeUrl, ...init } as SotwInit)))
  }

  ack(response: DiscoveryResponse, resourceNames: string[] = []): void {
    this.send(response.typeUrl, { versionInfo: response.versionInfo, responseNonce: response.nonce, resourceNames })
  }

  nack(response: DiscoveryResponse, message: string, resourceNames: string[] = []): void {
    this.send(response.typeUrl, { responseNonce: response.nonce, resourceNames, errorDetail: { code: 13, message } })
  }
}

/** A connection of its own to a control plane. */
export class RawClient {
  readonly grpc: GrpcClient

  constructor(port: number, creds = credentials.createInsecure(), options: object = {}) {
    this.grpc = new GrpcClient(`127.0.0.1:${port}`, creds, {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      ...options,
    })
  }

  open(path: string): ClientDuplexStream<Buffer, Buffer> {
    const same = (bytes: Buffer) => bytes
    return this.grpc.makeBidiStreamRequest(path, same, same)
  }

  delta(path = `${ADS}DeltaAggregatedResources`): DeltaStream {
    return new DeltaStream(this.open(path), (bytes) => fromBinary(DeltaDiscoveryResponseSchema, bytes))
  }

  sotw(path = `${ADS}StreamAggregatedResources`): SotwStream {
    return new SotwStream(this.open(path), (bytes) => fromBinary(DiscoveryResponseSchema, bytes))
  }

  close(): void {
    this.grpc.close()
  }
}

/** Names in a response, removals with a minus. */
export function names(response: DeltaDiscoveryResponse): string[] {
  return [
    ...response.resources.map((resource) => resource.name),
    ...response.removedResources.map((name) => `-${name}`),
  ]
}

/** What the fake resources in a state-of-the-world response contain. */
export function texts(response: DiscoveryResponse): string[] {
  return response.resources.map((any) => Buffer.from(any.value).toString())
}
