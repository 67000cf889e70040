import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConsulError } from '../http.ts'
import { type Kv, type KvEntry, type KvOperation, MOST_OPERATIONS } from '../kv.ts'
import { type KvContent, LAYOUT, PERHAPS_IN_PARTS, type Tree } from './kv-content.ts'
import { type Head, readJson, revisionOf, type StoredFile, type StoredRevision } from './kv-records.ts'

export interface CompactionOptions {
  readonly kv: Kv
  readonly content: KvContent
  /** Ends in a slash. */
  readonly prefix: string
  /** How many revisions are kept. */
  readonly keep: number
  /** How long content nobody refers to is left where it is: somebody may be reading it. ms. */
  readonly graceMs: number
  /** A check for each transaction that deletes; undefined once it does not hold any more. Without it nobody else may compact. */
  readonly fence?: () => KvOperation | undefined
  /** All files as they were after a revision that is kept. */
  readonly treeAt: (revision: number) => Tree
  /** Bytes of a file that is known here. */
  readonly sizeOf: (hash: string) => number | undefined
  readonly now?: () => number
}

export interface Compacted {
  readonly revisions: number
  /** Keys of content that went. */
  readonly content: number
}

/** What nothing referred to when it was looked at. */
interface Garbage {
  /** ms since 1970. */
  readonly at: number
  readonly keys: readonly string[]
}

/** Keys noted at a time; the list is one value, and part of one transaction. More wait for the next time. */
const MOST_NOTED = 4_000
/** Between two deletions, ms: writers find the head moved by each. */
const PAUSE_MS = 20
/** How often others may move the head before the rest is left for the next time. */
const TRIES = 50

/**
 * Forgets the oldest revisions in Consul, and content no revision that is kept refers to: what was forgotten leaves, and what was
 * written for a revision that never came to be. Intermediate manifests are content nobody reads: a copy begins with the tree of the
 * oldest revision, and the newest has one for who looks by hand.
 *
 * Content goes in two steps: it is noted, and deleted when nothing refers to it a grace later. A reader that took longer looks
 * again. What no time can guard is a writer that found content in its place and refers to it now. So each deletion is one
 * transaction with a move of `head`, by check-and-set: it fails if a revision came in between, and a revision that was being written
 * fails because of it, and writes its content again. Killed anywhere, what is left is found the next time.
 * @throws ConsulError when Consul does not answer, or another replica has taken over
 */
export async function compactStore(options: CompactionOptions): Promise<Compacted> {
  const head = await readHead(options)
  if (!head) return { revisions: 0, content: 0 }
  const revisions = await forgetRevisions(options, head.value.revision)
  return { revisions, content: await collect(options) }
}

async function forgetRevisions(options: CompactionOptions, newest: number): Promise<number> {
  const { kv, prefix, keep, content, treeAt } = options
  const keys = [...(await kv.keys(prefix + LAYOUT.revisions))].sort()
  const over = keys.filter((key) => revisionOf(key) <= newest - keep)
  const first = keys[over.length]
  if (first !== undefined) {
    // Whoever begins anew begins with this tree; it must be there before the one it follows goes.
    const entry = await kv.get(first, 'consistent')
    const manifest = entry && readJson<StoredRevision>(entry).manifest
    if (manifest !== undefined && !(await content.hasTree(manifest))) {
      content.forget()
      if ((await content.writeTree(treeAt(revisionOf(first)))) !== manifest)
        throw new ConsulError(`${first}: its files are not those known here; nothing was forgotten`, 200)
    }
  }
  for (let at = 0; at < over.length; at += MOST_OPERATIONS - 1) {
    const deletes = over.slice(at, at + MOST_OPERATIONS - 1).map((key) => ({ verb: 'delete' as const, key }))
    if (!(await kv.transact([...fenceOf(options), ...deletes]))) throw takenOver()
  }
  return over.length
}

