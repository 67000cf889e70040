import { type Codec, sharedIdBits } from '../../codecs/contract.ts'
import type { ActiveRequest } from './requests.ts'

/** So many ids of a connection are used at most, whatever their width: nobody has more in flight, and the tables stay small. */
const mostIds = 1 << 14
const firstSize = 64

/** Whether ids of this protocol say too little for the proxy's own (slot and generation), so that each connection counts its own. */
export function countsIds({ idBits, reservedIds = [] }: Codec): boolean {
  return idBits < sharedIdBits || reservedIds.length > 0
}

/**
 * The ids of one upstream connection. An id belongs to one request until its reply comes, however late: one whose request timed out is burnt
 * until then, since nobody could tell the late reply from that of a new request. Free ids are given in the order in which they came free, and
 * the last of them rest: a reply that came twice meets nobody unless so many others came between.
 */
export class IdSpace {
  readonly #mask: number
  readonly #reserved: readonly number[]
  /** Ids above this are not used. */
  readonly #last: number
  /** Free ids that are kept back. */
  readonly #rest: number
  readonly #owners: (ActiveRequest | null)[] = []
  /** Those that came free, a ring. */
  #ring = new Uint16Array(firstSize)
  #head = 0
  #returned = 0
  /** The first that was never given; 0 is not: many protocols mean "no reply" by it. */
  #fresh = 1
  /** Ids that may be given now. */
  available: number
  /** Requests that can be on the connection at once. */
  readonly capacity: number

  constructor({ idBits, idCount = 2 ** Math.min(idBits, 32), reservedIds = [] }: Codec) {
    this.#mask = idBits >= 32 || idCount !== 2 ** idBits ? -1 : idCount - 1
    this.#reserved = reservedIds.map((id) => id & this.#mask).filter((id) => id > 0)
    this.#last = Math.min(idCount - 1, mostIds)
    const usable = this.#last - this.#reserved.filter((id) => id <= this.#last).length
    this.#rest = usable >> 2
    this.capacity = usable - this.#rest
    this.available = this.capacity
    this.#skip()
  }

  /** The id the next request would get. Only while some are `available`. */
  get next(): number {
    return this.#fresh <= this.#last ? this.#fresh : this.#ring[this.#head]!
  }

  /** `next` belongs to the request from now on. */
  take(request: ActiveRequest): void {
    const id = this.next
    if (this.#fresh <= this.#last) {
      this.#fresh++
      this.#skip()
    } else {
      this.#head = (this.#head + 1) & (this.#ring.length - 1)
      this.#returned--
    }
    this.available--
    this.#owners[id] = request
    request.id = id
  }

  /** The request's id is free: its reply came, or it was never sent. */
  free(request: ActiveRequest): void {
    const { id } = request
    if (this.#owners[id] !== request) return
    this.#owners[id] = null
    if (this.#returned === this.#ring.length) this.#grow()
    this.#ring[(this.#head + this.#returned) & (this.#ring.length - 1)] = id
    this.#returned++
    this.available++
  }

  /** Whose id a reply has (its low half as read); null: nobody's. */
  owner(id: number): ActiveRequest | null {
    return this.#owners[id & this.#mask] ?? null
  }

  #skip(): void {
    while (this.#reserved.includes(this.#fresh)) this.#fresh++
  }

  #grow(): void {
    const { length } = this.#ring
    const ring = new Uint16Array(length * 2)
    for (let i = 0; i < length; i++) ring[i] = this.#ring[(this.#head + i) & (length - 1)]!
    this.#ring = ring
    this.#head = 0
  }
}
