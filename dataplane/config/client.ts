import { Saver } from '../../files/saver.ts'
import type { DeltaDiscoveryResponse } from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { SHORT_NAME } from '../../proto/types.ts'
import type { ClusterConfig, Configuration, ListenerConfig } from '../configuration.ts'
import { Again, type NotUsed } from './again.ts'
import { ControlPlane, type ControlPlaneEvents, type ControlPlaneOptions, type Plane } from './control-plane.ts'
import { HELD_TYPES, type HeldType, NAMED_TYPES, WILDCARD_TYPES } from './held-type.ts'
import { restore, save } from './saved.ts'
import { SecretFiles } from './secret-files.ts'
import { ResourceStore, type Unready } from './store.ts'
import { NameSubscription } from './subscription.ts'
import { Waits } from './waits.ts'

export interface ConfigClientOptions extends ControlPlaneOptions {
  /** File the accepted configuration is saved to, and started from while no control plane answers. */
  readonly cacheFile?: string
  /**
   * Called with each new configuration, whole; never while the first one is still coming in. Resolves when it is in force, with what could
   * not be used: that is refused, with the reason, where it came from.
   */
  onConfiguration(configuration: Configuration): Promise<readonly NotUsed[]>
  /** The first configuration is handed over at the latest so long after the stream opened, with what has come. Default 5000 ms. */
  readonly initialFetchTimeoutMs?: number
  /** Makes the way to the control plane; default: a delta ADS stream over gRPC. */
  readonly plane?: (options: ControlPlaneOptions, events: ControlPlaneEvents) => Plane
}

const KIND_OF: Readonly<Partial<Record<HeldType, NotUsed['kind']>>> = {
  cds: 'cluster',
  pds: 'protocol',
  mrds: 'route',
  mlds: 'listener',
}
const TYPE_OF = { cluster: 'cds', protocol: 'pds', route: 'mrds', listener: 'mlds' } as const

/** A response that is answered when its configuration is in force. */
interface Unanswered {
  readonly session: number
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
  /** Resources refused on this stream since they were last accepted, and those held that cannot be used as things are, with the reason. */
  readonly refused: readonly { readonly type: HeldType; readonly name: string; readonly reason: string }[]
  /** Listeners that are not opened before their secrets have come. */
  readonly waiting: readonly { readonly config: Omit<ListenerConfig, 'tls'>; readonly reason: string }[]
}

/** What limits call the control plane that the proxy is connected to, as in Envoy's bootstrap. */
const CONTROL_PLANE_CLUSTER = 'xds-grpc'
/** Between copies, which are whole: hundreds of endpoints may change in a second. */
const SAVE_AFTER_MS = 1000

const INVALID_ARGUMENT = 3
/** Says of an answer that the configuration is right and the machine not ready for it, such as a port that is in use. */
const UNAVAILABLE = 14
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

function waitsFor({ secrets, waitMs }: Unready): string {
  return `waits for ${secrets.join(' and ')}; ${waitMs === undefined ? 'it is not there' : 'it stays as it was'} until then`
}

/**
 * A delta ADS client for the proxy's resource types
 * (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#incremental-xds). While the control plane is gone the last
 * configuration stays in force; a new stream says what is held, so that only what differs comes again.
 */
