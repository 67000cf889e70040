import { isLoopback } from '../ads/index.ts'
import type { ClientStatus, StatusBook } from '../status/book.ts'

/** More proxies than these are not on one machine but in a benchmark. */
const MOST = 64

/**
 * Proxies on this machine that listen on the same addresses. Envoys set SO_REUSEPORT: the second one starts as if all were well, and
 * callers reach either. By node id, in words.
 */
export function sharedListeners(clients: readonly ClientStatus[], book: StatusBook): ReadonlyMap<string, string> {
  const local = clients.filter(
    ({ peer, disconnectedAt, node }) =>
      disconnectedAt === undefined && isLoopback(hostOf(peer)) && !node.id.startsWith('message~'),
  )
  const owners = new Map<string, string>()
  const found = new Map<string, string>()
  for (const { stream, node } of local.length > MOST ? [] : local)
    for (const { resource } of book.resources(stream, 'lds') ?? []) {
      const { name } = resource
      if (!/^[\d.:a-f]+_\d+$/.test(name)) continue
      const owner = owners.get(name)
      if (owner === undefined) owners.set(name, node.id)
      else if (owner !== node.id && !found.has(node.id))
        found.set(
          node.id,
          `it listens on ${name.replace(/_(\d+)$/, ':$1')} as ${owner} does on this machine: callers reach either; give one of them another HTTP_PROXY_PORT in its metadata, or ports of its own in a Sidecar document`,
        )
    }
  return found
}

/** `127.0.0.1:4711` and `[::1]:4711` without the port. */
function hostOf(peer: string): string {
  return peer.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
}
