import { joinLearned, type Learned, NOTHING_LEARNED } from '../../shared/index.ts'
import type { SourceLog } from '../contact.ts'
import { ConsulError } from '../http.ts'
import { type Kv, type KvEntry, readEntries } from '../kv.ts'
import { EMPTY_PART, joinPart, newInPart, packPart, splitLearned, unpackPart } from './learned-part.ts'

const DAY_MS = 86_400_000
/** A part that somebody else writes at the same time is read again, so often. */
const TRIES = 5

export interface LearnedPartsOptions {
  readonly kv: Kv
  /** Below which the parts are, with a slash at its end. */
  readonly root: string
  readonly log: SourceLog
  /** ms since 1970. */
  readonly now: () => number
  /** Told what other replicas wrote into a part that was to be written. */
  readonly onNews: (news: Learned) => void
}

/** What was learned as Consul has it, a key for each part. */
export class LearnedParts {
  readonly #options: LearnedPartsOptions
  /** What is in Consul, by key. */
  #known = new Map<string, KvEntry>()
  readonly #crowded = new Set<string>()

  constructor(options: LearnedPartsOptions) {
    this.#options = options
  }

  /**
   * Takes over an answer about all parts; undefined: there are none.
   * @returns what of it was not known
   * @throws ConsulError when it is no such answer
   */
  takeAll(answer: unknown): Learned {
    const entries = answer === undefined ? [] : readEntries(answer)
    const news = entries.map((entry) => this.#newIn(entry.key, entry)).reduce(joinLearned, NOTHING_LEARNED)
    this.#known = new Map(entries.map((entry) => [entry.key, entry]))
    return news
  }

  /** Adds what a replica learned; parts that say it already are not written. @throws ConsulError */
  async add(learned: Learned): Promise<void> {
    for (const [name, part] of splitLearned(learned)) await this.#addTo(this.#options.root + name, part)
  }

  async #addTo(key: string, part: Learned): Promise<void> {
    const { kv, now } = this.#options
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const entry = this.#known.get(key)
      const there = entry ? unpackPart(entry.value) : EMPTY_PART
      // Another version of meshgate wrote it.
      if (!there) return
      const { value, left } = packPart(joinPart(there, part, Math.floor(now() / DAY_MS)))
      if (left > 0) this.#tellCrowded(key, left)
      if (entry?.value.equals(value)) return
      const written = await kv.put(key, value, entry?.modifyIndex ?? 0)
      await this.#readAgain(key)
      if (written) return
    }
    throw new ConsulError(`${key}: too many others write at the same time`, 409)
  }

  async #readAgain(key: string): Promise<void> {
    const entry = await this.#options.kv.get(key, 'consistent')
    const news = this.#newIn(key, entry)
    if (entry) this.#known.set(key, entry)
    else this.#known.delete(key)
    this.#options.onNews(news)
  }

  #newIn(key: string, entry: KvEntry | undefined): Learned {
    return newInPart(partOf(this.#known.get(key)), partOf(entry))
  }

  #tellCrowded(key: string, left: number): void {
    if (this.#crowded.has(key)) return
    this.#crowded.add(key)
    this.#options.log.warn(
      { key, left },
      'more is used on demand than is shared: of some workloads each replica knows its own alone',
    )
  }
}

function partOf(entry: KvEntry | undefined) {
  return (entry && unpackPart(entry.value)) ?? EMPTY_PART
}
