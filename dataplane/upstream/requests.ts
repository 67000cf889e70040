import type { Cluster } from '../cluster/cluster.ts'
import type { Host } from '../cluster/host.ts'
import type { Client } from '../listen/client.ts'
import type { CompiledRoute } from '../route/compile.ts'
import type { UpstreamConnection } from './connection.ts'

export const RequestState = {
  free: 0,
  /** Not on a connection: delayed, waiting for one, or between two tries. */
  waiting: 1,
  /** Written (or queued) on `connection`. */
  sent: 2,
  /** The client has its outcome; the slot stays until the late reply or the end of the connection, so that the id is not given out again. */
  expired: 3,
} as const

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
/** The client's reading is held until it is sent. */
export const HOLDS = 128
/** Already taken out of its connection's list and waiting for another try. */
export const BACKOFF = 256

const firstCapacity = 2048
const maxCapacity = 1 << 17

/** Bits of an id that say the slot; the rest is the slot's generation. */
export const slotBits = 17

/**
 * Requests in flight, as columns. A slot's generation changes whenever it is freed, so that a late reply names no one. Free slots are
 * used in turn, which keeps the time long until an id comes back.
 */
export class Requests {
  capacity = firstCapacity
  used = 0
  state = new Uint8Array(firstCapacity)
  flags = new Int32Array(firstCapacity)
  generation = new Int32Array(firstCapacity)
  /** The client's id as int32 halves. */
  idLo = new Int32Array(firstCapacity)
  idHi = new Int32Array(firstCapacity)
  /** The id on the wire where it is not rewritten. */
  at = new Int32Array(firstCapacity)
  length = new Int32Array(firstCapacity)
  /** Neighbours in the list of the connection (or of the queue that waits for one). */
  next = new Int32Array(firstCapacity)
  previous = new Int32Array(firstCapacity)
  /** When the slot's timer is due, ms of the turn's clock; 0: it has none. */
  timer = new Float64Array(firstCapacity)
  /** Neighbours in the timer wheel, and the tick at which it is looked at there (0: not in the wheel). */
  wheelNext = new Int32Array(firstCapacity)
  wheelPrevious = new Int32Array(firstCapacity)
  due = new Int32Array(firstCapacity)
  tries = new Uint8Array(firstCapacity)
  /** Place in the order of an ordered client's replies. */
  sequence = new Int32Array(firstCapacity)
  started = new Float64Array(firstCapacity)
  tryStarted = new Float64Array(firstCapacity)
  /** When the client gets an error, ms of the turn's clock; 0 never. */
  deadline = new Float64Array(firstCapacity)
  /** The frame; while the slot is sent it is not to be written to. */
  readonly bytes: (Uint8Array | null)[] = []
  readonly client: (Client | null)[] = []
  readonly connection: (UpstreamConnection | null)[] = []
  readonly route: (CompiledRoute | null)[] = []
  readonly cluster: (Cluster | null)[] = []
  readonly host: (Host | null)[] = []
  #ring = new Int32Array(firstCapacity)
  #head = 0
  #free = firstCapacity

  constructor() {
    for (let i = 0; i < firstCapacity; i++) this.#ring[i] = i
    this.#fill(0)
  }

  /** A slot, or -1 when there is none left. */
  take(): number {
    if (this.#free === 0 && !this.#grow()) return -1
    const slot = this.#ring[this.#head]!
    this.#head = this.#head + 1 === this.capacity ? 0 : this.#head + 1
    this.#free--
    this.used++
    return slot
  }

  release(slot: number): void {
    this.state[slot] = RequestState.free
    this.generation[slot]!++
    this.bytes[slot] = null
    this.client[slot] = null
    this.connection[slot] = null
    this.route[slot] = null
    this.cluster[slot] = null
    this.host[slot] = null
    let tail = this.#head + this.#free
    if (tail >= this.capacity) tail -= this.capacity
    this.#ring[tail] = slot
    this.#free++
    this.used--
  }

  /** Another frame for a slot. */
  replaceBytes(slot: number, bytes: Uint8Array): void {
    this.bytes[slot] = bytes
    this.at[slot] = 0
    this.length[slot] = bytes.length
  }

  /** Gives the slot a copy of its frame, so that the chunk it came in can go. */
  own(slot: number): void {
    const at = this.at[slot]!
    this.replaceBytes(slot, this.bytes[slot]!.slice(at, at + this.length[slot]!))
  }

  /** The id for the wire: generation above slot. */
  wireId(slot: number): number {
    return (this.generation[slot]! << slotBits) | slot
  }

  #grow(): boolean {
    const old = this.capacity
    if (old >= maxCapacity) return false
    const capacity = old * 2
    const wider = <T extends Int32Array | Float64Array | Uint8Array>(column: T): T => {
      const grown = new (column.constructor as new (length: number) => T)(capacity)
      grown.set(column)
      return grown
    }
    this.state = wider(this.state)
    this.flags = wider(this.flags)
    this.generation = wider(this.generation)
    this.idLo = wider(this.idLo)
    this.idHi = wider(this.idHi)
    this.at = wider(this.at)
    this.length = wider(this.length)
    this.next = wider(this.next)
    this.previous = wider(this.previous)
    this.wheelNext = wider(this.wheelNext)
    this.wheelPrevious = wider(this.wheelPrevious)
    this.due = wider(this.due)
    this.timer = wider(this.timer)
    this.tries = wider(this.tries)
    this.sequence = wider(this.sequence)
    this.started = wider(this.started)
    this.tryStarted = wider(this.tryStarted)
    this.deadline = wider(this.deadline)
    this.capacity = capacity
    this.#ring = new Int32Array(capacity)
    for (let i = 0; i < old; i++) this.#ring[i] = old + i
    this.#head = 0
    this.#free = old
    this.#fill(old)
    return true
  }

  #fill(from: number): void {
    for (let i = from; i < this.capacity; i++) {
      this.bytes[i] = null
      this.client[i] = null
      this.connection[i] = null
      this.route[i] = null
      this.cluster[i] = null
      this.host[i] = null
    }
  }
}

/** Slots in the order in which they were added, linked through the columns `next` and `previous`. */
export class SlotList {
  readonly #requests: Requests
  head = -1
  tail = -1
  count = 0

  constructor(requests: Requests) {
    this.#requests = requests
  }

  add(slot: number): void {
    const r = this.#requests
    r.next[slot] = -1
    r.previous[slot] = this.tail
    if (this.tail >= 0) r.next[this.tail] = slot
    else this.head = slot
    this.tail = slot
    this.count++
  }

  remove(slot: number): void {
    const r = this.#requests
    const next = r.next[slot]!
    const previous = r.previous[slot]!
    if (previous >= 0) r.next[previous] = next
    else this.head = next
    if (next >= 0) r.previous[next] = previous
    else this.tail = previous
    this.count--
  }
}
