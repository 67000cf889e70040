import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { ConsulError } from '../http.ts'
import { type Kv, type KvEntry, MOST_VALUE_BYTES } from '../kv.ts'
import { Gate } from '../watch.ts'

/**
 * Where things stand below the prefix. Content is addressed by its hash and never changes; `head` is the one key that does, and
 * the only one that is watched (a watch of a prefix would send all of it at each change).
 *
 * ```
 * id                 names this store; written once
 * head               {"revision": N, "manifest": "<sha256>"}: the order of everything
 * rev/<12 digits>    what a revision changed, by whom and why
 * man/<sha256>       a manifest: 256 hashes of its parts; a part maps names of files to hashes
 * blob/<sha256>      a file's bytes
 * garbage            content nothing refers to, to be deleted if that stays so
 * lock               held by the replica that does what must be done once
 * access/            users, sessions and tokens: hashes of secrets only
 * learned/           what workloads use on demand, in 16 parts
 * presence/          which proxies each replica has, where there is no Redis; gone with the replica
 * ```
 */
export const LAYOUT = {
  id: 'id',
  head: 'head',
  revision: (id: number) => `rev/${String(id).padStart(12, '0')}`,
  revisions: 'rev/',
  manifest: (hash: string) => `man/${hash}`,
  blob: (hash: string) => `blob/${hash}`,
  garbage: 'garbage',
  lock: 'lock',
  access: 'access/',
  learned: 'learned/',
} as const

const RAW = 0x72 // r
const ZIPPED = 0x7a // z
const LISTED = 0x6c // l
const WORTH_ZIPPING = 4096
/** Calls at a time: an agent takes 200 connections of one address where nobody raised that, watches and others among them. */
const MOST_CALLS = 32
/** A smaller file stands in one value, zipped or not. */
export const PERHAPS_IN_PARTS = MOST_VALUE_BYTES - 1024
/** Largest file there may be, as for files in a folder. */
const MOST_BYTES = 10 * 1024 * 1024

function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Names of files to hashes of their bytes, and back: 256 parts by name, so that a change of one file writes little. */
export type Tree = ReadonlyMap<string, string>

/** Immutable content in Consul: files and manifests. What was written or read once is not written again. */
export class KvContent {
  readonly #kv: Kv
  readonly #prefix: string
  readonly #known = new Set<string>()
  readonly #gate = new Gate(MOST_CALLS)
  #swept: string | undefined

  /** `prefix` ends in a slash. */
  constructor(kv: Kv, prefix: string) {
    this.#kv = kv
    this.#prefix = prefix
  }

  /** Content was deleted: what was seen before need not be there any more. */
  forget(): void {
    this.#known.clear()
  }

