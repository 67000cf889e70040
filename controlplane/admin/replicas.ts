import type { Presence, PresenceEntry } from '../shared/index.ts'
import type { ClientStatus } from '../status/book.ts'
import type { AdminContext } from './context.ts'
import { type ProxyStatus, proxyStatus } from './proxies.ts'

/** What the other replicas are told about the proxies of this one. Load changes with every report and is left out. */
export function* presenceEntries(context: Pick<AdminContext, 'status' | 'memory' | 'mesh'>): Generator<PresenceEntry> {
  for (const client of context.status.clients())
    yield {
      id: String(client.stream),
      state: stateOf(client),
      value: () => proxyStatus(client, context),
    }
}

function stateOf({ disconnectedAt, types }: ClientStatus): string {
  const parts = types.map(
    ({ type, state, names, sent, acked, nack }) =>
      `${type} ${state} ${names} ${sent?.nonce} ${acked?.nonce} ${nack?.message}`,
  )
  return `${disconnectedAt} ${parts.join('\n')}`
}

/**
 * Proxies of this replica and of all others. A proxy that moved is told once: where it is connected, or was last.
 * @returns whether the others could be asked, too; undefined where there are none
 */
export async function allProxies(
  own: readonly ProxyStatus[],
  presence: Presence | undefined,
): Promise<{ readonly proxies: readonly ProxyStatus[]; readonly complete?: boolean }> {
  if (!presence) return { proxies: own }
  const others = (await presence.others()).flatMap(({ replica, values }) =>
    values.filter(isProxyStatus).map((proxy): ProxyStatus => ({ ...proxy, replica })),
  )
  const all = [...own, ...others]
  const best = new Map<string, ProxyStatus>()
  for (const proxy of all) {
    const known = best.get(proxy.node)
    if (!known || rank(proxy) > rank(known)) best.set(proxy.node, proxy)
  }
  const proxies = all.filter((proxy) => {
    const { replica } = best.get(proxy.node)!
    // Several streams of one node on one replica are all told.
    return proxy.replica === replica
  })
  return { proxies, complete: presence.complete }
}

/** Connected before gone, then the newest. */
function rank({ connected, connectedAt }: ProxyStatus): number {
  return (connected ? 1e15 : 0) + Date.parse(connectedAt)
}

/** A replica of another version may say something else. */
function isProxyStatus(value: unknown): value is ProxyStatus {
  const { node, connectedAt, connected, types, state } = (value ?? {}) as Partial<Record<keyof ProxyStatus, unknown>>
  return (
    typeof node === 'string' &&
    typeof connectedAt === 'string' &&
    !Number.isNaN(Date.parse(connectedAt)) &&
    typeof connected === 'boolean' &&
    typeof state === 'string' &&
    Array.isArray(types)
  )
}
