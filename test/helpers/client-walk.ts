import type { Random } from '../../codecs/mutated.ts'
import type { Limits } from '../../controlplane/ads/limits.ts'
import { type Holder, lettingGo } from '../../controlplane/ondemand/letting-go.ts'
import { LoadBook } from '../../controlplane/reports/load-book.ts'
import type { ClassView } from '../../controlplane/xds/class-view.ts'
import type { NodeInfo, OnDemand } from '../../controlplane/xds/resource.ts'
import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import type { PlainDocument } from './document-changes.ts'
import { type Return, StreamClient } from './stream-client.ts'
import { StreamPlane } from './stream-plane.ts'
import { Walk } from './walk.ts'

/** Types a full set of which comes in the state-of-the-world form. */
const FULL: ReadonlySet<ResourceType> = new Set(['cds', 'lds'])
/** What others point to stays while something is refused. */
const POINTED_TO: ReadonlySet<ResourceType> = new Set(['cds', 'eds', 'sds', 'pds'])
const WILD: readonly ResourceType[] = ['cds', 'lds']
const WILD_OF_MESSAGES: readonly ResourceType[] = ['cds', 'pds', 'mrds', 'mlds']
/** Rounds after which nothing may be on its way; each longer than anybody waits. */
const ROUNDS = 12
const A_LONG_TIME = 31_000
/** Bytes that a few resources have. */
const SMALL_RESPONSE = 4096
/** Why a stream is ended whose first request takes its time. */
const TOO_LATE = 'no request within'
/** Why a stream is ended that names more than a limit allows. */
const TOO_MANY = /^(subscribed to )?more than \d+ /

/** How much of what clients are sent they refuse. */
export interface Refusing {
  readonly all: number
  readonly alone: number
}

/** A mesh that changes, and clients that are served from it and behave in every way clients may. */
export class ClientWalk {
  readonly #any: Random
  readonly #walk: Walk
  readonly #passes: (ms: number) => void
  readonly #tight: boolean
  #plane: StreamPlane
  readonly #clients: StreamClient[]
  /** Reports made so far, which are the clock of those who say what they use. */
  #reports = 1
  /** What clients say of what they use. */
  readonly #loads = new LoadBook(() => this.#reports)
  /** How to say that a client reports no longer. */
  readonly #reporting = new Map<string, () => void>()
  /** What somebody refused: type, name and bytes. */
  readonly #refused = new Set<string>()
  readonly #done: string[] = []

  /**
   * @param refusing of how many resources one is refused by everybody, and of how many one by each client alone; 0: none
   * @param passes moves the clock that the mesh itself looks at
   * @param tight a client may be told of few clusters at once only, and perhaps of few names in all
   */
  constructor(
    documents: readonly PlainDocument[],
    nodes: readonly NodeInfo[],
    any: Random,
    refusing: Refusing,
    passes: (ms: number) => void,
    tight = false,
  ) {
    this.#any = any
    this.#tight = tight
    this.#passes = passes
    this.#walk = new Walk(documents, [], any, 0, '8s')
    this.#plane = this.#start()
    const salt = any(1000)
    this.#clients = nodes.map((node) => {
      const refuses = (type: ResourceType, name: string, bytes: string) => {
        // Keys and certificates are made anew for each run.
        const what = `${type} ${name} ${type === 'sds' ? '' : bytes}`
        const isOne = (of: number, whose: string) => of > 0 && hash(`${whose} ${what}`) % of === 0
        const isBad = isOne(refusing.all, `${salt}`) || isOne(refusing.alone, `${salt} ${node.id}`)
        if (isBad) this.#refused.add(`${type} ${name} ${hash(bytes)}`)
        return isBad
      }
      return new StreamClient(this.#plane, node, any, refuses)
    })
    for (const client of this.#clients) this.#begin(client)
  }

