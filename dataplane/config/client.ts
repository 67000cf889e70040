import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { type ChannelCredentials, Client, type ClientDuplexStream, credentials, type ServiceError } from '@grpc/grpc-js'
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { SHORT_NAME, TYPE_URL } from '../../proto/types.ts'
import type { ClusterConfig, Configuration } from '../configuration.ts'
import { restore, save } from './saved.ts'
import { HELD_TYPES, type HeldType, NAMED_TYPES, ResourceStore, WILDCARD_TYPES } from './store.ts'
import { NameSubscription } from './subscription.ts'

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

export interface ConfigClientOptions {
  readonly xds: { readonly host: string; readonly port: number }
  readonly node: ConfigNode
  /** PEM texts; absent: plain text, for a control plane on this machine. */
  readonly tls?: {
    readonly ca?: string
    readonly certificate?: string
    readonly privateKey?: string
    /** Name in the control plane's certificate; absent: the host of `xds`. */
    readonly serverName?: string
  }
  /** File the accepted configuration is saved to, and started from while no control plane answers. */
  readonly cacheFile?: string
  /**
   * Called with each new configuration, whole; never while the first one is still coming in. Resolves when it is in force, with what could
   * not be used: that is refused, with the reason, where it came from.
   */
  onConfiguration(configuration: Configuration): Promise<readonly NotUsed[]>
  readonly log: ConfigLog
  /** The first configuration is handed over at the latest so long after the stream opened, with what has come. Default 5000 ms. */
  readonly initialFetchTimeoutMs?: number
  /** Waits before connecting again: from `base`, doubling up to `max`, each one random below that. Default 500 and 30000 ms. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number }
}

/** Something of a configuration that could be read and not be put in force, such as a listener whose port is taken. */
export interface NotUsed {
  readonly kind: 'protocol' | 'listener' | 'route' | 'cluster'
  readonly name: string
  readonly message: string
  /** It may work at another time, with nothing changed: it is tried again, and the control plane told that it is accepted. */
  readonly transient?: true
}

const KIND_OF: Readonly<Partial<Record<HeldType, NotUsed['kind']>>> = {
  cds: 'cluster',
  pds: 'protocol',
  mrds: 'route',
  mlds: 'listener',
}

/** A response that is answered when its configuration is in force. */
interface Unanswered {
  readonly stream: Stream
  readonly type: HeldType
  readonly nonce: string
  readonly problems: Map<string, string>
}

/** What a client is at, for status pages. */
export interface ConfigStatus {
  readonly connected: boolean
  /** When the last response came, ms since the epoch. */
  readonly lastResponseAt: number | undefined
  /** Where the configuration in force came from. */
  readonly source: 'none' | 'saved' | 'control plane'
  /** Resources refused since they were last accepted, with the reason. */
  readonly refused: readonly { readonly type: HeldType; readonly name: string; readonly reason: string }[]
}

/** What limits call the control plane that the proxy is connected to, as in Envoy's bootstrap. */
const CONTROL_PLANE_CLUSTER = 'xds-grpc'

const METHOD = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources'
const MOST_RESPONSE_BYTES = 256 * 1024 * 1024
const INVALID_ARGUMENT = 3
/** Says of an answer that the configuration is right and the machine not ready for it, such as a port that is in use. */
const UNAVAILABLE = 14
/** Waits before what was not ready is tried again: doubling from the first to the last, in ms. */
const FIRST_AGAIN_MS = 1000
const LAST_AGAIN_MS = 10_000
/** A NACK's text is shown to people and kept by the control plane. */
const MOST_PROBLEM_TEXT = 4096

const WORDS: Readonly<Record<HeldType, string>> = {
  cds: 'cluster(s)',
  eds: 'load assignment(s)',
  sds: 'secret(s)',
  pds: 'protocol(s)',
  mrds: 'message route table(s)',
  mlds: 'message listener(s)',
}

type Stream = ClientDuplexStream<Uint8Array, DeltaDiscoveryResponse>

/**
 * A delta ADS client for the proxy's resource types
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#incremental-xds). While the control plane is gone the last
 * configuration stays in force; a new stream says what is held, so that only what differs comes again.
 */
export class ConfigClient {
  readonly #options: ConfigClientOptions
  readonly #store = new ResourceStore()
  readonly #client: Client
  readonly #names = { eds: new NameSubscription(), sds: new NameSubscription() }
  readonly #refused = new Map<string, { readonly type: HeldType; readonly name: string; readonly reason: string }>()
  #stream: Stream | undefined
  #answered = new Set<HeldType>()
  #lastResponseAt: number | undefined
  #source: ConfigStatus['source'] = 'none'
  #failures = 0
  #retry: NodeJS.Timeout | undefined
  #initial: NodeJS.Timeout | undefined
  #initialOver = false
  #emit: NodeJS.Immediate | undefined
  #changed = false
  #unanswered: Unanswered[] = []
  /** Listeners that are accepted and not open yet, with the reason. */
  #waiting: readonly NotUsed[] = []
  #again: NodeJS.Timeout | undefined
  /** Counts configurations handed over. */
  #handed = 0
  /** Nonce of the last answer about listeners on this stream. */
  #listenersNonce = ''
  #saving: Promise<void> | undefined
  #saveAgain = false
  #stopped = false

