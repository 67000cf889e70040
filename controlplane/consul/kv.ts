import { ConsulError, type ConsulHttp } from './http.ts'

/** A key of the store. */
export interface KvEntry {
  readonly key: string
  readonly value: Buffer
  /** Changes with each write; what check-and-set compares. */
  readonly modifyIndex: number
  /** A number of the writer's own. */
  readonly flags: number
}

/** One step of a transaction. https://developer.hashicorp.com/consul/api-docs/txn */
export type KvOperation =
  | { readonly verb: 'cas'; readonly key: string; readonly value: Buffer; readonly index: number }
  | { readonly verb: 'check-session'; readonly key: string; readonly session: string }
  | { readonly verb: 'check-index'; readonly key: string; readonly index: number }
  | { readonly verb: 'delete'; readonly key: string }

/** Steps of one transaction; Consul refuses more. */
export const MOST_OPERATIONS = 64
/** Largest value that fits a key (524,288 bytes) and, in base64, a transaction with its small companions. */
export const MOST_VALUE_BYTES = 300 * 1024

/** Consul's key-value store, as far as configuration needs it. Reads of what decides are `consistent`. */
export class Kv {
  readonly http: ConsulHttp

  constructor(http: ConsulHttp) {
    this.http = http
  }

  /**
   * One key; undefined when it is not there. A `consistent` read is never of a server that has lost its lead without knowing it
   * (https://developer.hashicorp.com/consul/api-docs/features/consistency).
   * @throws ConsulError
   */
  async get(key: string, mode: 'default' | 'consistent' = 'default'): Promise<KvEntry | undefined> {
    const { value } = await this.http.json({
      path: pathOf(key),
      query: mode === 'consistent' ? { consistent: '' } : {},
    })
    return value === undefined ? undefined : readEntries(value)[0]
  }

  /** All keys that begin so, with their values, in order. */
  async list(prefix: string): Promise<readonly KvEntry[]> {
    const { value } = await this.http.json({
      path: pathOf(prefix),
      query: { recurse: '', consistent: '' },
      timeoutMs: 60_000,
    })
    return value === undefined ? [] : readEntries(value)
  }

  /** All keys that begin with the prefix, as the leader has them. @throws ConsulError */
  async keys(prefix: string): Promise<readonly string[]> {
    const { value } = await this.http.json({
      path: pathOf(prefix),
      query: { keys: '', consistent: '' },
      timeoutMs: 60_000,
    })
    return Array.isArray(value) ? value.map(String) : []
  }

  /** Writes a key; with `cas` only if its index is still that (0: if there is none). Whether it was written. */
  async put(key: string, value: Buffer | string, cas?: number): Promise<boolean> {
    const call = { method: 'PUT', path: pathOf(key), query: { cas }, body: value } as const
    const answer = await this.http.send(call)
    if (answer.status !== 200) throw this.http.refused(call, answer)
    return answer.body.toString('utf8').trim() === 'true'
  }

  /** Deletes a key; one that is not there is as good. @throws ConsulError */
  async delete(key: string): Promise<void> {
    const call = { method: 'DELETE', path: pathOf(key) } as const
    const answer = await this.http.send(call)
    if (answer.status !== 200) throw this.http.refused(call, answer)
  }

  /** All or nothing: false when a check does not hold. @throws ConsulError; without a status the outcome is not known */
  async transact(operations: readonly KvOperation[]): Promise<boolean> {
    const body = JSON.stringify(operations.map((operation) => ({ KV: operationOf(operation) })))
    const call = { method: 'PUT', path: '/v1/txn', body } as const
    const answer = await this.http.send(call)
    if (answer.status === 200) return true
    if (answer.status === 409) return false
    throw this.http.refused(call, answer)
  }
}

function operationOf(operation: KvOperation): object {
  const { verb, key } = operation
  if (verb === 'cas') return { Verb: verb, Key: key, Value: operation.value.toString('base64'), Index: operation.index }
  if (verb === 'check-session') return { Verb: verb, Key: key, Session: operation.session }
  if (verb === 'check-index') return { Verb: verb, Key: key, Index: operation.index }
  return { Verb: verb, Key: key }
}

/**
 * The keys in an answer of `/v1/kv` (https://developer.hashicorp.com/consul/api-docs/kv#read-key).
 * @throws ConsulError when it is none
 */
export function readEntries(value: unknown): readonly KvEntry[] {
  if (!Array.isArray(value)) throw new ConsulError('an answer about keys that is no list', 200)
  return value.map((entry) => {
    const {
      Key: key,
      Value: encoded,
      ModifyIndex: modifyIndex,
      Flags: flags,
    } = (entry ?? {}) as Record<string, unknown>
    if (typeof key !== 'string' || !Number.isSafeInteger(modifyIndex))
      throw new ConsulError('an answer about keys without a key and an index', 200)
    return {
      key,
      value: Buffer.from(typeof encoded === 'string' ? encoded : '', 'base64'),
      modifyIndex: modifyIndex as number,
      flags: Number(flags ?? 0),
    }
  })
}

/** The path of a key in the HTTP API; its slashes stay. */
export function pathOf(key: string): string {
  return `/v1/kv/${key.split('/').map(encodeURIComponent).join('/')}`
}