/** Deletes what was noted a grace ago and is still referred to by nothing; notes what is referred to by nothing now. */
async function collect(options: CompactionOptions): Promise<number> {
  const { kv, prefix, graceMs, now = Date.now } = options
  const noted = await kv.get(prefix + LAYOUT.garbage, 'consistent')
  const garbage = noted && readJson<Garbage>(noted)
  // A time to come is that of a clock that was set back since.
  const isDue = garbage !== undefined && garbage.at <= now() && now() - garbage.at >= graceMs
  let head = await readHead(options)
  if (!head) return 0
  let needed = await neededKeys(options, head.value, 0)
  const present = new Set([
    ...(await kv.keys(prefix + LAYOUT.blob(''))),
    ...(await kv.keys(prefix + LAYOUT.manifest(''))),
  ])
  let deleted = 0
  if (isDue) {
    let due = garbage.keys.map((key) => prefix + key).filter((key) => present.has(key) && !needed.has(key))
    for (let failures = 0; due.length > 0 && failures < TRIES; ) {
      const batch = due.slice(0, MOST_OPERATIONS - 2)
      if (await sweep(options, head, batch)) {
        due = due.slice(batch.length)
        for (const key of batch) present.delete(key)
        deleted += batch.length
      } else failures++
      const before = head
      head = await readHead(options)
      if (!head) return deleted
      if (head.value.revision !== before.value.revision) {
        needed = new Set([...needed, ...(await neededKeys(options, head.value, before.value.revision))])
        const still = needed
        due = due.filter((key) => !still.has(key))
      } else if (head.entry.modifyIndex === before.entry.modifyIndex) throw takenOver()
      await sleep(PAUSE_MS)
    }
  }
  if (garbage !== undefined && !isDue && garbage.at <= now()) return deleted
  const left = [...present].filter((key) => !needed.has(key)).slice(0, MOST_NOTED)
  if (left.length === 0 && (garbage?.keys.length ?? 0) === 0) return deleted
  const value = Buffer.from(JSON.stringify({ at: now(), keys: left.map((key) => key.slice(prefix.length)) }))
  const note = { verb: 'cas' as const, key: prefix + LAYOUT.garbage, value, index: noted?.modifyIndex ?? 0 }
  if (!(await kv.transact([...fenceOf(options), note]))) throw takenOver()
  return deleted
}

/** Whether the keys went: not when the head is another by now, or the fence does not hold. */
function sweep(
  options: CompactionOptions,
  { entry: { key, modifyIndex }, value }: FoundHead,
  keys: readonly string[],
): Promise<boolean> {
  const moved = Buffer.from(JSON.stringify({ ...value, swept: randomUUID() } satisfies Head))
  return options.kv.transact([
    ...fenceOf(options),
    { verb: 'cas', key, value: moved, index: modifyIndex },
    ...keys.map((one) => ({ verb: 'delete' as const, key: one })),
  ])
}

/** Keys of the content that revisions after `known` refer to (0: all that are kept). */
async function neededKeys(options: CompactionOptions, head: Head, known: number): Promise<Set<string>> {
  const { prefix, content, sizeOf } = options
  const records = await recordsAfter(options, known, head.revision)
  const manifests = new Set([head.manifest, ...(known === 0 && records[0] ? [records[0].manifest] : [])])
  const keys = new Set<string>()
  const blobs = new Set<string>()
  for (const manifest of manifests) {
    const { parts, tree } = await content.readManifest(manifest)
    for (const part of [manifest, ...parts]) keys.add(prefix + LAYOUT.manifest(part))
    for (const hash of tree.values()) blobs.add(hash)
  }
  for (const { files, list } of records) {
    if (list !== undefined) blobs.add(list)
    const all =
      list === undefined
        ? files
        : (JSON.parse((await content.readBlob(list)).toString('utf8')) as readonly StoredFile[])
    for (const { after } of all) if (after !== undefined) blobs.add(after)
  }
  for (const hash of blobs) keys.add(prefix + LAYOUT.blob(hash))
  const perhapsLarge = [...blobs].filter((hash) => (sizeOf(hash) ?? Number.MAX_SAFE_INTEGER) >= PERHAPS_IN_PARTS)
  for (const part of await content.partsOf(perhapsLarge)) keys.add(prefix + LAYOUT.blob(part))
  return keys
}

/** In order; of revision 0: all. */
async function recordsAfter(
  { kv, prefix }: CompactionOptions,
  known: number,
  newest: number,
): Promise<readonly StoredRevision[]> {
  const ids = Array.from({ length: newest - known }, (_, index) => known + 1 + index)
  const entries =
    known === 0
      ? [...(await kv.list(prefix + LAYOUT.revisions))]
      : (await Promise.all(ids.map((id) => kv.get(prefix + LAYOUT.revision(id), 'consistent')))).filter(
          (entry) => !!entry,
        )
  return entries.sort((a, b) => revisionOf(a.key) - revisionOf(b.key)).map((entry) => readJson<StoredRevision>(entry))
}

interface FoundHead {
  readonly entry: KvEntry
  readonly value: Head
}

async function readHead({ kv, prefix }: CompactionOptions): Promise<FoundHead | undefined> {
  const entry = await kv.get(prefix + LAYOUT.head, 'consistent')
  return entry && { entry, value: readJson<Head>(entry) }
}

/** @throws ConsulError when it is known not to hold */
function fenceOf({ fence }: CompactionOptions): readonly KvOperation[] {
  if (!fence) return []
  const check = fence()
  if (!check) throw takenOver()
  return [check]
}

function takenOver(): ConsulError {
  return new ConsulError('another replica has taken over what must be done once', 409)
}
