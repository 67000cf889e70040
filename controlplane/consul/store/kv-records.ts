import type { Revision } from '../../ledger/index.ts'
import { ConsulError } from '../http.ts'
import type { KvEntry } from '../kv.ts'

/** What a revision says of itself in Consul. */
export interface StoredRevision {
  readonly manifest: string
  readonly at: number
  readonly who: string
  readonly why: string
  readonly source: Revision['source']
  readonly refers?: number
  /** Tells our own write from another's when an answer got lost. */
  readonly request: string
  readonly files: readonly StoredFile[]
  /** Hash of the list of files where it is too long to stand here. */
  readonly list?: string
}

export interface StoredFile {
  readonly file: string
  readonly before?: string
  readonly after?: string
}

/** The one key that moves: which revision is the newest. */
export interface Head {
  readonly revision: number
  readonly manifest: string
  /** Another one each time content was deleted: who wrote content before that has to look whether it is still there. */
  readonly swept?: string
}

/** A revision's number, from its key. */
export function revisionOf(key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1))
}

/** @throws ConsulError for a value somebody else has written over */
export function readJson<T>({ key, value }: KvEntry): T {
  try {
    const json: unknown = JSON.parse(value.toString('utf8'))
    if (typeof json === 'object' && json !== null) return json as T
  } catch {
    // Told below.
  }
  throw new ConsulError(
    `${key} in Consul is not what meshgate wrote: restore the key from a backup, or the configuration with "meshgate store copy" to another prefix`,
    200,
  )
}
