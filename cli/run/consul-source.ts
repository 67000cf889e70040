import { resolve } from 'node:path'
import { type Drain, DrainAdvice } from '../../controlplane/admin/drain-advice.ts'
import type { MeshConsul, MeshSpec } from '../../controlplane/config/kinds/mesh.ts'
import { parseDuration } from '../../controlplane/config/syntax/duration.ts'
import {
  CONSUL_DEFAULTS,
  ConsulDiscovery,
  type ConsulSettings,
  type SourceState,
} from '../../controlplane/consul/index.ts'
import type { LiveConfig } from '../../controlplane/live-config.ts'
import type { Discovery } from '../../controlplane/model/index.ts'
import { errorText } from '../../errors/thrown.ts'
import { UsageError } from '../errors.ts'
import type { Log } from './log.ts'
import { meshSpec } from './mesh-programs.ts'

export interface ConsulSourceOptions {
  readonly discovery: Discovery
  /** From the command line; each wins over the Mesh document's. */
  readonly given: Partial<ConsulSettings> | undefined
  readonly config: LiveConfig
  /** Names of files in the Mesh document are relative to this folder. */
  readonly folder: string
  /** Where the last good world is kept. */
  readonly stateDir: string | undefined
  /** Where the configuration comes from: it is told of, too, when it is elsewhere. */
  readonly store?: { state(): SourceState | undefined }
  readonly log: Log
}

/** The Consul that the command line or the Mesh document names: follows the document when it names another one. */
export class ConsulSource {
  readonly #options: ConsulSourceOptions
  readonly convergence = new DrainAdvice()
  #current: ConsulDiscovery | undefined
  /** One by other settings, which takes over when it knows all services: until then the world of the former stays in force. */
  #next: { readonly discovery: ConsulDiscovery; readonly settings: ConsulSettings } | undefined
  #settings: ConsulSettings | undefined
  #last = ''
  #work: Promise<void> = Promise.resolve()
  #unsubscribe = () => {}

  constructor(options: ConsulSourceOptions) {
    this.#options = options
  }

  /** Whether all there is to know was read once. Without a Consul there is nothing to read. */
  get ready(): boolean {
    return this.#last !== '' && (this.#current?.ready ?? true)
  }

  /** How each Consul that is asked is doing: as services, and as the store of configuration. */
  states(): readonly SourceState[] {
    const store = this.#options.store?.state()
    return [...this.#discoveries(), ...(store ? [store] : [])]
  }

  /** One Consul by two settings is one: what the next one complains of is its complaint. */
  #discoveries(): readonly SourceState[] {
    const current = this.#current?.state()
    const next = this.#next?.discovery.state()
    if (!current || !next) return current ? [current] : []
    if (current.name !== next.name) return [current, next]
    const { error } = next
    return [current.state === 'ok' && error !== undefined ? { ...current, state: 'degraded', error } : current]
  }

  /** How long a service that leaves should go on serving, in ms, by what was measured. */
  drain(): Drain {
    return this.convergence.advice()
  }

  /** A person believes what is held back: of one list by its name, or of all. @returns how many there were */
  confirm(what?: string): number {
    return (this.#current?.confirm(what) ?? 0) + (this.#next?.discovery.confirm(what) ?? 0)
  }

  /** Begins once the configuration has been read. @throws UsageError for an address that is none */
  async start(): Promise<void> {
    await this.#follow()
    this.#unsubscribe = this.#options.config.onUpdate(() => {
      this.#follow().catch((error: Error) => this.#options.log.error({ err: error }, error.message))
    })
  }

  async stop(): Promise<void> {
    this.#unsubscribe()
    // What went wrong was told to whoever asked for it.
    await this.#work.catch(() => {})
    await this.#next?.discovery.stop()
    this.#next = undefined
    await this.#current?.stop()
  }

  #follow(): Promise<void> {
    const { given, config, folder } = this.#options
    const settings = consulSettings(meshSpec(config.objects), given, folder)
    const key = JSON.stringify(settings ?? null)
    if (key === this.#last) return this.#work
    this.#last = key
    // Settings that could not be used must not keep those that correct them from being used.
    this.#work = this.#work.catch(() => {}).then(() => this.#change(settings))
    return this.#work
  }

  /** @throws UsageError for an address that is none; then what was in force stays so */
  async #change(settings: ConsulSettings | undefined): Promise<void> {
    const { discovery, stateDir, log } = this.#options
    await this.#next?.discovery.stop()
    this.#next = undefined
    if (!settings) {
      await this.#current?.withdraw()
      this.#current = undefined
      return
    }
    const cacheFile = stateDir === undefined ? undefined : resolve(stateDir, 'consul-services.json')
    const known = this.#settings && isSameWorld(this.#settings, settings) ? this.#current?.known() : undefined
    let made: ConsulDiscovery
    try {
      made = new ConsulDiscovery({ discovery, settings, cacheFile, known, log })
    } catch (error) {
      throw new UsageError(`--consul: ${errorText(error)}`)
    }
    if (this.#current?.ready) {
      this.#next = { discovery: made, settings }
      void made.whenReady().then(() => this.#takeOver(made))
    } else {
      await this.#current?.withdraw()
      this.#current = made
      this.#settings = settings
    }
    await made.start()
  }

  #takeOver(made: ConsulDiscovery): void {
    if (this.#next?.discovery !== made) return
    const before = this.#current
    this.#current = made
    this.#settings = this.#next.settings
    this.#next = undefined
    this.#work = this.#work.catch(() => {}).then(() => before?.giveWayTo(made))
  }
}

/** Whether what is known by one means the same by the other: hosts, and which Consul tells of them. */
function isSameWorld(a: ConsulSettings, b: ConsulSettings): boolean {
  return a.url === b.url && a.domain === b.domain
}

/** The settings in force; undefined when no Consul is named. */
function consulSettings(
  { consul }: MeshSpec,
  given: Partial<ConsulSettings> | undefined,
  folder: string,
): ConsulSettings | undefined {
  const url = given?.url ?? consul?.url
  if (url === undefined) return undefined
  return { ...CONSUL_DEFAULTS, ...(consul ? fromMesh(consul, folder) : {}), ...given, url }
}

function fromMesh(consul: MeshConsul, folder: string): Partial<ConsulSettings> {
  const { shrinkPercent, confirmTime, nameGrace, url: _, tokenFile, ca, cert, key, ...same } = consul
  const files = Object.entries({ tokenFile, ca, cert, key }).filter(([, file]) => file !== undefined)
  return {
    ...Object.fromEntries(Object.entries(same).filter(([, value]) => value !== undefined)),
    ...Object.fromEntries(files.map(([name, file]) => [name, resolve(folder, file!)])),
    ...(shrinkPercent === undefined ? {} : { shrinkShare: shrinkPercent / 100 }),
    ...durations({ confirmMs: confirmTime, nameGraceMs: nameGrace }),
  }
}

function durations(given: Readonly<Record<string, string | undefined>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, text]) => {
      const ms = text === undefined ? undefined : parseDuration(text)
      return ms === undefined ? [] : [[name, ms]]
    }),
  )
}
