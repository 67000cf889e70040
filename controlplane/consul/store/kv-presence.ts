import { gunzipSync, gzipSync } from 'node:zlib'
import type { PresenceStore } from '../../shared/index.ts'
import { type ConsulAddress, ConsulError, ConsulHttp } from '../http.ts'
import { Kv, type KvEntry, MOST_VALUE_BYTES, pathOf } from '../kv.ts'
import { Session } from '../session.ts'

/** A replica that does not renew its session for so long is gone; Consul waits up to twice as long. ms. */
const TTL_MS = 10_000
/** A write goes through the log of all servers: not more often than so, ms. */
const WRITE_MS = 5_000
/** Largest unpacked list of one replica that is read, bytes. */
const MOST_BYTES = 64 * 1024 * 1024

/**
 * What replicas tell each other, where there is no Redis: one packed list for each replica below `<prefix>/presence/`, in parts
 * that fit a key, held by a session whose end deletes them. Written only when something changed.
 * @param prefix without slashes at its ends
 */
export function kvPresence(
  address: ConsulAddress,
  prefix: string,
  now: () => number = () => performance.now(),
): PresenceStore {
  const http = new ConsulHttp(address)
  const kv = new Kv(http)
  const root = `${prefix}/presence/`
  const session = new Session(http, { name: 'meshgate presence', ttlMs: TTL_MS, behavior: 'delete', lockDelay: '0s' })
  const own = new Map<string, string>()
  let writtenAt = Number.NEGATIVE_INFINITY
  let parts = 0
  let changed = true

  async function write(replica: string, id: string): Promise<void> {
    const packed = gzipSync(JSON.stringify([...own.values()]))
    const count = Math.ceil(packed.length / MOST_VALUE_BYTES)
    for (let part = 0; part < count; part++) {
      const body = packed.subarray(part * MOST_VALUE_BYTES, (part + 1) * MOST_VALUE_BYTES)
      // How many there are: a reader between two writes must see that one is missing.
      const query = { acquire: id, flags: count }
      const call = { method: 'PUT', path: pathOf(`${root}${replica}/${part}`), query, body } as const
      const answer = await http.send(call)
      if (answer.status !== 200) throw http.refused(call, answer)
      if (answer.body.toString('utf8').trim() !== 'true')
        throw new ConsulError(`${http.url}: ${root}${replica} is held by another session`, 409)
    }
    for (let part = count; part < parts; part++) await kv.delete(`${root}${replica}/${part}`)
    parts = count
  }

  return {
    async beat(replica, changes, gone, all) {
      if (all) own.clear()
      for (const [id, value] of changes) own.set(id, value)
      for (const id of gone) own.delete(id)
      if (all || changes.size > 0 || gone.length > 0) changed = true
      const { id, fresh } = await session.keep()
      // Kept here whole, and written whole: what went with a session is there again.
      if (!fresh && (!changed || now() - writtenAt < WRITE_MS)) return true
      await write(replica, id)
      writtenAt = now()
      changed = false
      return true
    },
    async read(except) {
      const byReplica = new Map<string, KvEntry[]>()
      for (const entry of await kv.list(root)) {
        const [replica = ''] = entry.key.slice(root.length).split('/')
        if (replica === except) continue
        byReplica.set(replica, [...(byReplica.get(replica) ?? []), entry])
      }
      return [...byReplica].flatMap(([replica, entries]) => {
        const values = unpack(entries)
        return values ? [{ replica, values }] : []
      })
    },
    async leave() {
      await session.end()
    },
    async stop() {
      http.close()
    },
  }
}

/** Undefined while it is being written, or for what another version wrote. */
function unpack(entries: readonly KvEntry[]): readonly string[] | undefined {
  const inOrder = [...entries].sort((a, b) => partOf(a) - partOf(b))
  if (inOrder.some(({ flags }) => flags !== inOrder.length)) return undefined
  try {
    const text = gunzipSync(Buffer.concat(inOrder.map(({ value }) => value)), { maxOutputLength: MOST_BYTES })
    const values = JSON.parse(text.toString('utf8')) as unknown
    return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : undefined
  } catch {
    return undefined
  }
}

function partOf({ key }: KvEntry): number {
  return Number(key.slice(key.lastIndexOf('/') + 1))
}