  constructor(options: ConfigClientOptions) {
    this.#options = options
    const { host, port } = options.xds
    this.#client = new Client(`${host.includes(':') ? `[${host}]` : host}:${port}`, channelCredentials(options.tls), {
      'grpc.max_receive_message_length': MOST_RESPONSE_BYTES,
      'grpc.keepalive_time_ms': 30_000,
      'grpc.keepalive_timeout_ms': 10_000,
      'grpc.initial_reconnect_backoff_ms': 200,
      'grpc.max_reconnect_backoff_ms': 5000,
      ...(options.tls?.serverName && { 'grpc.ssl_target_name_override': options.tls.serverName }),
    })
  }

  /** Reads the saved copy, hands it over, and connects. @throws Error when the saved copy is no such file */
  async start(): Promise<void> {
    const { cacheFile, node, log } = this.#options
    const problems = cacheFile === undefined ? undefined : await restore(cacheFile, node.id, this.#store)
    for (const problem of problems ?? [])
      log.warn({ file: cacheFile }, `not taken from the saved configuration: ${problem}`)
    if (!this.#store.empty) {
      log.info({ file: cacheFile }, 'started from the saved configuration')
      this.#source = 'saved'
      const configuration = this.#configuration()
      const handed = ++this.#handed
      this.#options.onConfiguration(configuration).then(
        (notUsed) => {
          if (handed === this.#handed) this.#wait(configuration, notUsed)
        },
        (error: Error) => log.warn({}, `the saved configuration could not be put in force: ${error.message}`),
      )
    }
    this.#connect()
  }

  /** What is held, and the control plane as a cluster where rate limits ask it. */
  #configuration(): Configuration {
    const configuration = this.#store.configuration()
    const asked = configuration.routes.some(({ routes }) =>
      routes.some(({ action }) => action.globalRateLimits?.some(({ cluster }) => cluster === CONTROL_PLANE_CLUSTER)),
    )
    if (!asked) return configuration
    const { xds, tls } = this.#options
    const own: ClusterConfig = {
      name: CONTROL_PLANE_CLUSTER,
      balancer: { kind: 'roundRobin' },
      localities: [{ endpoints: [{ address: xds }] }],
      ...(tls && { tls }),
    }
    return { ...configuration, clusters: [...configuration.clusters, own] }
  }

  status(): ConfigStatus {
    return {
      connected: this.#stream !== undefined && this.#failures === 0 && this.#answered.size > 0,
      lastResponseAt: this.#lastResponseAt,
      source: this.#source,
      refused: [
        ...this.#refused.values(),
        ...this.#waiting.map(({ name, message }) => ({
          type: 'mlds' as const,
          name,
          reason: `${message}; tried again`,
        })),
      ],
    }
  }

  /** Ends the stream; the configuration in force stays with whoever has it. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#retry)
    clearTimeout(this.#initial)
    clearTimeout(this.#again)
    clearImmediate(this.#emit)
    this.#stream?.cancel()
    this.#client.close()
    await this.#saving
  }

  #connect(): void {
    if (this.#stopped) return
    this.#answered = new Set()
    this.#unanswered = []
    this.#listenersNonce = ''
    for (const type of NAMED_TYPES) this.#names[type].reset()
    const stream: Stream = this.#client.makeBidiStreamRequest(
      METHOD,
      (bytes: Uint8Array) => Buffer.from(bytes),
      (bytes: Buffer) => fromBinary(DeltaDiscoveryResponseSchema, bytes),
    )
    this.#stream = stream
    stream.on('data', (response: DeltaDiscoveryResponse) => this.#receive(stream, response))
    stream.on('error', (error: ServiceError) =>
      this.#lost(stream, (error.details || error.message).replace(/\s*Resolution note:\s*$/, '')),
    )
    stream.on('end', () => this.#lost(stream, 'the control plane ended the stream'))
    for (const [index, type] of WILDCARD_TYPES.entries())
      this.#send(type, {
        ...(index === 0 && { node: this.#node() }),
        resourceNamesSubscribe: ['*'],
        initialResourceVersions: this.#store.versions(type),
      })
    for (const type of NAMED_TYPES) this.#follow(type, true)
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

  #send(type: HeldType, init: Parameters<typeof create<typeof DeltaDiscoveryRequestSchema>>[1]): void {
    const request = create(DeltaDiscoveryRequestSchema, { ...init, typeUrl: TYPE_URL[type] } as typeof init)
    this.#stream?.write(toBinary(DeltaDiscoveryRequestSchema, request))
  }

  /** Subscribes to what the resources held refer to, and lets go of the rest. */
  #follow(type: 'eds' | 'sds', first = false): void {
    const change = this.#names[type].set(this.#store.wanted(type))
    if (!change) return
    this.#send(type, {
      resourceNamesSubscribe: [...change.subscribe],
      resourceNamesUnsubscribe: [...change.unsubscribe],
      ...(first && { initialResourceVersions: this.#store.versions(type) }),
    })
    this.#store.forget(type, change.unsubscribe)
  }

  #receive(stream: Stream, response: DeltaDiscoveryResponse): void {
    if (stream !== this.#stream) return
    if (this.#failures > 0) this.#options.log.info({}, 'the control plane answers again')
    this.#failures = 0
    this.#lastResponseAt = Date.now()
    const type = SHORT_NAME.get(response.typeUrl as Parameters<typeof SHORT_NAME.get>[0]) as HeldType | undefined
    if (!type || !HELD_TYPES.includes(type)) {
      this.#options.log.warn({ typeUrl: response.typeUrl }, 'a response of a type that was not asked for')
      return
    }
    const problems = new Map<string, string>()
    const incoming = response.resources.flatMap(({ name, version, resource }) => {
      if (resource?.typeUrl === response.typeUrl) return [{ name, version, bytes: resource.value }]
      problems.set(name, `the resource is ${resource ? `a ${resource.typeUrl}` : 'empty'}`)
      return []
    })
    for (const [name, problem] of this.#store.apply(type, incoming, response.removedResources))
      problems.set(name, problem)
    const names = response.resources.map(({ name }) => name)
    for (const name of [...names, ...response.removedResources]) this.#refused.delete(`${type} ${name}`)
    for (const [name, reason] of problems) this.#refused.set(`${type} ${name}`, { type, name, reason })
    const changes = names.length + response.removedResources.length > 0
    // While the first configuration is coming in, others wait for the answers; listeners are the last to come.
    if (changes && (type === 'mlds' || (this.#source !== 'none' && KIND_OF[type])))
      this.#unanswered.push({ stream, type, nonce: response.nonce, problems })
    else this.#answer(type, response.nonce, problems)

    this.#answered.add(type)
    if (type === 'eds' || type === 'sds') this.#names[type].answered([...names, ...response.removedResources])
    else if (type === 'cds' || type === 'mlds') for (const named of NAMED_TYPES) this.#follow(named)
    if (changes || this.#source === 'none') this.#changed = true
    else if (this.#complete()) this.#source = 'control plane'
    this.#handOver()
  }

  #answer(type: HeldType, nonce: string, problems: ReadonlyMap<string, string>): void {
    if (type === 'mlds') this.#listenersNonce = nonce
    if (problems.size === 0) {
      const waiting = type === 'mlds' ? this.#waiting : []
      const message = `not in force yet, tried again: ${waiting.map((one) => `${one.name}: ${one.message}`).join(', ')}`
      this.#send(type, {
        responseNonce: nonce,
        ...(waiting.length > 0 && {
          errorDetail: { code: UNAVAILABLE, message: message.slice(0, MOST_PROBLEM_TEXT) },
        }),
      })
      return
    }
    const list = [...problems].map(([name, problem]) => `${name}: ${problem}`).join(', ')
    const message = `Error adding/updating ${WORDS[type]} ${list}`.slice(0, MOST_PROBLEM_TEXT)
    this.#options.log.warn({ type }, message)
    this.#send(type, { responseNonce: nonce, errorDetail: { code: INVALID_ARGUMENT, message } })
  }

  /** Hands the configuration over once per turn of the loop; the first one when everything has come, or after a while. */
  #handOver(): void {
    if (this.#source === 'none' && !this.#initialOver && !this.#complete()) {
      this.#initial ??= setTimeout(() => {
        this.#initialOver = true
        if (this.#stopped || !this.#changed) return
        this.#options.log.warn({}, 'not all of the first configuration has come; starting with what there is')
        this.#handOver()
      }, this.#options.initialFetchTimeoutMs ?? 5000)
      return
    }
    clearTimeout(this.#initial)
    this.#emit ??= setImmediate(() => {
      this.#emit = undefined
      if (!this.#changed || this.#stopped) return
      this.#changed = false
      this.#source = 'control plane'
      const unanswered = this.#unanswered
      this.#unanswered = []
      const configuration = this.#configuration()
      const handed = ++this.#handed
      this.#options.onConfiguration(configuration).then(
        (notUsed) => {
          if (handed === this.#handed) this.#wait(configuration, notUsed)
          this.#settle(unanswered, notUsed)
        },
        (error: Error) => {
          this.#options.log.warn(
            {},
            `the configuration could not be put in force; the last one stays: ${error.message}`,
          )
          for (const { stream, type, nonce } of unanswered)
            if (stream === this.#stream) this.#answer(type, nonce, new Map([['*', error.message]]))
        },
      )
      this.#save()
    })
  }

  /** Answers what came with a configuration that is in force now. */
  #settle(unanswered: readonly Unanswered[], notUsed: readonly NotUsed[]): void {
    for (const { stream, type, nonce, problems } of unanswered) {
      if (stream !== this.#stream) continue
      for (const { kind, name, message, transient } of notUsed) {
        if (transient || kind !== KIND_OF[type] || problems.has(name)) continue
        problems.set(name, message)
        this.#refused.set(`${type} ${name}`, { type, name, reason: message })
      }
      this.#answer(type, nonce, problems)
    }
  }

  /** Tries again what the machine was not ready for, until it is or another configuration comes. */
  #wait(configuration: Configuration, notUsed: readonly NotUsed[], waitMs = FIRST_AGAIN_MS): void {
    const waiting = notUsed.filter(({ transient }) => transient)
    const changed = JSON.stringify(waiting) !== JSON.stringify(this.#waiting)
    this.#waiting = waiting
    clearTimeout(this.#again)
    // Answers that are still due say it anyway.
    if (changed && this.#listenersNonce !== '' && this.#unanswered.every(({ type }) => type !== 'mlds'))
      this.#answer('mlds', this.#listenersNonce, new Map())
    if (waiting.length === 0 || this.#stopped) return
    const handed = this.#handed
    const nextMs = Math.min(waitMs * 2, LAST_AGAIN_MS)
    this.#again = setTimeout(() => {
      this.#options.onConfiguration(configuration).then(
        (left) => {
          if (handed === this.#handed && !this.#stopped) this.#wait(configuration, left, nextMs)
        },
        (error: Error) => {
          this.#options.log.warn({}, `what waits could not be tried again, and is later: ${error.message}`)
          if (handed === this.#handed && !this.#stopped) this.#wait(configuration, notUsed, nextMs)
        },
      )
    }, waitMs)
  }

  #complete(): boolean {
    return (
      WILDCARD_TYPES.every((type) => this.#answered.has(type)) &&
      NAMED_TYPES.every((type) => !this.#names[type].waiting)
    )
  }

  #save(): void {
    const { cacheFile, node, log } = this.#options
    if (cacheFile === undefined) return
    if (this.#saving) {
      this.#saveAgain = true
      return
    }
    this.#saving = save(cacheFile, node.id, this.#store)
      .catch((error: Error) => log.warn({ file: cacheFile }, `the configuration cannot be saved: ${error.message}`))
      .then(() => {
        this.#saving = undefined
        if (!this.#saveAgain) return
        this.#saveAgain = false
        this.#save()
      })
  }

  #lost(stream: Stream, reason: string): void {
    if (stream !== this.#stream || this.#stopped) return
    this.#stream = undefined
    stream.cancel()
    const { baseMs, maxMs } = this.#options.backoff ?? { baseMs: 500, maxMs: 30_000 }
    const waitMs = Math.round(Math.random() * Math.min(maxMs, baseMs * 2 ** Math.min(this.#failures, 16)))
    this.#failures++
    const { host, port } = this.#options.xds
    this.#options.log.warn(
      { xds: `${host}:${port}`, waitMs },
      `no control plane: ${reason}; ${this.#source === 'none' ? 'nothing to serve yet' : 'the last configuration stays'}`,
    )
    this.#retry = setTimeout(() => this.#connect(), waitMs)
  }
}

function channelCredentials(tls: ConfigClientOptions['tls']): ChannelCredentials {
  if (!tls) return credentials.createInsecure()
  const pem = (text: string | undefined) => (text === undefined ? null : Buffer.from(text))
  return credentials.createSsl(pem(tls.ca), pem(tls.privateKey), pem(tls.certificate))
}
