import type { Cluster } from '../cluster/cluster.ts'
import type { Host } from '../cluster/host.ts'
import type { Slab } from '../framing/slabs.ts'
import type { Client } from '../listen/client.ts'
import type { CompiledRoute } from '../route/compile.ts'
import type { ActiveSpan } from '../traces/tracer.ts'
import type { UpstreamConnection } from './connection.ts'

/** Where a request stands on its way. */
export const RequestState = {
  free: 0,
  /** Not on a connection: delayed, waiting for one, or between two tries. */
  waiting: 1,
  /** Written (or queued) on `connection`. */
  sent: 2,
  /** The client has its outcome; the request stays until the late reply or the end of the connection, so that the id is not given out again. */
  expired: 3,
} as const
export type RequestState = (typeof RequestState)[keyof typeof RequestState]

/** No reply is expected. */
export const ONEWAY = 1
/** A copy for a mirror cluster: nobody hears of the outcome. */
export const MIRROR = 2
/** Its id on the wire is not the client's. */
export const REWRITTEN = 4
/** Counts as a retry in the circuit breaker. */
export const RETRY = 8
/** Waits for its delay to pass. */
export const DELAYED = 16
/** In the access log's sample. */
export const LOGGED = 32
/** Has its place in the pending counter. */
export const PENDING = 64
/** The client's reading, or of a one-way message its end, is held until it is sent. */
export const HOLDS = 128
/** Already taken out of its connection's list and waiting for another try. */
export const BACKOFF = 256
/** Has a span. */
export const TRACED = 512
/** A frame of its reply went to the client, and more follow: it has `parts`. */
export const PARTED = 1024
const firstCapacity = 512
const maxCapacity = 1 << 17

/** Bits of an id that say which request; the rest is its generation, of which `sharedIdBits` leaves enough. */
export const slotBits = 17
/** The bits of an id that say which request. */
export const slotMask = (1 << slotBits) - 1

const nothing = new Uint8Array(0)

/** What of a reply of several frames has gone to its client. */
export interface Parts {
  frames: number
  bytes: number
  /** When the time of the try is over, where the route limits the silence between frames, too; 0: it has none. */
  readonly until: number
}

/**
 * A request in flight (one try of it). The objects are made once and used again: no message makes one, and all of one lies together in
 * memory.
 */
export class ActiveRequest {
  /** Its place in `Requests`. */
  readonly slot: number
  /** Changes whenever the request is released, so that a late reply names no one. */
  generation = 0
  state: RequestState = RequestState.free
  flags = 0
  /** The client's id as int32 halves. */
  idLo = 0
  idHi = 0
  /** Where in the frame the id can be written over (see `Frame`), -1: the codec writes it. */
  idAt = -1
  /** The frame; while the request is sent it is not to be written to. */
  bytes: Uint8Array = nothing
  at = 0
  length = 0
  /** Where `bytes` lie, if they are not the request's own. */
  slab: Slab | null = null
  tries = 0
  /** Place in the order of an ordered client's replies, -1 in others. */
  sequence = -1
  client: Client | null = null
  connection: UpstreamConnection | null = null
  route: CompiledRoute | null = null
  cluster: Cluster | null = null
  host: Host | null = null
  /** null before the first frame of a reply that has several. */
  parts: Parts | null = null
  span: ActiveSpan | null = null
  /** Where it waits for a connection. */
  queue: RequestList | null = null
  /** Neighbours in the list of the connection (or of the queue that waits for one). */
  next: ActiveRequest | null = null
  previous: ActiveRequest | null = null
  // Times are ms of the turn's clock. NaN makes the engine keep them as doubles from the start.
  started = Number.NaN
  /** When the client gets an error; 0 never. */
  deadline = Number.NaN
  /** When its timer is due; 0: it has none. */
  timer = Number.NaN
  /** The tick at which the wheel looks at it (0: it is not in the wheel), and its neighbours there. */
  due = 0
  wheelNext: ActiveRequest | null = null
  wheelPrevious: ActiveRequest | null = null
  /** The id it has on a connection that keeps book of its ids. */
  id = 0

  constructor(slot: number) {
    this.slot = slot
    this.started = 0
    this.deadline = 0
    this.timer = 0
  }

  /** The id for the wire: generation above slot. */
  get wireId(): number {
    return (this.generation << slotBits) | this.slot
  }

  /** Another frame for the request. */
  replaceBytes(bytes: Uint8Array): void {
    this.dropBytes()
    this.bytes = bytes
    this.at = 0
    this.length = bytes.length
    this.idAt = -1
  }

  /** The frame is needed no more. */
  dropBytes(): void {
    const { slab } = this
    this.bytes = nothing
    if (!slab) return
    this.slab = null
    slab.letGo()
  }

  /** Gives the request a copy of its frame, so that the chunk it came in can go. */
  own(): void {
    const { idAt } = this
    this.replaceBytes(this.bytes.slice(this.at, this.at + this.length))
    this.idAt = idAt
  }
}

/** All requests there can be. Free ones are used in turn, which keeps the time long until an id comes back. */
export class Requests {
  readonly all: ActiveRequest[] = []
  used = 0
  #ring: ActiveRequest[] = []
  #head = 0
  #free = 0

  constructor() {
    this.#add(firstCapacity)
    // The first is never given: 0 would be its id on the wire, by which many protocols mean "no reply".
    this.#head = 1
    this.#free--
  }

  get capacity(): number {
    return this.all.length
  }

  /** A request without frame, client and route, or undefined when there is none left. */
  take(): ActiveRequest | undefined {
    if (this.#free === 0) {
      if (this.all.length >= maxCapacity) return undefined
      this.#add(this.all.length)
    }
    const request = this.#ring[this.#head]!
    this.#head = this.#head + 1 === this.#ring.length ? 0 : this.#head + 1
    this.#free--
    this.used++
    return request
  }

  release(request: ActiveRequest): void {
    request.state = RequestState.free
    request.idAt = -1
    request.generation = (request.generation + 1) | 0
    request.dropBytes()
    request.client = null
    request.connection = null
    request.route = null
    request.cluster = null
    request.host = null
    if ((request.flags & PARTED) !== 0) request.parts = null
    request.span = null
    let tail = this.#head + this.#free
    if (tail >= this.#ring.length) tail -= this.#ring.length
    this.#ring[tail] = request
    this.#free++
    this.used--
  }

  /** None is free: the ring holds the new ones alone, with room for all. */
  #add(count: number): void {
    const fresh = Array.from({ length: count }, (_, i) => new ActiveRequest(this.all.length + i))
    this.all.push(...fresh)
    this.#ring = [...fresh, ...this.all.slice(0, this.all.length - count)]
    this.#head = 0
    this.#free = count
  }
}

/** Requests in the order in which they were added. */
export class RequestList {
  head: ActiveRequest | null = null
  tail: ActiveRequest | null = null
  count = 0

  add(request: ActiveRequest): void {
    request.next = null
    request.previous = this.tail
    if (this.tail) this.tail.next = request
    else this.head = request
    this.tail = request
    this.count++
  }

  remove(request: ActiveRequest): void {
    const { next, previous } = request
    if (previous) previous.next = next
    else this.head = next
    if (next) next.previous = previous
    else this.tail = previous
    request.next = null
    request.previous = null
    this.count--
  }
}
