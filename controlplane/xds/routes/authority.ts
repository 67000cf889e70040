interface Wildcard<T> {
  /** The domain without its star. */
  readonly part: string
  readonly host: T
}

/**
 * Finds the virtual host Envoy takes for an authority: exact name, then the longest `*.suffix`, then the longest `prefix.*`,
 * then `*` (https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-virtualhost).
 */
export class DomainIndex<T> {
  readonly #exact = new Map<string, T>()
  readonly #suffixes: readonly Wildcard<T>[]
  readonly #prefixes: readonly Wildcard<T>[]
  readonly #any: T | undefined

  constructor(hosts: readonly T[], domainsOf: (host: T) => readonly string[]) {
    const suffixes: Wildcard<T>[] = []
    const prefixes: Wildcard<T>[] = []
    let any: T | undefined
    for (const host of hosts)
      for (const written of domainsOf(host)) {
        const domain = written.toLowerCase()
        if (domain === '*') any ??= host
        else if (domain.startsWith('*')) suffixes.push({ part: domain.slice(1), host })
        else if (domain.endsWith('*')) prefixes.push({ part: domain.slice(0, -1), host })
        else if (!this.#exact.has(domain)) this.#exact.set(domain, host)
      }
    this.#suffixes = suffixes.sort(longestFirst)
    this.#prefixes = prefixes.sort(longestFirst)
    this.#any = any
  }

  /** The host of an authority, in Envoy's order: exact, longest suffix, longest prefix, `*`. */
  find(authority: string): T | undefined {
    const name = authority.toLowerCase()
    // A wildcard stands for at least one character.
    const fits = ({ part }: Wildcard<T>) => name.length > part.length
    return (
      this.#exact.get(name) ??
      this.#suffixes.find((one) => fits(one) && name.endsWith(one.part))?.host ??
      this.#prefixes.find((one) => fits(one) && name.startsWith(one.part))?.host ??
      this.#any
    )
  }
}

/** The virtual host an Envoy that has these takes for an authority. */
export function virtualHostFor<T extends { readonly domains: readonly string[] }>(
  hosts: readonly T[],
  authority: string,
): T | undefined {
  return new DomainIndex(hosts, ({ domains }) => domains).find(authority)
}

function longestFirst(a: Wildcard<unknown>, b: Wildcard<unknown>): number {
  return b.part.length - a.part.length
}

/** An authority as Envoy compares it with `ignore_port_in_host_matching`; the brackets of an IPv6 address stay. */
export function withoutPort(authority: string): string {
  return authority.replace(/:\d+$/, '')
}
