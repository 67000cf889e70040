import type { Outcome } from './bed.ts'
import type { RouteQuestion } from './draw.ts'
import type { Request } from './requests.ts'

/** Whether a request meets something that we do otherwise on purpose: docs/istio.md. */
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
    return redirects && theirs.cluster === undefined
  }
  if (authority.includes(':') && texts.some(({ spec }) => spec.egress?.some((one) => isProxy(one, port)))) return true
  // gRPC is told so by 14, UNAVAILABLE.
  const unavailable = !theirs.cluster && (theirs.status === 503 || theirs.headers['grpc-status'] === '14')
  if (unavailable && own?.cluster && !own.cluster.startsWith(`outbound|${port}|`)) return true
  if (unavailable && isNarrowed(texts, authority)) return true
  if (port !== 80) return false
  if (!authority.endsWith(':80')) return true
  const host = authority.slice(0, -':80'.length).toLowerCase()
  const entries = texts.filter(
    ({ spec }) =>
      spec.location !== undefined && spec.hosts?.some((name) => name === host || name.startsWith(`${host}.`)),
  )
  return entries.some(({ spec }) => !spec.ports?.some(({ number }) => number === 80))
}

/**
 * Whether a host is declared in two namespaces, and a Sidecar has a listener with a port: Istio has the one service that has it then, and sends what
 * is for the other's ports there, too (docs/decisions/clusters-as-istio.md).
 */
function isNarrowed(texts: readonly Document[], authority: string): boolean {
  const host = authority.replace(/:\d+$/, '').toLowerCase()
  const declared = texts.filter(({ spec }) => spec.location !== undefined && spec.hosts?.includes(host))
  return declared.length > 1 && texts.some(({ spec }) => spec.egress?.some((listener) => listener.port !== undefined))
}

/** Whether a listener of a Sidecar is a proxy for all HTTP: there the authority tells the port with us, and nothing with Istio. */
function isProxy({ port }: Listener, number: number): boolean {
  return port?.protocol === 'HTTP_PROXY' && port.number === number
}

interface Listener {
  readonly port?: { readonly number: number; readonly protocol: string }
}

/** What is looked at here of ServiceEntries, Gateways and Sidecars. */
interface Document {
  readonly spec: {
    readonly location?: string
    readonly egress?: readonly Listener[]
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

/** An outcome without what we do otherwise on purpose wherever a request goes: docs/istio.md. */
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
  const { host = '', 'grpc-timeout': _, ...others } = seen
  return { ...rest, seen: { ...others, host: host.replace(/\.(?=$|:)/, '') } }
}