export class ConfigClient {
  readonly #options: ConfigClientOptions
  readonly #store: ResourceStore
  readonly #files: SecretFiles
  readonly #plane: Plane
  readonly #again: Again
  readonly #waits = new Waits(({ type, name }) => {
    this.#store.giveUp(type, name)
    this.#changed = true
    this.#handOver()
  })
  readonly #saver: Saver | undefined
  readonly #names = { eds: new NameSubscription(), sds: new NameSubscription() }
  /** What could not be read. */
  readonly #refused = new Map<string, { readonly type: HeldType; readonly name: string; readonly reason: string }>()
  /** What could be read and not be used when the configuration was last put in force. */
  #notUsed: readonly NotUsed[] = []
  #answered = new Set<HeldType>()
  #source: ConfigStatus['source'] = 'none'
  #initial: NodeJS.Timeout | undefined
  #initialOver = false
  #emit: NodeJS.Immediate | undefined
  #changed = false
  #unanswered: Unanswered[] = []
  /** Nonce of the last answer about listeners on this stream. */
  #listenersNonce = ''
  #stopped = false
  /** What the log was last told of what waits for secrets. */
  #toldWaiting: readonly string[] = []

  constructor(options: ConfigClientOptions) {
    this.#options = options
    const { cacheFile: file, node, log } = options
    this.#files = new SecretFiles(log, () => {
      this.#changed = true
      this.#handOver()
    })
    this.#store = new ResourceStore(this.#files)
    const open = options.plane ?? ((own, events) => new ControlPlane(own, events))
    this.#plane = open(options, {
      opened: () => this.#opened(),
      response: (response) => this.#receive(response),
      meanwhile: () => (this.#source === 'none' ? 'nothing to serve yet' : 'the last configuration stays'),
    })
    this.#again = new Again({
      apply: async (configuration) => {
        const found = await options.onConfiguration(configuration)
        this.#notUsed = found.filter(({ transient }) => !transient)
        return found
      },
      changed: () => this.#tellWhatWaits(),
      log,
    })
    this.#saver =
      file === undefined
        ? undefined
        : new Saver({
            write: () => save(file, node.id, this.#store),
            failed: ({ message }) =>
              log.warn({ file }, `the configuration cannot be saved, it is tried again: ${message}`),
            recovered: () => log.info({ file }, 'the configuration is saved again'),
            afterMs: SAVE_AFTER_MS,
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
      this.#again
        .apply(this.#configuration())
        .catch((error: Error) => log.warn({}, `the saved configuration could not be put in force: ${error.message}`))
    }
    this.#plane.connect()
  }

  /** What is held, and the control plane as a cluster where rate limits ask it. */
  #configuration(): Configuration {
    const configuration = this.#store.configuration()
    const { unready } = this.#store
    this.#waits.follow(unready)
    const waiting = unready.map((one) => `${KIND_OF[one.type]} ${one.name} ${waitsFor(one)}`)
    for (const line of waiting) if (!this.#toldWaiting.includes(line)) this.#options.log.warn({}, line)
    this.#toldWaiting = waiting
    const asked = configuration.routes.some(({ routes }) =>
      routes.some(({ action }) => action.globalRateLimits?.some(({ cluster }) => cluster === CONTROL_PLANE_CLUSTER)),
    )
    if (!asked) return configuration
    const { xds, tls } = this.#options
    const texts = tls?.()
    const own: ClusterConfig = {
      name: CONTROL_PLANE_CLUSTER,
      balancer: { kind: 'roundRobin' },
      localities: [{ endpoints: [xds].flat().map((address) => ({ address })) }],
      // Of several, one that is gone is asked no more.
      outlierDetection: { maxEjectionPercent: 100 },
      ...(texts && { tls: texts }),
    }
    return { ...configuration, clusters: [...configuration.clusters, own] }
  }

  /** What is connected, in force, refused and waited for. */
  status(): ConfigStatus {
    return {
      connected: this.#plane.connected && this.#answered.size > 0,
      lastResponseAt: this.#plane.lastResponseAt,
      source: this.#source,
      refused: [
        ...this.#refused.values(),
        ...this.#notUsed
          .map(({ kind, name, message }) => ({ type: TYPE_OF[kind], name, reason: message }))
          .filter(({ type, name }) => !this.#refused.has(`${type} ${name}`)),
        ...this.#store.unready.map((one) => ({ type: one.type, name: one.name, reason: waitsFor(one) })),
        ...this.#again.waiting.map(({ name, message }) => ({
          type: 'mlds' as const,
          name,
          reason: `${message}; tried again`,
        })),
      ],
      waiting: this.#store.waiting.map(({ config, unready }) => ({ config, reason: waitsFor(unready) })),
    }
  }

  /** Ends the stream; the configuration in force stays with whoever has it. */
  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#initial)
    clearImmediate(this.#emit)
    this.#again.stop()
    this.#waits.stop()
    this.#plane.stop()
    this.#files.stop()
    await this.#saver?.stop()
  }

  #opened(): void {
    this.#answered = new Set()
    this.#unanswered = []
    // What is still wrong comes again: it is not among what this stream is told is held.
    this.#refused.clear()
    this.#listenersNonce = ''
    for (const type of NAMED_TYPES) this.#names[type].reset()
    for (const type of WILDCARD_TYPES)
      this.#plane.send(type, {
        resourceNamesSubscribe: ['*'],
        initialResourceVersions: this.#store.versions(type),
      })
    for (const type of NAMED_TYPES) this.#follow(type, true)
  }

  /** Subscribes to what the resources held refer to, and lets go of the rest. */
  #follow(type: 'eds' | 'sds', first = false): void {
    const change = this.#names[type].set(this.#store.wanted(type))
    if (!change) return
    this.#plane.send(type, {
      resourceNamesSubscribe: [...change.subscribe],
      resourceNamesUnsubscribe: [...change.unsubscribe],
      ...(first && { initialResourceVersions: this.#store.versions(type) }),
    })
    this.#store.forget(type, change.unsubscribe)
    for (const name of change.unsubscribe) this.#refused.delete(`${type} ${name}`)
  }

  #receive(response: DeltaDiscoveryResponse): void {
    const type = SHORT_NAME.get(response.typeUrl as Parameters<typeof SHORT_NAME.get>[0]) as HeldType | undefined
    if (!type || !HELD_TYPES.includes(type)) {
      this.#options.log.warn({ typeUrl: response.typeUrl }, 'a response of a type that was not asked for')
      return
    }
    const problems = new Map<string, string>()
    const { resources, removed } = this.#asked(type, response)
    const incoming = resources.flatMap(({ name, version, resource }) => {
      if (resource?.typeUrl === response.typeUrl) return [{ name, version, bytes: resource.value }]
      problems.set(name, `the resource is ${resource ? `a ${resource.typeUrl}` : 'empty'}`)
      return []
    })
    for (const [name, problem] of this.#store.apply(type, incoming, removed)) problems.set(name, problem)
    const names = resources.map(({ name }) => name)
    for (const name of [...names, ...removed]) this.#refused.delete(`${type} ${name}`)
    for (const [name, reason] of problems) this.#refused.set(`${type} ${name}`, { type, name, reason })
    const changes = names.length + removed.length > 0
    // While the first configuration is coming in, others wait for the answers; listeners are the last to come.
    if (changes && (type === 'mlds' || (this.#source !== 'none' && KIND_OF[type])))
      this.#unanswered.push({ session: this.#plane.session, type, nonce: response.nonce, problems })
    else this.#answer(type, response.nonce, problems)

    this.#answered.add(type)
    if (type === 'eds' || type === 'sds') this.#names[type].answered([...names, ...removed])
    else if (type === 'cds' || type === 'mlds') for (const named of NAMED_TYPES) this.#follow(named)
    if (changes || this.#source === 'none') this.#changed = true
    else if (this.#complete()) this.#source = 'control plane'
    this.#handOver()
  }

  /** What of a response is of use: an answer about a name may come when nothing refers to it any more, and nobody would let go of it then. */
  #asked(type: HeldType, { resources, removedResources: removed }: DeltaDiscoveryResponse) {
    if (type !== 'eds' && type !== 'sds') return { resources, removed }
    const names = this.#names[type]
    return {
      resources: resources.filter(({ name }) => names.has(name)),
      removed: removed.filter((name) => names.has(name)),
    }
  }

  #answer(type: HeldType, nonce: string, problems: ReadonlyMap<string, string>): void {
    if (type === 'mlds') this.#listenersNonce = nonce
    if (problems.size === 0) {
      const waiting = type === 'mlds' ? this.#again.waiting : []
      const message = `not in force yet, tried again: ${waiting.map((one) => `${one.name}: ${one.message}`).join(', ')}`
      this.#plane.send(type, {
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
    this.#plane.send(type, { responseNonce: nonce, errorDetail: { code: INVALID_ARGUMENT, message } })
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
      this.#again.apply(this.#configuration()).then(
        (notUsed) => this.#settle(unanswered, notUsed),
        (error: Error) => {
          this.#options.log.warn(
            {},
            `the configuration could not be put in force; the last one stays: ${error.message}`,
          )
          for (const { session, type, nonce } of unanswered)
            if (session === this.#plane.session) this.#answer(type, nonce, new Map([['*', error.message]]))
        },
      )
      this.#saver?.save()
    })
  }

  /** Answers what came with a configuration that is in force now. */
  #settle(unanswered: readonly Unanswered[], notUsed: readonly NotUsed[]): void {
    for (const { session, type, nonce, problems } of unanswered) {
      if (session !== this.#plane.session) continue
      for (const { kind, name, message, transient } of notUsed) {
        if (transient || kind !== KIND_OF[type] || problems.has(name)) continue
        problems.set(name, message)
      }
      this.#answer(type, nonce, problems)
    }
  }

  /** Answers about listeners that are still due say it anyway. */
  #tellWhatWaits(): void {
    if (this.#listenersNonce !== '' && this.#unanswered.every(({ type }) => type !== 'mlds'))
      this.#answer('mlds', this.#listenersNonce, new Map())
  }

  #complete(): boolean {
    return (
      WILDCARD_TYPES.every((type) => this.#answered.has(type)) &&
      NAMED_TYPES.every((type) => !this.#names[type].waiting)
    )
  }
}
