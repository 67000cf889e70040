import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import { compareDiagnostics } from '../diagnostics/diagnostic.ts'
import type { Client } from '../subscription/client.ts'
import type { Exchanges } from '../subscription/exchanges.ts'
import type { Form } from '../subscription/request.ts'
import type { Nack } from '../subscription/type-state.ts'
import type { NodeInfo, Resource } from '../xds/resource.ts'
import { LastGood, type Rejection } from './last-good.ts'
import { toDiagnostic } from './rejection.ts'

/**
 * SYNCED: has accepted all there is, or came back with it after a restart. STALE: something is on its way, or waits. NACK:
 * refuses something. NOT SENT: asked for the type, and nothing was there to send.
 */
export type SyncState = 'SYNCED' | 'STALE' | 'NACK' | 'NOT SENT'

export interface TypeStatus {
  readonly type: ResourceType
  readonly state: SyncState
  readonly wildcard: boolean
  /** Names subscribed one by one. */
  readonly names: number
  readonly sent: { readonly nonce: string; readonly at: number } | undefined
  readonly acked: { readonly nonce: string; readonly at: number } | undefined
  readonly nack: Nack | undefined
  /** Since when something sent was not answered, in ms since 1970. */
  readonly unansweredSince: number | undefined
}

export interface ClientStatus {
  /** Unique among the streams of this process. */
  readonly stream: number
  readonly node: NodeInfo
  /** The class it is served from. */
  readonly class: string
  readonly peer: string
  /** Names its certificate proves; undefined when it showed none. */
  readonly identities: readonly string[] | undefined
  readonly form: Form
  /** It gets clusters when a request needs them. */
  readonly lazy: boolean
  /** About how many names of clusters it remembers that were let go of; until it ends. */
  readonly spentNames: number
  readonly connectedAt: number
  readonly disconnectedAt: number | undefined
  readonly types: readonly TypeStatus[]
  /** The last responses and answers. */
  readonly exchanges: Exchanges
}

/** A resource as a client has it, or is about to have it. */
export interface HeldResource {
  readonly resource: Resource
  /** False while its newest version is on its way or waits. */
  readonly acknowledged: boolean
}

/** What the book needs to know of a stream; everything else it asks for when somebody looks. */
export interface StatusSource {
  readonly stream: number
  readonly node: NodeInfo
  readonly peer: string
  readonly identities: readonly string[] | undefined
  readonly connectedAt: number
  readonly client: Client
}

const KEEP_GONE_MS = 10 * 60_000
const MOST_GONE = 1000
const MOST_IDLE_CLASSES = 1000

/** Who is connected, what each was sent and what it said to it. Nothing is kept per resource; details are computed on demand. */
export class StatusBook {
  private readonly live = new Map<number, StatusSource>()
  /** The last stream of each node that left, by node id, oldest first. Who came back has none: streams end in peace now and then. */
  private readonly gone = new Map<string, ClientStatus>()
  private readonly classes = new Map<string, { readonly verdicts: LastGood; idleSince: number | undefined }>()
  private readonly now: () => number

  constructor(now: () => number = Date.now) {
    this.now = now
  }

  /** All connected clients, then those that left in the last minutes and did not come back. */
  clients(): readonly ClientStatus[] {
    this.sweep()
    const connected = [...this.live.values()].map((source) => this.statusOf(source))
    const ids = new Set(connected.map((client) => client.node.id))
    return [...connected, ...[...this.gone.values()].filter((client) => !ids.has(client.node.id))]
  }

  /** Streams of the node with this id, newest first. */
  client(nodeId: string): readonly ClientStatus[] {
    return this.clients()
      .filter((client) => client.node.id === nodeId)
      .reverse()
  }

  get connected(): number {
    return this.live.size
  }

  /** What the client has of a type. Undefined when it is not connected or does not ask for the type. */
  resources(stream: number, type: ResourceType): readonly HeldResource[] | undefined {
    const client = this.live.get(stream)?.client
    const state = client?.place(type)
    if (!client || !state) return undefined
    const log = client.class.of(type)
    const waiting = new Set([...log.pending(state.upserted, state.interest).upserts, ...(state.extra ?? [])])
    for (const name of state.owed ?? []) waiting.add(name)
    for (const { frame } of state.inFlight) for (const resource of frame.upserts) waiting.add(resource.name)
    const held: HeldResource[] = []
    for (const published of log.all(state.interest)) {
      const resource = client.class.verdicts.forClient(client.options.id, published)
      if (resource) held.push({ resource, acknowledged: !waiting.has(resource.name) && !state.owedAll })
    }
    return held
  }

