import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type ChannelCredentials, Client, type ClientDuplexStream, credentials, type ServiceError } from '@grpc/grpc-js'
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { TYPE_URL } from '../../proto/types.ts'
import { type ChannelName, channelName } from '../channel-name.ts'
import { addressText } from '../cluster/host.ts'
import type { HeldType } from './held-type.ts'

/** Where a client tells what happens; the fields are for structured logs. */
export interface ConfigLog {
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
}

export interface ConfigNode {
  readonly id: string
  readonly cluster: string
  /** `TYPE` is set to `message-proxy`. */
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly locality?: { readonly region?: string; readonly zone?: string; readonly subZone?: string }
}

/** PEM texts; the same object as long as they are the same. */
export interface PlaneTls {
  readonly ca?: string
  readonly certificate?: string
  readonly privateKey?: string
  /** Name in the control planes' certificates; absent: the host of each address. */
  readonly serverName?: string
}

export interface PlaneAddress {
  readonly host: string
  readonly port: number
}

export interface ControlPlaneOptions {
  /** Where control planes are: any of them will do, and the next one is asked when one is gone. */
  readonly xds: PlaneAddress | readonly PlaneAddress[]
  readonly node: ConfigNode
  /** Asked before each connection: certificates are renewed. Absent: plain text, for a control plane on this machine. */
  readonly tls?: () => PlaneTls
  readonly log: ConfigLog
  /** Waits before connecting again: from `base`, doubling up to `max`, each one random below that. Default 500 and 30000 ms. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number }
}

export interface ControlPlaneEvents {
  /** A stream was opened, on which nothing has been said. */
  opened(): void
  response(response: DeltaDiscoveryResponse): void
  /** What is in force while there is no control plane, for the log. */
  meanwhile(): string
}

/** A way to a control plane: one stream at a time, opened again when it is lost. What happens on it is told by `ControlPlaneEvents`. */
export interface Plane {
  /** There is a stream, and nothing went wrong since the last response. */
  readonly connected: boolean
  /** Counts the streams: what came on one cannot be answered on the next. */
  readonly session: number
  /** When the last response came, ms since the epoch. */
  readonly lastResponseAt: number | undefined
  connect(): void
  /** Sends a request, the first of a stream with the node; without a stream it is lost. */
  send(type: HeldType, init: Parameters<typeof create<typeof DeltaDiscoveryRequestSchema>>[1]): void
  /** Ends the stream for good. */
  stop(): void
}

const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'
const MOST_RESPONSE_BYTES = 256 * 1024 * 1024

type Stream = ClientDuplexStream<Uint8Array, DeltaDiscoveryResponse>

/** The way to a control plane over gRPC: a delta ADS stream. */
export class ControlPlane implements Plane {
  readonly #options: ControlPlaneOptions
  readonly #events: ControlPlaneEvents
  readonly #addresses: readonly PlaneAddress[]
  /** Which of them `#client` leads to: any at first, so that proxies spread. */
  #at: number
  #client: Client
  #tls: PlaneTls | undefined
  #stream: Stream | undefined
  #session = 0
  #introduced = false
  #failures = 0
  #lastResponseAt: number | undefined
  #retry: NodeJS.Timeout | undefined
  /** `#client` does not lead to `#at` yet. */
  #elsewhere = false
  #stopped = false

  constructor(options: ControlPlaneOptions, events: ControlPlaneEvents) {
    this.#options = options
    this.#events = events
    this.#tls = options.tls?.()
    this.#addresses = [options.xds].flat()
    this.#at = Math.floor(Math.random() * this.#addresses.length)
    this.#client = clientOf(this.#address, this.#tls)
  }