  /** Something happens: a change, or something of the clients. */
  step(): void {
    const draw = this.#any(12)
    if (draw === 0) {
      const before = this.#walk.changes
      this.#walk.step()
      const made = this.#walk.changes - before
      if (made > 0) this.#done.push(this.#walk.last(made))
    } else if (draw === 1 && this.#any(2) === 0) this.#evict()
    else if (draw === 1) this.#letGo()
    else if (draw === 5 && this.#any(4) === 0) this.#restart()
    else if (draw === 2) this.#pass(this.#any(4) === 0 ? A_LONG_TIME : this.#any(1500))
    else if (draw < 5) this.#plane.goOn(1 + this.#any(60))
    for (const client of this.#clients) this.#act(client)
  }

  /** The last things that happened, for who reads of a failure. */
  last(count: number): string {
    return this.#done.slice(-count).join('\n')
  }

  /** Lets everything arrive, and compares what the clients have with what new clients of a new control plane get. */
  check(): void {
    for (const client of this.#clients) {
      this.#leaveWhenEnded(client)
      if (!client.connected) this.#connect(client)
    }
    for (let round = 0; round < 3; round++) {
      rest(this.#plane, this.#clients, 2)
      this.#walk.settle()
    }
    rest(this.#plane, this.#clients, ROUNDS)
    const plane = new StreamPlane(this.#walk.fresh())
    // Who wants nothing says nothing, and is served no longer.
    const served = this.#clients.filter((client) => !client.ended)
    const twins = served.map((client) => this.#twin(client, plane))
    rest(plane, twins, ROUNDS)
    for (const [index, client] of served.entries()) this.#compare(client, twins[index]!, plane)
  }

  #begin(client: StreamClient): void {
    this.#want(client)
    if (this.#any(4) > 0) this.#connect(client)
  }

  /** What it wants from the start. */
  #want(client: StreamClient): void {
    const message = client.node.id.startsWith('message')
    // gRPC clients name all they want.
    if (isGrpc(client.node)) this.#nameSome(client)
    else {
      // Clusters on demand are for clients with a wildcard: they get some unasked.
      for (const type of message ? WILD_OF_MESSAGES : WILD)
        if (type === 'cds' || this.#any(4) > 0) client.change(type, [], [])
    }
  }

  #nameSome(client: StreamClient): void {
    for (const type of WILD) {
      const names = this.#plane.view(client.node).names(type)
      client.change(type, [...new Set([1, 2, 3].map(() => names[this.#any(names.length)] ?? 'nobody-0'))], [])
    }
  }

  /** The control plane ends, and another one is there. */
  #restart(): void {
    if (!this.#walk.restart()) return
    this.#done.push(this.#walk.last(1))
    for (const client of this.#clients) if (client.connected) client.disconnect()
    this.#plane = this.#start()
    for (const client of this.#clients) client.meet(this.#plane)
  }

  #start(): StreamPlane {
    const limits: Partial<Limits> = this.#any(2) === 0 ? { responseBytes: SMALL_RESPONSE } : {}
    if (!this.#tight) return new StreamPlane(this.#walk.mesh.mesh, this.#passes, limits)
    const names = this.#any(2) === 0 ? { namesPerStream: 10 + this.#any(20) } : {}
    const tight = { ...limits, ...names, clustersAtOnce: 1 + this.#any(4) }
    return new StreamPlane(this.#walk.mesh.mesh, this.#passes, tight)
  }

  /** Whose stream was ended comes again; whoever wanted too much, as a process that wants less at first. */
  #leaveWhenEnded(client: StreamClient): void {
    if (client.ended && TOO_MANY.test(client.ended.message)) {
      this.#say(client, 'was subscribed to too much, and starts anew')
      client.startAnew()
      this.#want(client)
    } else if (client.ended) client.disconnect()
  }

  #connect(client: StreamClient): void {
    const how = (['right', 'right', 'stale', 'foreign', 'empty'] as const satisfies readonly Return[])[this.#any(5)]!
    this.#say(client, `comes with what is ${how}`)
    client.connect(how)
  }

  #act(client: StreamClient): void {
    if (isPeaceful(client)) this.#leaveWhenEnded(client)
    if (!client.connected) {
      if (this.#any(6) === 0) this.#connect(client)
      return
    }
    for (let count = this.#any(5); count > 0; count--) {
      const draw = this.#any(12)
      if (draw < 4) client.deliver()
      else if (draw < 7) client.flush()
      else if (draw < 11) client.take()
      else this.#wander(client)
    }
    if (this.#any(40) === 0) {
      this.#say(client, 'leaves')
      client.disconnect()
    }
    if (client.ended && !isPeaceful(client)) throw new Error(client.ended.message)
  }

  #wander(client: StreamClient): void {
    const type = RESOURCE_TYPES[this.#any(RESOURCE_TYPES.length)]!
    if (type === 'vhds' && client.node.protocol === 'sotw') return
    const all = this.#plane.view(client.node).names(type)
    // A star in an authority is no name that anybody follows: what it stands for is.
    const names = type === 'vhds' ? all.map((name) => name.replace('*', `any-${this.#any(2)}`)) : all
    const wanted = client.wanted[type]
    const add: string[] = []
    const drop: string[] = []
    for (let count = this.#any(4); count > 0 && names.length > 0; count--) add.push(names[this.#any(names.length)]!)
    if (this.#any(5) === 0) add.push(`${type === 'vhds' ? 'http_proxy/' : ''}nobody-${this.#any(3)}`)
    for (const name of wanted?.names ?? []) if (this.#any(4) === 0 && !add.includes(name)) drop.push(name)
    // Envoy never ends a wildcard for clusters, and what it got on demand it could not tell from the others.
    const turns = type === 'lds' || type === 'mlds' || (type === 'cds' && client.node.protocol === 'sotw')
    if (!isGrpc(client.node) && turns && this.#any(4) === 0) (wanted?.wildcard ? drop : add).push('*')
    this.#say(client, `${type} +${[...new Set(add)].join(' +')} -${drop.join(' -')}`)
    client.change(type, [...new Set(add)], drop)
    // It needs nothing of a name any more, and then it does: the answers to both are on their way.
    const again = drop.filter((name) => name !== '*' && this.#any(2) === 0)
    if (again.length === 0) return
    this.#say(client, `${type} again +${again.join(' +')}`)
    client.change(type, again, [])
  }

  #evict(): void {
    const client = this.#clients[this.#any(this.#clients.length)]!
    const view = this.#plane.view(client.node) as ClassView
    this.#walk.evict({ key: view.key, view })
  }

  /** Clients on demand report what they use, and each class lets go of what none of its clients does, as the control plane does. */
  #letGo(): void {
    const classes = new Map<string, { onDemand: OnDemand; holders: Holder[] }>()
    this.#reports++
    for (const { stream, node } of this.#clients) {
      const lazy = stream?.lazy
      if (!lazy) continue
      const clusters = [...lazy.clusters]
      const close = this.#loads.opened(node.id)
      const reports = clusters.map((cluster) => {
        const issued = this.#any(2)
        const locality = { locality: '', issued, succeeded: issued, failed: 0, inProgress: 0 }
        return { cluster, localities: issued > 0 ? [locality] : [], dropped: 0, intervalMs: 1000 }
      })
      this.#loads.take(node.id, reports)
      this.#reporting.get(node.id)?.()
      this.#reporting.set(node.id, close)
      const { onDemand, classKey } = lazy
      const known = classes.get(classKey) ?? { onDemand, holders: [] }
      classes.set(classKey, known)
      known.holders.push({ node: node.id, workload: node.id, clusters })
    }
    for (const [classKey, { onDemand, holders }] of classes) {
      const always = new Set(onDemand.eager())
      const mayGo = (name: string) =>
        name.startsWith('outbound|') && !always.has(name) && onDemand.present(name) === name
      const { unused } = lettingGo(holders, this.#loads, mayGo, { idleMs: 1, batch: 3 }, this.#reports)
      this.#say(undefined, `${classKey} lets go of what nobody uses: ${unused.join(', ')}`)
      this.#walk.letGo(classKey, unused)
    }
  }

  #pass(ms: number): void {
    this.#say(undefined, `${ms} ms pass`)
    this.#plane.pass(ms)
  }

  /** A new client that asks for all that this one is subscribed to. */
  #twin(client: StreamClient, plane: StreamPlane): StreamClient {
    const twin = new StreamClient(plane, client.node, this.#any)
    for (const type of RESOURCE_TYPES) {
      const place = client.stream?.client.place(type)
      if (!place) continue
      const { wildcard, names } = place.interest
      if (!wildcard && names.size === 0) continue
      twin.change(type, [...(wildcard ? ['*'] : []), ...names], [])
    }
    twin.connect('empty')
    return twin
  }

  #compare(client: StreamClient, twin: StreamClient, plane: StreamPlane): void {
    const { node } = client
    const view = plane.view(node)
    const log = client.stream!.client.class
    if (log.key !== view.key) throw new Error(`${node.id} is served from ${log.key} and not from ${view.key}`)
    this.#compareInterests(client)
    for (const type of RESOURCE_TYPES) {
      // Who comes back with clusters says by itself which endpoints it wants, and then gets them.
      const place = client.stream!.client.place(type)
      if (!place) continue
      // Whoever refuses a full set without a name keeps what it has of all of it (docs/decisions/nack.md).
      if (FULL.has(type) && node.protocol === 'sotw' && place.nack?.culprits.length === 0) continue
      const { interest } = place
      const { verdicts } = log
      const eager = type === 'cds' && view.onDemand ? new Set(view.onDemand.eager()) : undefined
      for (const name of new Set([...client.held[type].keys(), ...twin.held[type].keys()])) {
        // Who asks for a cluster that does not exist gets an empty one; who had it, and had to hear that it went, has none.
        const standIn = type === 'cds' && view.onDemand && !view.get(type, name) ? twin.held.cds.get(name)?.bytes : ''
        const has = (one: StreamClient) => {
          const bytes = one.held[type].get(name)?.bytes
          return bytes === standIn ? undefined : bytes
        }
        const served = has(client)
        const fresh = has(twin)
        if (served === fresh) continue
        // The same that it got while its clusters came on demand stays: Envoy would not ask again for what was taken away.
        if (fresh === undefined && type === 'cds' && client.held.cds.get(name)!.version === 'placeholder') continue
        if (fresh !== undefined && this.#refused.has(`${type} ${name} ${hash(fresh)}`)) continue
        if (fresh === undefined && verdicts.any && POINTED_TO.has(type)) continue
        // What the new one got along with something else this one may have had without it.
        const isAsked = interest.names.has(name) || (interest.wildcard && (!eager || eager.has(name)))
        if (served === undefined && view.onDemand && !isAsked) continue
        // Envoy would not ask again for one that was taken away: these stay (docs/decisions/on-demand.md).
        if (fresh === undefined && type === 'vhds') continue
        // Nothing in this form says that one of these is gone.
        if (fresh === undefined && node.protocol === 'sotw' && !FULL.has(type)) continue
        // Not known: what was known before stays.
        if (view.get(type, name)?.pending) continue
        // What was sent along with a cluster that it refused it neither asks for nor uses.
        if (type === 'eds' && view.onDemand && !isAsked && !client.held.cds.has(name)) continue
        // Endpoints that went with their cluster a moment ago are kept for requests that are on their way to it.
        if (fresh === undefined && type === 'eds' && view.onDemand) continue
        throw new Error(
          `${node.id} ${node.userAgent} ${node.protocol} has another ${type} ${name} than a new client of a new control plane` +
            `\nserved: ${shown(served)}\nfresh:  ${shown(fresh)}`,
        )
      }
      if (this.#refused.size === 0 && !client.stream!.client.settled(type))
        throw new Error(`${node.id}: there is something left to say of ${type}`)
    }
  }

  /** What the server thinks a client wants is what it said, and for clients on demand also what it gets without asking. */
  #compareInterests(client: StreamClient): void {
    const { node, stream, wanted } = client
    for (const type of RESOURCE_TYPES) {
      const own = wanted[type]
      const place = stream!.client.place(type)
      if (!own || !place) continue
      const { onDemand } = stream!.client.class
      const { wildcard, names } = place.interest
      // A name of a past generation is answered, and followed no longer; what the wildcard brings needs no name.
      const isFollowed = (name: string) =>
        names.has(name) || (type === 'cds' && (onDemand ? onDemand.present(name) !== name : wildcard))
      const missing = [...own.names].filter((name) => !isFollowed(name))
      const more = node.protocol === 'delta' ? [] : [...names].filter((name) => !own.names.has(name))
      if (wildcard === own.wildcard && missing.length + more.length === 0) continue
      throw new Error(
        `${node.id} ${node.protocol} is subscribed to other ${type} than it said: ` +
          `wildcard ${wildcard} for ${own.wildcard}, not ${missing}, more ${more}`,
      )
    }
  }

  #say(client: StreamClient | undefined, what: string): void {
    this.#done.push(client ? `${client.node.id} ${client.node.protocol} ${what}` : what)
  }
}

/** Lets everything arrive and every patience end. @throws Error when that does not end */
function rest(plane: StreamPlane, clients: readonly StreamClient[], rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; ; turn++) {
      if (turn > 2000) throw new Error('what clients and control plane say to each other does not end')
      plane.goOn(1000)
      for (const client of clients) {
        client.flush()
        client.take()
        client.deliver()
        if (client.ended && !isPeaceful(client)) throw new Error(client.ended.message)
      }
      if (plane.rests && clients.every((client) => client.rests)) break
    }
    plane.pass(A_LONG_TIME)
  }
}

/** Whether the server ended its stream for a reason that is the client's. */
function isPeaceful({ ended }: StreamClient): boolean {
  return ended !== undefined && (ended.message.startsWith(TOO_LATE) || TOO_MANY.test(ended.message))
}

function isGrpc({ userAgent }: NodeInfo): boolean {
  return userAgent.startsWith('gRPC')
}

/** FNV-1a. http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value >>> 0
}

function shown(value: string | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 1500 ? `${text.slice(0, 1500)}…` : text
}
