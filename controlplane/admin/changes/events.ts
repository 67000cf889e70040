import { randomBytes } from 'node:crypto'

/** What is told to everyone who listens. `resync`: something was missed, ask for everything anew. */
export type EventType = 'revision' | 'config' | 'convergence' | 'proxies' | 'resync'

export interface MeshEvent {
  readonly id: string
  readonly type: EventType
  readonly data: unknown
}

/** Where events go; `buffered` says how many bytes wait to be taken. */
export interface EventSink {
  write(text: string): void
  end(): void
  readonly buffered: number
}

const MOST_KEPT = 1_000
const MOST_CLIENTS = 256
const MOST_OF_ONE = 64
const MOST_BUFFERED_BYTES = 256 * 1024

/**
 * Events in order, the newest of them kept, so that who comes back after a pause misses none. An id belongs to this process: after
 * a restart, or when too much was missed, the first thing a client gets is `resync`.
 */
export class EventHub {
  readonly #epoch = randomBytes(6).toString('hex')
  readonly #kept: MeshEvent[] = []
  /** With whose each is, oldest first. */
  readonly #sinks = new Map<EventSink, string>()
  #last = 0

  get clients(): number {
    return this.#sinks.size
  }

  /** Tells everybody who listens, and keeps it for those who come back. */
  emit(type: Exclude<EventType, 'resync'>, data: unknown): void {
    const event = { id: `${this.#epoch}-${++this.#last}`, type, data }
    this.#kept.push(event)
    if (this.#kept.length > MOST_KEPT) this.#kept.shift()
    const text = format(event)
    for (const sink of [...this.#sinks.keys()]) this.#send(sink, text)
  }

  /**
   * Adds a client of somebody, that has seen everything up to `lastId` (nothing if not given). Where there is no room, the oldest of
   * those who have most gives way: who opens many streams and leaves them shuts out nobody. Returns the way to remove it.
   */
  add(sink: EventSink, owner: string, lastId: string | undefined): () => void {
    const counts = new Map([[owner, 0]])
    for (const one of this.#sinks.values()) counts.set(one, (counts.get(one) ?? 0) + 1)
    if (counts.get(owner)! >= MOST_OF_ONE) this.#endOldest(owner)
    else if (this.#sinks.size >= MOST_CLIENTS)
      this.#endOldest([...counts].reduce((most, one) => (one[1] > most[1] ? one : most))[0])
    this.#sinks.set(sink, owner)
    const missed = this.#since(lastId)
    const text =
      missed === 'gap'
        ? format({ id: `${this.#epoch}-${this.#last}`, type: 'resync', data: {} })
        : missed.map(format).join('')
    this.#send(sink, `retry: 2000\n\n${text}`)
    return () => this.#sinks.delete(sink)
  }

  /** Keeps connections open. */
  beat(): void {
    for (const sink of [...this.#sinks.keys()]) this.#send(sink, ': beat\n\n')
  }

  stop(): void {
    for (const sink of this.#sinks.keys()) sink.end()
    this.#sinks.clear()
  }

  #endOldest(owner: string): void {
    const [oldest] = [...this.#sinks].find(([, one]) => one === owner) ?? []
    if (!oldest) return
    this.#sinks.delete(oldest)
    oldest.end()
  }

  #since(lastId: string | undefined): readonly MeshEvent[] | 'gap' {
    if (lastId === undefined) return []
    const [epoch, number] = lastId.split('-')
    const seen = Number(number)
    if (epoch !== this.#epoch || !Number.isInteger(seen) || seen > this.#last) return 'gap'
    const missing = this.#last - seen
    return missing > this.#kept.length ? 'gap' : missing === 0 ? [] : this.#kept.slice(-missing)
  }

  /** A client that does not take what it is sent is let go: it comes back with the id it has seen. */
  #send(sink: EventSink, text: string): void {
    if (sink.buffered > MOST_BUFFERED_BYTES) {
      this.#sinks.delete(sink)
      sink.end()
    } else sink.write(text)
  }
}

function format({ id, type, data }: MeshEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`
}
