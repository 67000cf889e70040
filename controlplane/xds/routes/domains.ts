import { isIP } from 'node:net'
import type { Service } from '../../model/service.ts'

/** Names a caller may use for a service, without ports. */
export interface ServiceNames {
  readonly full: string
  /** Shorter forms by Istio's rule, most specific last: `reviews.shop`, `reviews.shop.svc`, in the own namespace `reviews`. */
  readonly short: readonly string[]
  /** Virtual IP addresses, IPv6 in brackets as in a Host header. CIDRs are no host anybody can ask for. */
  readonly addresses: readonly string[]
}

/** Names of a service as seen from a namespace of the mesh; `domain` is the mesh's DNS suffix. */
export function serviceNames(service: Service, namespace: string, domain: string): ServiceNames {
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

function hostHeader(address: string): string {
  return isIP(address) === 6 ? `[${address}]` : address
}

/** A virtual host that asks for domains, those of lower rank first. */
export interface DomainClaim {
  readonly domain: string
  /** 0: full names; 1: short forms; 2: addresses. A short form never takes what somebody is really called. */
  readonly rank: 0 | 1 | 2
}

/**
 * Gives every domain to one claimant only: the lowest rank, then the first in the list. Envoy compares without case and refuses a whole table
 * for one domain that stands in it twice.
 */
export function assignDomains(claims: readonly (readonly DomainClaim[])[]): readonly (readonly string[])[] {
  const taken = new Set<string>()
  const given: string[][] = claims.map(() => [])
  for (const rank of [0, 1, 2] as const)
    for (const [index, claim] of claims.entries())
      for (const { domain, rank: wanted } of claim) {
        const key = domain.toLowerCase()
        if (wanted !== rank || taken.has(key)) continue
        taken.add(key)
        given[index]!.push(domain)
      }
  return given
}