  /** As `forget`, when `head` says that content was deleted since it was looked at last. */
  notice(swept: string | undefined): void {
    if (swept !== this.#swept) this.forget()
    this.#swept = swept
  }

  /** Keeps a file's bytes; answers their hash. */
  async writeBlob(bytes: Uint8Array): Promise<string> {
    const hash = sha256(bytes)
    if (!this.#known.has(LAYOUT.blob(hash))) await this.#write(LAYOUT.blob(hash), bytes)
    return hash
  }

  /** @throws ConsulError when it is not there or is not what its name says */
  readBlob(hash: string): Promise<Buffer> {
    return this.#read(LAYOUT.blob(hash), hash)
  }

  /** Keeps a tree; answers the hash of its manifest. */
  async writeTree(tree: Tree): Promise<string> {
    const parts = Array.from({ length: 256 }, () => [] as [string, string][])
    for (const [file, hash] of tree) parts[partOf(file)]!.push([file, hash])
    const hashes = await Promise.all(
      parts.map(async (entries) => {
        if (entries.length === 0) return ''
        entries.sort(([a], [b]) => (a < b ? -1 : 1))
        return this.#writeNamed(Buffer.from(JSON.stringify(entries)))
      }),
    )
    return this.#writeNamed(Buffer.from(JSON.stringify(hashes)))
  }

  /** Files of a manifest and the hashes of their contents. @throws ConsulError when a part of it is not there, with status 404 */
  async readTree(manifest: string): Promise<Tree> {
    return (await this.readManifest(manifest)).tree
  }

  /** A tree, and the hashes of the parts of its manifest. @throws ConsulError when one is not there, with status 404 */
  async readManifest(manifest: string): Promise<{ readonly parts: readonly string[]; readonly tree: Tree }> {
    const hashes = JSON.parse((await this.#read(LAYOUT.manifest(manifest), manifest)).toString('utf8')) as string[]
    const parts = hashes.filter(Boolean)
    const entries = await Promise.all(
      parts.map(async (hash) => {
        const bytes = await this.#read(LAYOUT.manifest(hash), hash)
        return JSON.parse(bytes.toString('utf8')) as [string, string][]
      }),
    )
    return { parts, tree: new Map(entries.flat().sort(([a], [b]) => (a < b ? -1 : 1))) }
  }

  /** Whether all of a tree can be read. */
  async hasTree(manifest: string): Promise<boolean> {
    try {
      await this.readManifest(manifest)
      return true
    } catch (error) {
      if (error instanceof ConsulError && error.status === 404) return false
      throw error
    }
  }

  /** Hashes of the parts of those files that stand in several values. */
  async partsOf(hashes: readonly string[]): Promise<readonly string[]> {
    const entries = await Promise.all(hashes.map((hash) => this.#get(LAYOUT.blob(hash))))
    return entries.flatMap((entry) => (entry?.value[0] === LISTED ? listedParts(entry.value) : []))
  }

  /** @throws ConsulError */
  async #get(key: string): Promise<KvEntry | undefined> {
    const leave = await this.#gate.enter()
    try {
      return await this.#kv.get(this.#prefix + key)
    } finally {
      leave()
    }
  }

  /** @throws ConsulError */
  async #put(key: string, value: Buffer): Promise<void> {
    const leave = await this.#gate.enter()
    try {
      await this.#kv.put(this.#prefix + key, value)
    } finally {
      leave()
    }
  }

  async #writeNamed(bytes: Buffer): Promise<string> {
    const hash = sha256(bytes)
    if (!this.#known.has(LAYOUT.manifest(hash))) await this.#write(LAYOUT.manifest(hash), bytes)
    return hash
  }

  async #write(key: string, bytes: Uint8Array): Promise<void> {
    const value = encode(bytes)
    if (value.length <= MOST_VALUE_BYTES) await this.#put(key, value)
    else {
      const hashes: string[] = []
      for (let at = 0; at < value.length; at += MOST_VALUE_BYTES - 1) {
        const part = value.subarray(at, at + MOST_VALUE_BYTES - 1)
        const hash = sha256(part)
        hashes.push(hash)
        await this.#put(LAYOUT.blob(hash), Buffer.concat([Buffer.of(RAW), part]))
      }
      await this.#put(key, Buffer.concat([Buffer.of(LISTED), Buffer.from(JSON.stringify(hashes))]))
    }
    this.#known.add(key)
  }

  async #read(key: string, hash: string): Promise<Buffer> {
    const entry = await this.#get(key)
    if (!entry) throw new ConsulError(`${this.#prefix}${key} is missing in Consul`, 404)
    let { value } = entry
    if (value[0] === LISTED) {
      const parts = listedParts(value)
      if (parts.length * MOST_VALUE_BYTES > 2 * MOST_BYTES) throw new ConsulError(`${key} is too large`, 200)
      value = Buffer.concat(await Promise.all(parts.map((part) => this.#read(LAYOUT.blob(part), part))))
    }
    const bytes = decode(value)
    if (sha256(bytes) !== hash) throw new ConsulError(`${this.#prefix}${key} does not hold what its name says`, 200)
    this.#known.add(key)
    return bytes
  }
}

function partOf(file: string): number {
  return Number.parseInt(sha256(file).slice(0, 2), 16)
}

function listedParts(value: Buffer): readonly string[] {
  return JSON.parse(value.subarray(1).toString('utf8')) as string[]
}

function encode(bytes: Uint8Array): Buffer {
  if (bytes.length < WORTH_ZIPPING) return Buffer.concat([Buffer.of(RAW), bytes])
  return Buffer.concat([Buffer.of(ZIPPED), gzipSync(bytes)])
}

function decode(value: Buffer): Buffer {
  if (value[0] === RAW) return value.subarray(1)
  if (value[0] === ZIPPED) return gunzipSync(value.subarray(1), { maxOutputLength: MOST_BYTES })
  throw new ConsulError('a value that meshgate has not written', 200)
}
