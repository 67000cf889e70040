import { isIP } from 'node:net'
import type { Service } from '../../model/service.ts'

/** Names a caller may use for a service, without ports. */
export interface ServiceNames {
  readonly full: string
  /**
   * Shorter forms by Istio's rule, most specific last: `reviews.shop`, `reviews.shop.svc`, in the own namespace
   * `reviews`.
   */
  readonly short: readonly string[]
  /** Virtual IP addresses, IPv6 in brackets as in a Host header. CIDRs are no host anybody can ask for. */
  readonly addresses: readonly string[]
}

/** Names of a service as seen from a namespace of the mesh; `domain` is the mesh's DNS suffix. */
function serviceNames(service: Service, namespace: string, domain: string): ServiceNames {
  return {
    full: service.hostname,
    short: shortNames(service.hostname, namespace, domain),
    addresses: service.addresses.filter((address) => isIP(address) !== 0).map(hostHeader),
  }
}

/** `name.ns.svc.<domain>` without its end; other hosts have no short form. */
export function shortNames(hostname: string, namespace: string, domain: string): readonly string[] {
  const suffix = `.svc.${domain}`
  if (!hostname.endsWith(suffix) || hostname.startsWith('*')) return []
  const [name, owner, ...more] = hostname.slice(0, -suffix.length).split('.')
  if (!name || !owner || more.length > 0) return []
  return [...(owner === namespace ? [name] : []), `${name}.${owner}`, `${name}.${owner}.svc`]
}

/** A name as it stands in a Host header: IPv6 addresses in brackets. */
export function hostHeader(address: string): string {
  return isIP(address) === 6 ? `[${address}]` : address
}

/** A domain a virtual host asks for. */
export interface DomainClaim {
  readonly domain: string
  /** The domain in lower case: Envoy compares without case. */
  readonly key: string
  /** 0: full names; 1: short forms; 2: addresses. A short form never takes what somebody is really called. */
  readonly rank: 0 | 1 | 2
}

/** A domain that a virtual host wants; upper and lower case are the same domain. */
export function claim(domain: string, rank: DomainClaim['rank']): DomainClaim {
  return { domain, key: domain.toLowerCase(), rank }
}

/** Which forms of a name a service port answers to: `name:port`, `name`, or both. */
export type PortForms = 'with' | 'without' | 'both'

const made = new WeakMap<Service, Map<string, readonly DomainClaim[]>>()

/** Every name of a service with a port, without, or both. A service is immutable, so its claims are made once. */
export function serviceClaims(
  service: Service,
  port: number,
  forms: PortForms,
  namespace: string,
  domain: string,
): readonly DomainClaim[] {
  let known = made.get(service)
  if (!known) {
    known = new Map()
    made.set(service, known)
  }
  const key = `${port} ${forms} ${namespace} ${domain}`
  let claims = known.get(key)
  if (!claims) {
    const names = serviceNames(service, namespace, domain)
    const inForms = (name: string, rank: DomainClaim['rank']) => [
      ...(forms === 'with' ? [] : [claim(name, rank)]),
      ...(forms === 'without' || name === '*' ? [] : [claim(`${name}:${port}`, rank)]),
    ]
    claims = [
      ...inForms(names.full, 0),
      ...names.short.flatMap((name) => inForms(name, 1)),
      ...names.addresses.flatMap((address) => inForms(address, 2)),
    ]
    known.set(key, claims)
  }
  return claims
}

/**
 * Gives every domain to one claimant only: the lowest rank, then the first in the list. Envoy refuses a whole table
 * for one domain that stands in it twice.
 */
export function assignDomains(claims: readonly (readonly DomainClaim[])[]): readonly (readonly string[])[] {
  const taken = new Set<string>()
  const given: string[][] = claims.map(() => [])
  const later: { readonly index: number; readonly claim: DomainClaim }[][] = [[], [], []]
  const take = (index: number, { domain, key }: DomainClaim) => {
    if (taken.has(key)) return
    taken.add(key)
    given[index]!.push(domain)
  }
  for (const [index, list] of claims.entries())
    for (const wanted of list)
      if (wanted.rank === 0) take(index, wanted)
      else later[wanted.rank]!.push({ index, claim: wanted })
  for (const list of later) for (const { index, claim: wanted } of list) take(index, wanted)
  return given
}
