import type { ResourceType } from '../../proto/types.ts'
import type { NameSet } from './name-set.ts'
import type { DiscoveryRequest } from './request.ts'
import { FULL_SET_TYPES } from './response.ts'

/** Names looked at in one turn: some ten milliseconds. The largest meshes have that many services. */
export const PORTION = 4000

/**
 * A request that names very many, as several that say the same one after the other, so that other clients are served between
 * them. The first carries what answers a response.
 *
 * Not taken apart: what a client says when it comes back, because only the whole tells what it has and should not have (what it names is followed before,
 * `arrival.ts`); and state of the world of
 * types in which what is left out of a response does not exist.
 * @param before names the client is subscribed to
 */
export function portions(
  type: ResourceType | undefined,
  request: DiscoveryRequest,
  before: NameSet | undefined,
): readonly DiscoveryRequest[] {
  if (request.form === 'delta') {
    const { subscribe, unsubscribe } = request
    if (subscribe.length + unsubscribe.length <= PORTION || request.initialVersions.size > 0) return [request]
    return [
      ...cut(subscribe).map((names) => ({ ...request, subscribe: names, unsubscribe: [] })),
      ...cut(unsubscribe).map((names) => ({ ...request, subscribe: [], unsubscribe: names })),
    ].map((portion, index) => (index === 0 ? portion : without(portion)))
  }
  const { names } = request
  const known = before?.size ?? 0
  if (names.length - known <= PORTION || !type || FULL_SET_TYPES.has(type)) return [request]
  const old = before ? names.filter((name) => before.has(name)) : []
  const fresh = before ? names.filter((name) => !before.has(name)) : names
  return cut(fresh).map((_, index) => {
    const portion = { ...request, names: [...old, ...fresh.slice(0, (index + 1) * PORTION)] }
    return index === 0 ? portion : without(portion)
  })
}

/** How many names a request is about. */
export function namesIn(request: DiscoveryRequest): number {
  return request.form === 'sotw' ? request.names.length : request.subscribe.length + request.unsubscribe.length
}

function cut(names: readonly string[]): readonly (readonly string[])[] {
  const parts: (readonly string[])[] = []
  for (let at = 0; at < names.length; at += PORTION) parts.push(names.slice(at, at + PORTION))
  return parts
}

/** The same without what the first portion has said. */
function without<Request extends DiscoveryRequest>(request: Request): Request {
  return { ...request, node: undefined, nonce: '', error: undefined }
}