  /** Everything refused at present or not yet replaced by an accepted version, by class. */
  rejections(): readonly (Rejection & { readonly class: string })[] {
    return [...this.classes].flatMap(([key, { verdicts }]) =>
      verdicts.rejections.map((rejection) => ({ ...rejection, class: key })),
    )
  }

  /** Complaints at the lines of YAML the refused resources came from; one for all classes that got the same resource. */
  diagnostics(): readonly Diagnostic[] {
    const found = new Map<string, Diagnostic>()
    for (const rejection of this.rejections()) {
      const { type, name, version } = rejection.resource
      const key = `${type} ${name} ${version}`
      const diagnostic = toDiagnostic(rejection)
      if (!found.has(key) || diagnostic.severity === 'error') found.set(key, diagnostic)
    }
    return [...found.values()].sort(compareDiagnostics)
  }

  /** The memory of a class; it outlives its last client by some minutes, so that a restarted fleet finds what it accepted. */
  verdicts(classKey: string, changed: () => void): LastGood {
    const known = this.classes.get(classKey)
    if (known) {
      known.idleSince = undefined
      return known.verdicts
    }
    const verdicts = new LastGood(changed, this.now)
    this.classes.set(classKey, { verdicts, idleSince: undefined })
    return verdicts
  }

  /** The class has no clients any more. */
  classIdle(classKey: string): void {
    const known = this.classes.get(classKey)
    if (known) known.idleSince = this.now()
  }

  /** A client is there; one of its node that had left counts as back. */
  opened(source: StatusSource): void {
    this.live.set(source.stream, source)
    this.gone.delete(source.node.id)
    this.classes.get(source.client.class.key)?.verdicts.returned(source.client.options.id)
  }

  /** A client left: its last state is kept for a while, of so many nodes at most. */
  closed(stream: number): void {
    const source = this.live.get(stream)
    if (!source) return
    this.live.delete(stream)
    this.gone.delete(source.node.id)
    this.gone.set(source.node.id, { ...this.statusOf(source), disconnectedAt: this.now() })
    if (this.gone.size > MOST_GONE) for (const oldest of this.gone.keys()) if (this.gone.delete(oldest)) break
  }

  /** Forgets who left long ago. */
  sweep(): void {
    const since = this.now() - KEEP_GONE_MS
    for (const [id, { disconnectedAt }] of this.gone) {
      if (disconnectedAt! >= since) break
      this.gone.delete(id)
    }
    let idle = 0
    for (const [key, { verdicts, idleSince }] of [...this.classes].reverse()) {
      if (idleSince !== undefined && (idleSince < since || ++idle > MOST_IDLE_CLASSES)) this.classes.delete(key)
      else verdicts.sweep(since)
    }
  }

  private statusOf(source: StatusSource): ClientStatus {
    const { stream, node, peer, identities, connectedAt, client } = source
    return {
      stream,
      node,
      class: client.class.key,
      peer,
      identities,
      form: client.options.form,
      lazy: client.class.onDemand !== undefined,
      spentNames: client.spentNames,
      connectedAt,
      disconnectedAt: undefined,
      types: RESOURCE_TYPES.flatMap((type) => typeStatus(client, type) ?? []),
      exchanges: client.exchanges,
    }
  }
}

/** A refusal stands until the culprit is replaced or gone; one whose culprit is not known, until the next answer. */
function standingNack(client: Client, type: ResourceType, nack: Nack | undefined): Nack | undefined {
  if (!nack || nack.culprits.length === 0) return nack
  return client.class.verdicts.refusing(client.options.id, new Set([type])) ? nack : undefined
}

function typeStatus(client: Client, type: ResourceType): TypeStatus | undefined {
  const state = client.place(type)
  if (!state) return undefined
  const { interest, lastSent, lastSentAt, lastAcked, lastAckedAt, inFlight } = state
  const nack = standingNack(client, type, state.nack)
  return {
    type,
    state: nack ? 'NACK' : !client.settled(type) ? 'STALE' : lastSent || state.resumed ? 'SYNCED' : 'NOT SENT',
    wildcard: interest.wildcard,
    names: interest.names.size,
    sent: lastSent && { nonce: lastSent.nonce, at: lastSentAt },
    acked: lastAcked && { nonce: lastAcked.nonce, at: lastAckedAt },
    nack,
    unansweredSince: inFlight[0]?.sentAt,
  }
}
