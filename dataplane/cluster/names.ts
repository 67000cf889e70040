import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { errorText } from '../../errors/thrown.ts'
import { complain } from '../complain.ts'
import type { ClusterConfig, EndpointConfig, NameLookup } from '../configuration.ts'

/** Addresses of a name in the order of the system's resolver. @throws Error when they cannot be found */
export type Look = (name: string) => Promise<readonly { readonly address: string; readonly family: number }[]>

/** A configuration waits at most so long for names it is the first to have: a resolver that is gone must not hold up everything else. */
const firstMs = 1000
/** A look-up that took longer hung. */
const slowMs = 1000

interface Entry {
  readonly name: string
  readonly lookup: NameLookup
  /** undefined: not found so far. */
  addresses: readonly string[] | undefined
  failures: number
  /** Its last look-up hung. */
  slow: boolean
  timer: NodeJS.Timeout | undefined
}

const systems: Look = (name) => lookup(name, { all: true, verbatim: true })

/** The address of an endpoint that has a name in place of numbers. */
const named = ({ address }: EndpointConfig) => ('host' in address && isIP(address.host) === 0 ? address : undefined)

/**
 * Addresses of the names that endpoints have, looked up again and again, so that each address is a host of its own with the key that it has in
 * Envoy (a cluster of type STRICT_DNS). A look-up that fails takes no address away.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery#strict-dns
 */
export class Names {
  readonly #changed: () => void
  readonly #look: Look
  readonly #entries = new Map<string, Entry>()
  #stopped = false
  /** Ends when nobody that hung is being looked up. */
  #line: Promise<unknown> = Promise.resolve()

  /** @param changed told when a name has other addresses than before. @param look default: the system's resolver, which reads hosts files, too */
  constructor(changed: () => void, look = systems) {
    this.#changed = changed
    this.#look = look
  }

  /** Starts to follow the names of clusters; resolves when each was looked up once, or took too long. Nothing after `stop`. */
  async learn(clusters: readonly ClusterConfig[]): Promise<void> {
    if (this.#stopped) return
    const fresh: Promise<void>[] = []
    for (const [key, name, lookup] of namesOf(clusters)) {
      if (this.#entries.has(key)) continue
      const entry: Entry = { name, lookup, addresses: undefined, failures: 0, slow: false, timer: undefined }
      this.#entries.set(key, entry)
      fresh.push(this.#ask(key, entry))
    }
    if (fresh.length === 0) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, firstMs)
    })
    await Promise.race([Promise.all(fresh), late])
    clearTimeout(timer)
  }

  /** Follows no other names than those of these clusters any more. */
  keep(clusters: readonly ClusterConfig[]): void {
    const used = new Set(namesOf(clusters).map(([key]) => key))
    for (const key of [...this.#entries.keys()]) if (!used.has(key)) this.#drop(key)
  }

  /** The cluster with an endpoint for each address instead of those for names; names that were not found have none. */
  resolved(cluster: ClusterConfig): ClusterConfig {
    const { names } = cluster
    if (!names) return cluster
    const endpoints = (endpoint: EndpointConfig): readonly EndpointConfig[] => {
      const address = named(endpoint)
      if (!address) return [endpoint]
      const { host: name, port } = address
      const found = this.#entries.get(keyOf(name, names))?.addresses ?? []
      return found.map((host) => ({ ...endpoint, address: { host, port }, name }))
    }
    const localities = cluster.localities.map((one) => ({ ...one, endpoints: one.endpoints.flatMap(endpoints) }))
    return { ...cluster, localities }
  }

  stop(): void {
    this.#stopped = true
    for (const key of [...this.#entries.keys()]) this.#drop(key)
  }

  #drop(key: string): void {
    clearTimeout(this.#entries.get(key)?.timer)
    this.#entries.delete(key)
  }

  /**
   * Names that hung are looked up one after the other: the system's resolver has two threads for all, a name nobody answers for holds one of
   * them for some ten seconds, and names that are well, that of the control plane among them, must not wait behind those.
   * @returns undefined where nobody follows it any more when its turn comes
   */
  #find(key: string, entry: Entry): Promise<Awaited<ReturnType<Look>> | undefined> {
    if (!entry.slow) return this.#timed(entry)
    const mine = this.#line.then(() => (this.#entries.get(key) === entry ? this.#timed(entry) : undefined))
    this.#line = mine.catch(() => undefined)
    return mine
  }

  async #timed(entry: Entry) {
    const from = performance.now()
    try {
      return await this.#look(entry.name)
    } finally {
      entry.slow = performance.now() - from > slowMs
    }
  }

  async #ask(key: string, entry: Entry): Promise<void> {
    const { name, lookup } = entry
    const before = entry.addresses
    let waitMs = lookup.refreshMs
    try {
      const found = await this.#find(key, entry)
      if (found) entry.addresses = ofFamily(found, lookup.family)
      entry.failures = 0
    } catch (error) {
      waitMs = Math.min(lookup.retryMs.base * 2 ** entry.failures++, lookup.retryMs.max)
      complain(`name ${name}`, `its addresses cannot be found: ${errorText(error)}`)
    }
    if (this.#entries.get(key) !== entry) return
    entry.timer = setTimeout(() => void this.#ask(key, entry), waitMs)
    entry.timer.unref()
    if (entry.addresses?.join() !== before?.join()) this.#changed()
  }
}

const keyOf = (name: string, lookup: NameLookup) => `${name} ${JSON.stringify(lookup)}`

function namesOf(clusters: readonly ClusterConfig[]): readonly (readonly [string, string, NameLookup])[] {
  return clusters.flatMap(({ names, localities }) =>
    localities.flatMap(({ endpoints }) =>
      endpoints.flatMap((endpoint) => {
        const address = named(endpoint)
        return names && address ? [[keyOf(address.host, names), address.host, names] as const] : []
      }),
    ),
  )
}

/** Sorted, so that a resolver that turns its answers round changes nothing. */
function ofFamily(found: Awaited<ReturnType<Look>>, family: NameLookup['family']): readonly string[] {
  const [v4, v6] = [4, 6].map((version) => found.filter((one) => one.family === version).map(({ address }) => address))
  const chosen = {
    v4,
    v6,
    v4Preferred: v4!.length > 0 ? v4 : v6,
    v6Preferred: v6!.length > 0 ? v6 : v4,
    all: [...v4!, ...v6!],
  }[family]!
  return [...new Set(chosen)].sort()
}
