import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import type { Random } from '../../codecs/mutated.ts'
import type { Status } from '../../controlplane/ads/transport.ts'
import { WILDCARD_TYPES } from '../../controlplane/subscription/interest.ts'
import type { NodeInfo } from '../../controlplane/xds/resource.ts'
import { ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { NodeSchema } from '../../proto/gen/envoy/config/core/v3/base_pb.ts'
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { RESOURCE_TYPES, type ResourceType, SHORT_NAME, TYPE_URL } from '../../proto/types.ts'
import { nodeBytes, type PlaneStream, type StreamPlane } from './stream-plane.ts'

/** What a client has under a name. State-of-the-world clients know no versions. */
export interface Held {
  readonly version: string
  readonly bytes: string
}

/** What a client wants of a type. */
interface Wanted {
  wildcard: boolean
  /** It has never named anything: an empty list means everything. */
  legacy: boolean
  readonly names: Set<string>
  /** What it said that it wants no longer. What comes under these names now was on its way. */
  readonly dropped: Set<string>
}

type Ask = MessageInitShape<typeof DeltaDiscoveryRequestSchema> & MessageInitShape<typeof DiscoveryRequestSchema>

/** Whether a client refuses a resource. */
export type Refuses = (type: ResourceType, name: string, bytes: string) => boolean

/** How a client comes back: with what it has, with what it had some time ago, with things of another control plane too, or with nothing. */
export type Return = 'right' | 'stale' | 'foreign' | 'empty'

/**
 * A client of either form that keeps what it is sent, by the rules of the protocol and nothing more. It takes and says things when a test
 * lets it.
 */
export class StreamClient {
  readonly node: NodeInfo
  /** What it has. */
  held: Record<ResourceType, Map<string, Held>> = perType(() => new Map())
  readonly wanted: Partial<Record<ResourceType, Wanted>> = {}
  #plane: StreamPlane
  readonly #any: Random
  readonly #refuses: Refuses
  readonly #past: Record<ResourceType, Map<string, Held>>[] = []
  #stream: PlaneStream | undefined
  /** Requests that have not reached the server. */
  #requests: Uint8Array[] = []
  #first = true
  /** Types asked for on this stream. */
  #begun = new Set<ResourceType>()
  #nonces: Partial<Record<ResourceType, string>> = {}
  #accepted: Partial<Record<ResourceType, string>> = {}

  /** @param refuses whether it takes a resource; it says the same as long as it lives */
  constructor(plane: StreamPlane, node: NodeInfo, any: Random, refuses: Refuses = () => false) {
    this.#plane = plane
    this.node = node
    this.#any = any
    this.#refuses = refuses
  }

  get connected(): boolean {
    return this.#stream !== undefined
  }

  get stream(): PlaneStream['stream'] | undefined {
    return this.#stream?.stream
  }

  /** Nothing is on its way in either direction. */
  get rests(): boolean {
    return this.#requests.length === 0 && (this.#stream?.responses.length ?? 0) === 0
  }

  /** Another control plane answers where this one's was, from its next stream on. */
  meet(plane: StreamPlane): void {
    this.#plane = plane
  }

  /** Opens a stream, and asks for everything it wants, in some order. */
  connect(how: Return): void {
    this.#come(how)
    for (const type of RESOURCE_TYPES) if (!wantsAny(this.wanted[type])) this.held[type].clear()
    this.#stream = this.#plane.open(this.node.protocol, this.node)
    this.#requests = []
    this.#first = true
    this.#begun = new Set()
    this.#nonces = {}
    const types = RESOURCE_TYPES.filter((type) => wantsAny(this.wanted[type]))
    // Clusters first, as Envoy asks: what they bring along is known then.
    if (types[0] === 'cds') this.#begin(types.shift()!)
    while (types.length > 0) this.#begin(types.splice(this.#any(types.length), 1)[0]!)
  }

  disconnect(): void {
    this.#past.push(copyOf(this.held))
    if (this.#past.length > 3) this.#past.shift()
    this.#stream?.cut()
    this.#stream = undefined
    this.#requests = []
  }

  /** Wants more names of a type, or fewer. Names of the wildcard itself: `*`. */
  change(type: ResourceType, add: readonly string[], drop: readonly string[]): void {
    const wanted = this.#want(type)
    const isSotw = this.node.protocol === 'sotw'
    // Whose list was always empty cannot end the wildcard with another empty one.
    if (add.length > 0 || (drop.includes('*') && !isSotw)) {
      // A list that was never empty means what it says from its first name on.
      if (wanted.legacy && isSotw) wanted.wildcard = false
      wanted.legacy = false
    }
    for (const name of add)
      if (name === '*') wanted.wildcard = true
      else {
        wanted.names.add(name)
        wanted.dropped.delete(name)
      }
    for (const name of drop)
      if (name === '*') wanted.wildcard = false
      else if (wanted.names.delete(name)) wanted.dropped.add(name)
    if (wanted.legacy) wanted.wildcard = true
    this.#forget(type, wanted, drop)
    if (!this.#stream) return
    if (!this.#begun.has(type)) {
      if (wantsAny(wanted)) this.#begin(type)
    } else if (this.node.protocol === 'sotw') this.#say(type, { resourceNames: listOf(wanted) })
    else this.#say(type, { resourceNamesSubscribe: [...add], resourceNamesUnsubscribe: [...drop] })
  }

  /** Its process is another one from now on, which has nothing and wants nothing yet. */
  startAnew(): void {
    this.disconnect()
    this.held = perType(() => new Map())
    this.#past.length = 0
    this.#accepted = {}
    for (const type of RESOURCE_TYPES) delete this.wanted[type]
  }

  /** The server takes the oldest request, or some that came together. */
  deliver(): void {
    const requests = this.#requests.splice(0, 1 + this.#any(3))
    // What comes behind what ended the stream nobody reads.
    if (requests.length > 0 && !this.ended) this.#stream?.send(...requests)
  }

  /** What the server wrote leaves it. */
  flush(): void {
    this.#stream?.flush()
  }

  /** Takes the oldest response, and answers. */
  take(): void {
    const bytes = this.#stream?.responses.shift()
    if (!bytes) return
    if (this.node.protocol === 'delta') this.#takeDelta(bytes)
    else this.#takeSotw(bytes)
  }

  /** Why the server ended the stream. */
  get ended(): Status | undefined {
    return this.#stream?.ended
  }

  #come(how: Return): void {
    if (how === 'empty') {
      this.held = perType(() => new Map())
      this.#accepted = {}
    }
    const past = this.#past[this.#any(Math.max(1, this.#past.length))]
    if (how === 'stale' && past && this.node.protocol === 'delta') this.held = copyOf(past)
    // What it got without asking it uses: endpoints of its clusters.
    for (const name of this.node.protocol === 'delta' ? this.held.eds.keys() : []) this.#want('eds').names.add(name)
    if (how === 'foreign' && this.node.protocol === 'delta')
      for (const type of RESOURCE_TYPES) {
        const wanted = this.wanted[type]
        if (!wanted) continue
        this.held[type].set('foreign', { version: 'other', bytes: 'foreign' })
        for (const name of wanted.names)
          if (this.#any(4) === 0) this.held[type].set(name, { version: 'other', bytes: 'foreign' })
      }
  }

  #begin(type: ResourceType): void {
    const wanted = this.wanted[type]!
    this.#begun.add(type)
    if (this.node.protocol === 'sotw') {
      this.#say(type, { resourceNames: listOf(wanted) })
      return
    }
    const held = [...this.held[type]].map(([name, { version }]) => [name, version] as const)
    this.#say(type, {
      resourceNamesSubscribe: listOf(wanted),
      initialResourceVersions: Object.fromEntries(held),
    })
  }

  #say(type: ResourceType, ask: Ask): void {
    const node = this.#first ? { node: fromBinary(NodeSchema, nodeBytes(this.node)) } : {}
    this.#first = false
    const init = { typeUrl: TYPE_URL[type], ...node, ...ask }
    if (this.node.protocol === 'delta') {
      this.#requests.push(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, init)))
      return
    }
    const versionInfo = this.#accepted[type] ?? ''
    const responseNonce = this.#nonces[type] ?? ''
    const message = create(DiscoveryRequestSchema, { versionInfo, responseNonce, ...init })
    this.#requests.push(toBinary(DiscoveryRequestSchema, message))
  }

  #takeDelta(bytes: Buffer): void {
    const { typeUrl, nonce, resources, removedResources } = fromBinary(DeltaDiscoveryResponseSchema, bytes)
    const type = SHORT_NAME.get(typeUrl)!
    const given = resources
      .filter(({ name }) => this.#wants(type, name))
      .map(({ name, version, resource }) => ({ name, version, bytes: resource && text(resource.value) }))
    const bad = given.filter((one) => one.bytes !== undefined && this.#refuses(type, one.name, one.bytes))
    // Envoy may take the good ones of a response it refuses, and need not.
    const taken = bad.length === 0 ? given : this.#any(2) === 0 ? given.filter((one) => !bad.includes(one)) : []
    for (const one of taken)
      if (one.bytes === undefined) this.held[type].delete(one.name)
      else this.held[type].set(one.name, { version: one.version, bytes: one.bytes })
    if (bad.length === 0) for (const name of removedResources) this.held[type].delete(name)
    this.#say(type, { responseNonce: nonce, ...this.#complaint(namesOf(bad)) })
    if (type === 'cds') this.#followClusters(taken, bad.length === 0 ? removedResources : [])
  }

  /**
   * A cluster that comes anew takes up its endpoints anew. Of clusters on demand an Envoy asks for the endpoints whether it was sent them or
   * not, and for those of a cluster that went no longer.
   */
  #followClusters(taken: readonly { readonly name: string }[], gone: readonly string[]): void {
    const { names, dropped } = this.wanted.eds ?? {}
    const comesOnDemand = this.stream?.client.class.onDemand !== undefined
    const wants = (name: string) =>
      comesOnDemand ? !names?.has(name) && this.#takesEndpoints(name) : dropped?.has(name)
    const add = namesOf(taken).filter(wants)
    const drop = comesOnDemand ? gone.filter((name) => names?.has(name)) : []
    if (add.length + drop.length > 0) this.change('eds', add, drop)
  }

  /** Whether the cluster it has takes endpoints by its own name. */
  #takesEndpoints(name: string): boolean {
    const bytes = this.held.cds.get(name)?.bytes
    if (bytes === undefined || bytes === 'foreign') return false
    return fromBinary(ClusterSchema, Buffer.from(bytes, 'latin1')).edsClusterConfig?.serviceName === name
  }

  #takeSotw(bytes: Buffer): void {
    const { typeUrl, nonce, versionInfo, resources } = fromBinary(DiscoveryResponseSchema, bytes)
    const type = SHORT_NAME.get(typeUrl)!
    const wanted = this.wanted[type]!
    const given = resources.map(({ value }) => ({ name: nameIn(value), bytes: text(value) }))
    const bad = given.filter((one) => this.#refuses(type, one.name, one.bytes))
    if (bad.length === 0) {
      if (type === 'cds' || type === 'lds') this.held[type].clear()
      for (const one of given)
        if (this.#wants(type, one.name)) this.held[type].set(one.name, { version: versionInfo, bytes: one.bytes })
      this.#accepted[type] = versionInfo
    }
    this.#nonces[type] = nonce
    this.#say(type, { resourceNames: listOf(wanted), ...this.#complaint(namesOf(bad)) })
  }

  #complaint(bad: readonly string[]): Pick<Ask, 'errorDetail'> {
    if (bad.length === 0) return {}
    const message =
      this.#any(2) === 0 ? 'Proto constraint validation failed' : bad.map((name) => `"${name}"`).join(', ')
    return { errorDetail: { code: 13, message } }
  }

  /** Drops what it wants no longer. What it got without asking it keeps: the server knows that it has it. */
  #forget(type: ResourceType, { wildcard, names }: Wanted, drop: readonly string[]): void {
    if (wildcard) return
    const unasked = this.node.protocol === 'delta' && !drop.includes('*')
    const gone = unasked ? drop : [...this.held[type].keys()]
    for (const name of gone) if (!names.has(name)) this.held[type].delete(name)
  }

  #want(type: ResourceType): Wanted {
    const wanted = this.wanted[type] ?? newWanted(type)
    this.wanted[type] = wanted
    return wanted
  }

  /** Whether it keeps what comes under a name. */
  #wants(type: ResourceType, name: string): boolean {
    const { wildcard = false, names, dropped } = this.wanted[type] ?? {}
    if (wildcard || names?.has(name)) return true
    return this.node.protocol === 'delta' && !WILDCARD_TYPES.has(type) && !dropped?.has(name)
  }
}

