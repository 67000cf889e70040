import { asError } from '../../../errors/thrown.ts'
import {
  joinLearned,
  type Learned,
  type LearnedStore,
  NOTHING_LEARNED,
  type SharedLearnedStore,
} from '../../shared/index.ts'
import type { SourceLog } from '../contact.ts'
import { type ConsulAddress, ConsulError, ConsulHttp } from '../http.ts'
import { Kv, type KvEntry, pathOf, readEntries } from '../kv.ts'
import { Watch } from '../watch.ts'
import { LAYOUT } from './kv-content.ts'
import { EMPTY_PART, joinPart, newInPart, packPart, splitLearned, unpackPart } from './learned-part.ts'

export interface KvLearnedOptions {
  readonly address: ConsulAddress
  /** Of the store, without slashes at its ends. */
  readonly prefix: string
  readonly log: SourceLog
  /** Least time between two writes of this replica, ms: each goes through the log of all servers. */
  readonly writeMs?: number
  /** Least time between two reads of what others wrote, ms. */
  readonly readMs?: number
  /** ms since 1970. */
  readonly now?: () => number
}

const DAY_MS = 86_400_000
/** A part that somebody else writes at the same time is read again, so often. */
const TRIES = 5
/** How long a start waits for what others learned, ms. */
const LOAD_MS = 3_000
/** How often what would expire is said again, ms. */
const RENEW_MS = 6 * 3_600_000

/**
 * Shares what was learned on demand with the other replicas, below `<prefix>/learned/`: a proxy that moves to another replica, and a
 * new replica of its workload there, start warm. Everything is kept by `own` as before; Consul only adds to it. Written when something
 * is new, each part by check-and-set, and not more often than every `writeMs`.
 */
export function kvLearned(own: LearnedStore, options: KvLearnedOptions): SharedLearnedStore {
  const { address, prefix, log, writeMs = 5_000, readMs = 10_000, now = Date.now } = options
  const kv = new Kv(new ConsulHttp(address))
  const root = `${prefix}/${LAYOUT.learned}`
  const listeners = new Set<(news: Learned) => void>()
  /** What is in Consul, by key. */
  let known = new Map<string, KvEntry>()
  let mine = NOTHING_LEARNED
  let watch: Watch | undefined
  let timer: NodeJS.Timeout | undefined
  let renewal: NodeJS.Timeout | undefined
  let writtenAt = Number.NEGATIVE_INFINITY
  let turn: Promise<void> = Promise.resolve()
  let stopped = false
  let complains = false
  const crowded = new Set<string>()

  const fail = (error: Error) => {
    if (!complains && !stopped)
      log.warn({ err: error }, 'what proxies use on demand is not shared with other replicas at present')
    complains = true
  }
  const succeed = () => {
    if (complains) log.info({ consul: kv.http.url }, 'what proxies use on demand is shared with other replicas again')
    complains = false
  }
  const newIn = (key: string, entry: KvEntry | undefined) => newInPart(partOf(known.get(key)), partOf(entry))
  const tell = (news: Learned) => {
    if (news.workloads.size + news.generations.size > 0) for (const listener of [...listeners]) listener(news)
  }

  function takeAll(value: unknown): Learned {
    const entries = value === undefined ? [] : readEntries(value)
    const news = entries.map((entry) => newIn(entry.key, entry)).reduce(joinLearned, NOTHING_LEARNED)
    known = new Map(entries.map((entry) => [entry.key, entry]))
    return news
  }

  async function readPart(key: string): Promise<void> {
    const entry = await kv.get(key, true)
    const news = newIn(key, entry)
    if (entry) known.set(key, entry)
    else known.delete(key)
    tell(news)
  }

  async function writePart(key: string, part: Learned): Promise<void> {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const entry = known.get(key)
      const there = entry ? unpackPart(entry.value) : EMPTY_PART
      if (!there) return
      const { value, left } = packPart(joinPart(there, part, Math.floor(now() / DAY_MS)))
      if (left > 0 && !crowded.has(key)) {
        crowded.add(key)
        log.warn(
          { key, left },
          'more is used on demand than is shared: of some workloads each replica knows its own alone',
        )
      }
      if (entry?.value.equals(value)) return
      const written = await kv.put(key, value, entry?.modifyIndex ?? 0)
      await readPart(key)
      if (written) return
    }
    throw new ConsulError(`${key}: too many others write at the same time`, 409)
  }

  async function write(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    writtenAt = performance.now()
    turn = turn.then(async () => {
      try {
        for (const [name, part] of splitLearned(mine)) await writePart(root + name, part)
        succeed()
      } catch (error) {
        fail(asError(error))
        schedule()
      }
    })
    await turn
  }

  function schedule(): void {
    if (timer || stopped) return
    timer = setTimeout(() => void write(), Math.max(0, writtenAt + writeMs - performance.now()))
    timer.unref()
  }

  return {
    async load() {
      const state = (await own.load()) ?? NOTHING_LEARNED
      mine = state
      const path = pathOf(root)
      let shared = NOTHING_LEARNED
      try {
        const { value } = await kv.http.json({ path, query: { recurse: '', consistent: '' }, timeoutMs: LOAD_MS })
        shared = takeAll(value)
      } catch (error) {
        fail(asError(error))
      }
      watch = new Watch(kv.http, {
        ...{ path, query: { recurse: '' }, minGapMs: readMs },
        onAnswer: ({ value }) => {
          tell(takeAll(value))
          // Of what is gone there something may be known here.
          schedule()
        },
        onError: fail,
      })
      renewal = setInterval(schedule, RENEW_MS)
      renewal.unref()
      return joinLearned(state, shared)
    },
    async save(learned) {
      mine = learned
      await own.save(learned)
      schedule()
    },
    onOthers(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async stop() {
      watch?.stop()
      clearInterval(renewal)
      if (timer) await write()
      stopped = true
      clearTimeout(timer)
      await turn
      kv.http.close()
    },
  }
}

function partOf(entry: KvEntry | undefined) {
  return (entry && unpackPart(entry.value)) ?? EMPTY_PART
}
