import type { ActiveRequest } from '../upstream/requests.ts'

/** What is to be done when a client's request begins. */
export interface Book {
  /** @returns the request's place in the order of replies, -1 without one */
  open(request: ActiveRequest): number
}

interface Entry {
  readonly request: ActiveRequest
  /** The request's, when it was written down: it has another one when it is over. */
  readonly generation: number
}

/** So many more than are in flight are kept before those that are over are looked for. */
const mostStale = 64

/**
 * The requests of a client by their ids, for protocols in which it may end them. What has its outcome stays until it is in the way, so that no reply has to
 * look here.
 */
export class Running implements Book {
  readonly #client: { readonly inFlight: number }
  readonly #entries = new Map<number | string, Entry>()

  constructor(client: { readonly inFlight: number }) {
    this.#client = client
  }

  /** How many are written down, those that are over among them. */
  get size(): number {
    return this.#entries.size
  }

  /** Writes down a request that begins, or the next try of one. */
  open(request: ActiveRequest): number {
    this.#entries.set(keyOf(request.idLo, request.idHi), { request, generation: request.generation })
    if (this.#entries.size > 2 * this.#client.inFlight + mostStale)
      for (const [key, entry] of this.#entries) if (!this.#lives(entry)) this.#entries.delete(key)
    return -1
  }

  /** The request with this id that has no outcome yet. */
  find(idLo: number, idHi: number): ActiveRequest | undefined {
    const entry = this.#entries.get(keyOf(idLo, idHi))
    return entry && this.#lives(entry) ? entry.request : undefined
  }

  /** One that was given up for a late reply has no client any more. */
  #lives({ request, generation }: Entry): boolean {
    return request.generation === generation && request.client === this.#client
  }
}

function keyOf(idLo: number, idHi: number): number | string {
  return idHi === 0 ? idLo : `${idHi}:${idLo}`
}