function newWanted(type: ResourceType): Wanted {
  return { wildcard: false, legacy: WILDCARD_TYPES.has(type), names: new Set(), dropped: new Set() }
}

function namesOf(list: readonly { readonly name: string }[]): string[] {
  return list.map(({ name }) => name)
}

/** On a new stream an empty list would mean everything. */
function wantsAny(wanted: Wanted | undefined): boolean {
  return wanted !== undefined && (wanted.wildcard || wanted.names.size > 0)
}

function listOf({ wildcard, legacy, names }: Wanted): string[] {
  return [...(wildcard && !legacy ? ['*'] : []), ...names]
}

/** Every message of the types served has its name first: field 1. */
function nameIn(bytes: Uint8Array): string {
  if (bytes[0] !== 0x0a) throw new Error('a resource without a name')
  let length = 0
  let at = 1
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!
    length |= (byte & 0x7f) << shift
    if (byte < 0x80) break
  }
  return Buffer.from(bytes.subarray(at, at + length)).toString()
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

function perType<T>(make: () => T): Record<ResourceType, T> {
  return Object.fromEntries(RESOURCE_TYPES.map((type) => [type, make()])) as Record<ResourceType, T>
}

function copyOf(held: Record<ResourceType, Map<string, Held>>): Record<ResourceType, Map<string, Held>> {
  return Object.fromEntries(RESOURCE_TYPES.map((type) => [type, new Map(held[type])])) as Record<
    ResourceType,
    Map<string, Held>
  >
}