  get #address(): PlaneAddress {
    return this.#addresses[this.#at]!
  }

  get connected(): boolean {
    return this.#stream !== undefined && this.#failures === 0
  }

  get session(): number {
    return this.#session
  }

  get lastResponseAt(): number | undefined {
    return this.#lastResponseAt
  }

  connect(): void {
    if (this.#stopped) return
    const tls = this.#options.tls?.()
    if (tls !== this.#tls || this.#elsewhere) {
      // No stream is left on the old one.
      this.#client.close()
      this.#client = clientOf(this.#address, tls)
      this.#tls = tls
      this.#elsewhere = false
    }
    const stream: Stream = this.#client.makeBidiStreamRequest(
      METHOD,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => fromBinary(DeltaDiscoveryResponseSchema, bytes),
    )
    this.#stream = stream
    this.#session++
    this.#introduced = false
    stream.on('data', (response: DeltaDiscoveryResponse) => {
      if (stream === this.#stream) this.#heard(response)
    })
    stream.on('error', (error: ServiceError) =>
      this.#lost(stream, (error.details || error.message).replace(/\s*Resolution note:\s*$/, '')),
    )
    stream.on('end', () => this.#lost(stream, 'the control plane ended the stream'))
    this.#events.opened()
  }

  send(type: HeldType, init: Parameters<Plane['send']>[1]): void {
    const node = this.#introduced ? {} : { node: this.#node() }
    this.#introduced = true
    const request = create(DeltaDiscoveryRequestSchema, { ...init, ...node, typeUrl: TYPE_URL[type] } as typeof init)
    this.#stream?.write(toBinary(DeltaDiscoveryRequestSchema, request))
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#retry)
    this.#stream?.cancel()
    this.#client.close()
  }

  #heard(response: DeltaDiscoveryResponse): void {
    if (this.#failures > 0) this.#options.log.info({}, 'the control plane answers again')
    this.#failures = 0
    this.#lastResponseAt = Date.now()
    this.#events.response(response)
  }

  #node() {
    const { id, cluster, metadata, locality } = this.#options.node
    return {
      id,
      cluster,
      metadata: JSON.parse(JSON.stringify({ ...metadata, TYPE: 'message-proxy' })) as Record<string, never>,
      userAgentName: 'meshgate',
      ...(locality && {
        locality: { region: locality.region ?? '', zone: locality.zone ?? '', subZone: locality.subZone ?? '' },
      }),
    }
  }

  #lost(stream: Stream, reason: string): void {
    if (stream !== this.#stream || this.#stopped) return
    this.#stream = undefined
    stream.cancel()
    const { baseMs, maxMs } = this.#options.backoff ?? { baseMs: 500, maxMs: 30_000 }
    const waitMs = Math.round(Math.random() * Math.min(maxMs, baseMs * 2 ** Math.min(this.#failures, 16)))
    this.#failures++
    const { host, port } = this.#address
    this.#options.log.warn(
      { xds: `${host}:${port}`, waitMs },
      `no control plane: ${reason}; ${this.#events.meanwhile()}`,
    )
    if (this.#addresses.length > 1) {
      this.#at = (this.#at + 1) % this.#addresses.length
      this.#elsewhere = true
    }
    this.#retry = setTimeout(() => this.connect(), waitMs)
  }
}

function clientOf(xds: PlaneAddress, tls: PlaneTls | undefined): Client {
  const name = channelName(xds.host, tls?.serverName)
  return new Client(addressText(xds), channelCredentials(tls, name), {
    'grpc.max_receive_message_length': MOST_RESPONSE_BYTES,
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.initial_reconnect_backoff_ms': 200,
    'grpc.max_reconnect_backoff_ms': 5000,
    ...(tls && name.options),
  })
}

function channelCredentials(tls: PlaneTls | undefined, { verified }: ChannelName): ChannelCredentials {
  if (!tls) return credentials.createInsecure()
  const pem = (text: string | undefined) => (text === undefined ? null : Buffer.from(text))
  return credentials.createSsl(pem(tls.ca), pem(tls.privateKey), pem(tls.certificate), {
    checkServerIdentity: (_asked: string, certificate: PeerCertificate) => checkServerIdentity(verified, certificate),
  })
}
