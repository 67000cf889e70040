import { randomUUID } from 'node:crypto'
import { asError } from '../../errors/thrown.ts'

/** Something this replica has, to be shown by the others. */
export interface PresenceEntry {
  /** Unique within the replica. */
  readonly id: string
  /** Another text when the entry says something else: cheaper to make than the entry. */
  readonly state: string
  /** Plain JSON. */
  value(): unknown
}

/** Entries of another replica. */
export interface ReplicaEntries {
  readonly replica: string
  readonly values: readonly unknown[]
}

/** Where entries are kept for the others. All of it may be lost at any time: the next beat writes it again. */
export interface PresenceStore {
  /**
   * Writes what changed and keeps the rest alive. Answers whether the rest was still there: of a replica that stood still for too long it
   * has gone. @throws Error when it cannot
   */
  beat(replica: string, changed: ReadonlyMap<string, string>, gone: readonly string[], all: boolean): Promise<boolean>
  /** What the others have. @throws Error when it cannot be read */
  read(except: string): Promise<readonly { readonly replica: string; readonly values: readonly string[] }[]>
  /** The replica ends. */
  leave(replica: string): Promise<void>
  stop(): Promise<void>
}

export interface PresenceOptions {
  readonly store: PresenceStore
  /** Shown with each entry: host and port of the API, or whatever helps a person find the replica. */
  readonly name: string
  readonly entries: () => Iterable<PresenceEntry>
  readonly warn?: (error: Error) => void
  readonly now?: () => number
}

/** How often changes are written, and how long an answer about the others is good for, in ms. */
const BEAT_MS = 2000
/** How long who asks waits for a slow store, and how old an answer may be that is given instead, ms. */
const PATIENCE_MS = 1500
const STALE_MS = 15_000
/** Everything is written again so often, in case the store forgot some of it. */
const WHOLE_MS = 60_000
/** Entries looked at before other work passes. */
const SLICE = 200

/** Tells the others what this replica has, and knows what they have. */
export class Presence {
  /** Another one at each start: what a former self left behind is not ours. */
  readonly replica: string
  private readonly options: PresenceOptions
  private readonly now: () => number
  private written = new Map<string, string>()
  private wholeAt = Number.NEGATIVE_INFINITY
  private timer: NodeJS.Timeout | undefined
  private beating: Promise<void> = Promise.resolve()
  private read: { readonly others: Promise<readonly ReplicaEntries[]>; answeredAt: number | undefined } | undefined
  private last: { readonly at: number; readonly others: readonly ReplicaEntries[] } | undefined
  private failing = false

  constructor(options: PresenceOptions) {
    this.options = options
    this.now = options.now ?? (() => performance.now())
    this.replica = `${options.name} ${randomUUID().slice(0, 8)}`
  }

  /** Tells the others at once and from now on, and reads what they tell. */
  start(): void {
    this.timer = setInterval(() => {
      void this.beat()
    }, BEAT_MS)
    this.timer.unref()
    void this.beat()
  }

  /** False while the store cannot be used: then only this replica's entries are known. */
  get complete(): boolean {
    return !this.failing
  }

  /**
   * Entries of the other replicas, one beat old, or some seconds where the store is slow: it keeps nobody waiting. Empty when they cannot
   * be read.
   */
  async others(): Promise<readonly ReplicaEntries[]> {
    const answeredAt = this.read?.answeredAt
    if (!this.read || (answeredAt !== undefined && this.now() - answeredAt > BEAT_MS)) this.read = this.ask()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS, undefined)
    })
    const found = await Promise.race([this.read.others, late])
    clearTimeout(timer)
    if (found) return found
    if (this.last && this.now() - this.last.at < STALE_MS) return this.last.others
    this.failed(new Error('the other replicas cannot be read in time'))
    return []
  }

  private ask(): NonNullable<typeof this.read> {
    const read: NonNullable<typeof this.read> = {
      answeredAt: undefined,
      others: this.options.store
        .read(this.replica)
        .then(
          (found) => {
            this.worked()
            const others = found.map(({ replica, values }) => ({ replica, values: values.flatMap(parsed) }))
            this.last = { at: this.now(), others }
            return others
          },
          (error: Error) => {
            this.failed(error)
            return []
          },
        )
        .finally(() => {
          read.answeredAt = this.now()
        }),
    }
    return read
  }

  /** Writes what changed since the last time; one at a time. */
  beat(): Promise<void> {
    this.beating = this.beating.then(() => this.write())
    return this.beating
  }

  /** Takes leave, so that the others need not wait until our entries expire. */
  async stop(): Promise<void> {
    clearInterval(this.timer)
    await this.beating
    await this.options.store.leave(this.replica).catch(() => {
      // What is left behind expires.
    })
    await this.options.store.stop()
  }

  private async write(): Promise<void> {
    const { store, entries } = this.options
    const all = this.now() - this.wholeAt > WHOLE_MS
    const before = this.written.size
    const states = new Map<string, string>()
    const changed = new Map<string, string>()
    let looked = 0
    for (const entry of entries()) {
      states.set(entry.id, entry.state)
      if (all || this.written.get(entry.id) !== entry.state) changed.set(entry.id, JSON.stringify(entry.value()))
      if (++looked % SLICE === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    const gone = [...this.written.keys()].filter((id) => !states.has(id))
    try {
      const kept = await store.beat(this.replica, changed, gone, all)
      this.written = states
      if (all) this.wholeAt = this.now()
      else if (!kept && before > 0) {
        this.wholeAt = Number.NEGATIVE_INFINITY
        await this.write()
        return
      }
      this.worked()
    } catch (error) {
      // Which part of it arrived is not known.
      this.wholeAt = Number.NEGATIVE_INFINITY
      this.failed(asError(error))
    }
  }

  private worked(): void {
    this.failing = false
  }

  private failed(error: Error): void {
    if (!this.failing) this.options.warn?.(error)
    this.failing = true
  }
}

/** An entry that a newer or older version wrote in another form is left out. */
function parsed(text: string): readonly unknown[] {
  try {
    return [JSON.parse(text)]
  } catch {
    return []
  }
}
