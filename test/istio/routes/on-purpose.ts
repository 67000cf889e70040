import type { Outcome } from './bed.ts'
import type { RouteQuestion } from './draw.ts'
import type { Request } from './requests.ts'

/**
 * What we do otherwise on purpose, so that it is no difference:
 * - A workload's requests to a port that no service has: in Istio nobody listens there; ours have one port for all (docs/architecture.md).
 * - A name without a port means a service's first port where it has no port 80: in Istio nobody can ask so.
 * - Of a service without port 80 Istio serves that port where rules name the service.
 * - A destination without a port is its service's only port; Istio takes that of the request where the service has not got it.
 * - The dot at the end of a host is dropped; Istio knows it for services only.
 * - Of hosts with a namespace that are redirected to https Istio serves the namespace and the slash, as if a host were called so.
 */
export function isOnPurpose(
  theirs: Outcome | undefined,
  own: Outcome | undefined,
  { proxies, documents }: RouteQuestion,
  { proxy, authority, port }: Request,
): boolean {
  if (theirs === undefined || /\.(:\d+)?$/.test(authority)) return true
  const texts = documents.map((text) => JSON.parse(text) as Document)
  if (proxies[proxy]!.type === 'router') {
    const redirects = texts.some(({ spec }) =>
      spec.servers?.some(({ tls, hosts }) => tls?.httpsRedirect && hosts.some((host) => host.includes('/'))),
    )
    return redirects && theirs.status === 404
  }
  if (theirs.status === 503 && !theirs.cluster && own?.cluster && !own.cluster.startsWith(`outbound|${port}|`))
    return true
  if (port !== 80) return false
  if (!authority.endsWith(':80')) return true
  const host = authority.slice(0, -':80'.length).toLowerCase()
  const entries = texts.filter(
    ({ spec }) =>
      spec.location !== undefined && spec.hosts?.some((name) => name === host || name.startsWith(`${host}.`)),
  )
  return entries.length > 0 && entries.every(({ spec }) => !spec.ports?.some(({ number }) => number === 80))
}

/** What is looked at here of ServiceEntries and Gateways. */
interface Document {
  readonly spec: {
    readonly location?: string
    readonly hosts?: readonly string[]
    readonly ports?: readonly { readonly number: number }[]
    readonly servers?: readonly {
      readonly hosts: readonly string[]
      readonly tls?: { readonly httpsRedirect?: boolean }
    }[]
  }
}

/** Of an answer that the proxy gives by itself: what rules put on it, a destination that does not exist has in its cluster at Istio. */
const OF_ANSWERS = /^(access-control-|location$|set-cookie$|grpc-status$)/

/** An outcome without what is otherwise on purpose: who names a destination that does not exist is told so in the body
 * (docs/decisions/missing-destinations.md), and the upstream sees no dot at the end of a host. */
export function essential(outcome: Outcome | undefined): Partial<Outcome> {
  if (!outcome) return {}
  if (outcome.cluster === undefined) {
    const { status, headers, body } = outcome
    if (status === 503) return { status }
    const told = Object.entries(headers).filter(([name]) => OF_ANSWERS.test(name))
    return { status, headers: Object.fromEntries(told), ...(body !== undefined && { body }) }
  }
  const { seen, ...rest } = outcome
  if (!seen) return rest
  const { host = '' } = seen
  return { ...rest, seen: { ...seen, host: host.replace(/\.(?=$|:)/, '') } }
}
