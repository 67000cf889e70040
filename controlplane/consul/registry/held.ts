import { judge } from './shrink.ts'

/** A list that waits to be believed. */
export interface Held {
  /** What it is a list of: `services of dc1`, a host. */
  readonly what: string
  readonly since: number
  readonly before: number
  readonly now: number
  /** How it lost something; `filtered`: it shows that only a part may be seen, as with a token that may not read all. */
  readonly why: 'shrank' | 'went back' | 'empty' | 'filtered'
}

export interface BeliefOptions<T> {
  readonly what: string
  readonly share: number
  /** How long something of this kind must stay so, ms. */
  readonly confirmMs: (why: Held['why']) => number
  readonly idOf: (item: T) => string
  /** Whether a list, after one that was believed, is certain not to be all there is: then time confirms no loss. */
  readonly filtered?: (list: readonly T[], before: readonly T[]) => boolean
  /**
   * Whether what was lost could be seen if it were there, asked before time confirms its loss; undefined where that cannot be told.
   * Where it could not, time confirms nothing.
   */
  readonly visible?: (lost: readonly T[]) => Promise<boolean | undefined>
  /** Reads the list again, consistently; asked while something is held. */
  readonly reread: () => Promise<readonly T[]>
  /** Called with each list that is believed. */
  readonly onList: (list: readonly T[]) => void
  /** Called with what it is a list of when something begins or ends to be held, and then with undefined. */
  readonly onHeld: (what: string, held: Held | undefined) => void
  /** Whether the registry answers somebody at present. */
  readonly answering: () => boolean
  readonly now?: () => number
}

/** How long a registry that says nothing is waited for before what an earlier process believed is served, ms. */
export const PATIENCE_MS = 3_000

/**
 * The last list of a registry that is believed, and one that is not yet. What is held is read again, consistently, at its
 * beginning, halfway and at the end of `confirmMs`; it is taken when these agree, or when a person says so; where it is known to be a part
 * only, when a person says so. Anything that is no
 * loss is taken at once, also while something is held.
 */
export class Belief<T> {
  readonly #options: BeliefOptions<T>
  readonly #now: () => number
  #list: readonly T[] | undefined
  #held: { readonly list: readonly T[]; readonly facts: Held } | undefined
  #timer: NodeJS.Timeout | undefined
  #spare: readonly T[] | undefined
  #patience: NodeJS.Timeout | undefined

  constructor(options: BeliefOptions<T>) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** The list that is believed; undefined before the first. */
  get list(): readonly T[] | undefined {
    return this.#list
  }

  get held(): Held | undefined {
    return this.#held?.facts
  }

  /** Takes what the registry told. */
  offer(list: readonly T[], wentBack: boolean): void {
    const { share, what, idOf } = this.#options
    // An answer that lacks most of what an earlier process knew is no more to be believed than one that lost it now.
    const before = this.#list ?? this.#spare
    if (!before) {
      this.#take(list)
      return
    }
    const now = new Set(list.map(idOf))
    const kept = before.filter((item) => now.has(idOf(item))).length
    const filtered = kept < before.length && this.#isFiltered(list)
    if (!filtered && judge({ before: before.length, kept, now: list.length, wentBack, share }) === 'take') {
      this.#take(list)
      return
    }
    this.#forgetSpare()
    // What is new is no loss: it is taken though the rest waits.
    const known = new Set(before.map(idOf))
    const added = list.filter((item) => !known.has(idOf(item)))
    const updated = new Map(list.map((item) => [idOf(item), item]))
    this.#list = [...before.map((item) => updated.get(idOf(item)) ?? item), ...added]
    this.#options.onList(this.#list)
    const why = filtered ? 'filtered' : wentBack ? 'went back' : list.length === 0 ? 'empty' : 'shrank'
    const since = this.#held?.facts.since ?? this.#now()
    const first = this.#held === undefined
    this.#held = { list, facts: { what, since, before: before.length, now: list.length, why } }
    if (!first) return
    this.#options.onHeld(what, this.#held.facts)
    this.#confirmLater(2)
  }

  /** A person says that it is so. */
  confirm(): void {
    if (this.#held) this.#take(this.#held.list)
  }

  /**
   * What an earlier process believed, for a registry that fails to answer. While it may yet answer it is waited for: what ended since
   * then must not be served again.
   */
  spare(list: readonly T[]): void {
    this.#spare = list
    this.#patience = setInterval(() => {
      if (!this.#options.answering()) this.fallBack()
    }, PATIENCE_MS)
    this.#patience.unref()
  }

  /** The registry failed to answer: what an earlier process believed is taken, where there is nothing newer. */
  fallBack(): void {
    const list = this.#spare
    this.#forgetSpare()
    if (!list || this.#list) return
    this.#list = list
    this.#options.onList(list)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#forgetSpare()
  }

  #isFiltered(list: readonly T[]): boolean {
    const before = this.#list ?? this.#spare
    return (before !== undefined && this.#options.filtered?.(list, before)) ?? false
  }

  /** Whether what is held is told to be all that may be seen; then it says so from now on. */
  async #isHidden(list: readonly T[], held: { readonly facts: Held }): Promise<boolean> {
    const { visible, idOf, what, onHeld } = this.#options
    const there = new Set(list.map(idOf))
    const lost = (this.#list ?? []).filter((item) => !there.has(idOf(item)))
    if (lost.length === 0 || (await visible?.(lost)) !== false) return false
    if (this.#held !== held || held.facts.why === 'filtered') return true
    this.#held = { list, facts: { ...held.facts, why: 'filtered' } }
    onHeld(what, this.#held.facts)
    return true
  }

  #forgetSpare(): void {
    clearInterval(this.#patience)
    this.#spare = undefined
  }

  #take(list: readonly T[]): void {
    clearTimeout(this.#timer)
    this.#forgetSpare()
    this.#list = list
    const held = this.#held !== undefined
    this.#held = undefined
    this.#options.onList(list)
    if (held) this.#options.onHeld(this.#options.what, undefined)
  }

  #confirmLater(left: number): void {
    clearTimeout(this.#timer)
    if (!this.#held) return
    const wait = this.#options.confirmMs(this.#held.facts.why) / 2
    this.#timer = setTimeout(() => void this.#reread(left), wait)
    this.#timer.unref()
  }

  async #reread(left: number): Promise<void> {
    const held = this.#held
    if (!held) return
    const { reread, idOf } = this.#options
    const ids = (list: readonly T[]) => JSON.stringify(list.map(idOf).sort())
    try {
      const again = await reread()
      if (this.#held !== held) {
        // Told anew meanwhile: what is held now has yet to prove itself.
        if (this.#held) this.#confirmLater(2)
        return
      }
      if (ids(again) !== ids(held.list)) {
        this.#held = { list: again, facts: { ...held.facts, now: again.length } }
        // It may be no loss at all by now.
        this.offer(again, held.facts.why === 'went back')
        if (this.#held) this.#confirmLater(2)
        return
      }
      if (this.#isFiltered(again)) this.#confirmLater(2)
      else if (left > 1) this.#confirmLater(left - 1)
      else if (await this.#isHidden(again, held)) this.#confirmLater(2)
      else if (this.#held === held) this.#take(again)
    } catch {
      // It cannot be asked: nothing is confirmed, and what is believed stays. The watch tells of the failure.
      if (this.#held) this.#confirmLater(2)
    }
  }
}
