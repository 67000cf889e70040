/**
 * The virtual host Envoy takes for an authority: exact name, then the longest `*.suffix`, then the longest `prefix.*`, then `*`
 * (https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-virtualhost).
 */
export function virtualHostFor<T extends { readonly domains: readonly string[] }>(
  hosts: readonly T[],
  authority: string,
): T | undefined {
  const name = authority.toLowerCase()
  let best: { readonly host: T; readonly rank: number } | undefined
  for (const host of hosts)
    for (const domain of host.domains) {
      const rank = domainRank(domain.toLowerCase(), name)
      if (rank > (best?.rank ?? 0)) best = { host, rank }
    }
  return best?.host
}

/** An authority as Envoy compares it with `ignore_port_in_host_matching`; the brackets of an IPv6 address stay. */
export function withoutPort(authority: string): string {
  return authority.replace(/:\d+$/, '')
}

const EXACT = 3_000_000
const SUFFIX = 2_000_000
const PREFIX = 1_000_000

/** Higher is better, 0 is no match. A wildcard stands for at least one character. */
function domainRank(domain: string, name: string): number {
  if (domain === name) return EXACT
  if (domain === '*') return 1
  if (domain.startsWith('*') && name.length > domain.length - 1 && name.endsWith(domain.slice(1)))
    return SUFFIX + domain.length
  if (domain.endsWith('*') && name.length > domain.length - 1 && name.startsWith(domain.slice(0, -1)))
    return PREFIX + domain.length
  return 0
}
