import { isDeepStrictEqual } from 'node:util'
import type { ClusterConfig, SlowStart } from '../configuration.ts'
import { C, clusterCounterNames, Histogram } from '../stats/counters.ts'
import { clock } from '../turn.ts'
import { buildPicker, type Picker } from './balance/picker.ts'
import { Breaker } from './breaker.ts'
import { addressText, Host } from './host.ts'
import { OutlierDetector, type OutlierScope, type RequestResult } from './outlier.ts'
import { priorityLoads } from './priority.ts'

/** What connections are opened with. */
function wayTo({ tls, proxyProtocol }: ClusterConfig, certificates = true) {
  const { ca, certificate, privateKey, ...names } = tls ?? {}
  return { proxyProtocol, tls: tls !== undefined, names, ...(certificates && { ca, certificate, privateKey }) }
}

interface Share {
  /** Up to this percent (of 0 to 100) the share is taken. */
  readonly upTo: number
  readonly picker: Picker
  readonly panic: boolean
}

/** Hosts of a cluster, which of them gets the next message, and what is counted. Lives as long as its name is in the configuration. */
export class Cluster implements OutlierScope {
  readonly name: string
  config: ClusterConfig
  readonly counters = new Float64Array(clusterCounterNames.length)
  readonly latency = new Histogram()
  readonly breakers: readonly [Breaker, Breaker] = [new Breaker(), new Breaker()]
  hosts: Host[] = []
  removed = false
  outlier: OutlierDetector | undefined
  activeConnections = 0
  /** Shared connections to one host, at most. */
  perHost = 2
  /** Connections to hold open to one host. */
  minPerHost = 0
  /** 0: as many as there are. */
  maxRequestsPerConnection = 0
  #shares: Share[] | undefined
  #slow = false
  #removedHosts = (_: Host): void => {}

  constructor(config: ClusterConfig, hostRemoved: (host: Host) => void) {
    this.name = config.name
    this.config = config
    this.#removedHosts = hostRemoved
    this.update(config)
  }

  get statName(): string {
    return this.config.statName ?? this.name
  }

  /** Hosts are the same as long as their address stays: they keep connections, counters and ejections. */
  update(config: ClusterConfig): void {
    const before = this.config
    const known = new Map(this.hosts.map((host) => [host.key, host]))
    const fresh = this.hosts.length === 0
    const hosts: Host[] = []
    config.localities.forEach((locality, index) => {
      for (const endpoint of locality.endpoints) {
        const key = addressText(endpoint.address)
        const seen = known.get(key)
        // The same address twice is one host; the first entry counts.
        if (!seen && hosts.some((host) => host.key === key)) continue
        known.delete(key)
        // Hosts of a first configuration are not new to the service: slow start is for those that join later.
        const host = seen ?? new Host(endpoint, fresh ? Number.NEGATIVE_INFINITY : clock.now)
        host.config = endpoint
        host.priority = locality.priority ?? 0
        host.locality = index
        hosts.push(host)
      }
    })
    this.config = config
    this.perHost = config.connections?.perHost ?? 2
    this.minPerHost = config.connections?.minPerHost ?? 0
    this.maxRequestsPerConnection = config.connections?.maxRequestsPerConnection ?? 0
    this.hosts = hosts
    const { maxConnections: mostBefore } = this.breakers[0]
    this.breakers[0].update(config.circuitBreakers?.default)
    this.breakers[1].update(config.circuitBreakers?.high)
    if (!config.outlierDetection) {
      this.outlier = undefined
      for (const host of hosts) host.ejected = false
    } else if (!this.outlier || JSON.stringify(before.outlierDetection) !== JSON.stringify(config.outlierDetection)) {
      this.outlier = new OutlierDetector(this, config.outlierDetection)
      // A count that stands above the new limit would never meet it.
      for (const host of hosts) host.countAnew()
    }
    this.#shares = undefined
    for (const host of known.values()) this.#remove(host)
    if (!isDeepStrictEqual(wayTo(before), wayTo(config))) {
      // Those of clients live on where only certificates are others: they may hold a session.
      const bound = !isDeepStrictEqual(wayTo(before, false), wayTo(config, false))
      for (const { pools } of hosts) for (const pool of pools.values()) pool.renew(bound)
    }
    if (this.breakers[0].maxConnections < mostBefore) this.#shed()
  }

  /**
   * A limit that is lower than before holds for what is open, too (Envoy replaces all connections of a cluster that changes): those that nobody uses
   * go first, then what leaves its host another; hosts at the end of the list first, since connections that are held open are opened in its order.
   */
  #shed(): void {
    const pools = this.hosts.toReversed().flatMap((host) => [...host.pools.values()])
    let surplus = pools.reduce((sum, { taking }) => sum + taking, -this.breakers[0].maxConnections)
    for (const unused of [true, false]) for (const pool of pools) if (surplus > 0) surplus -= pool.shed(surplus, unused)
  }

  /** Takes the cluster out of service: no new requests, those in flight finish. */
  remove(): void {
    this.removed = true
    const { hosts } = this
    this.hosts = []
    this.#shares = undefined
    for (const host of hosts) this.#remove(host)
  }

  #remove(host: Host): void {
    host.removed = true
    this.#removedHosts(host)
  }

  healthChanged(): void {
    this.#shares = undefined
  }

  /** The host for a message. `attempt` counts tries from 0; `avoid` is passed over where there is another. */
  pick(hashed: boolean, lo: number, hi: number, attempt: number, avoid: Host | null): Host | undefined {
    const host = this.#pick(hashed, lo, hi, attempt)
    if (avoid === null || host !== avoid) return host
    for (let i = 1; i <= 3; i++) {
      const other = this.#pick(hashed, lo, hi, attempt + i)
      if (other !== avoid) return other
    }
    return host
  }

  #pick(hashed: boolean, lo: number, hi: number, attempt: number): Host | undefined {
    const shares = this.#shares ?? this.#plan()
    if (shares.length === 0) return undefined
    let share = shares[0]!
    if (shares.length > 1) {
      // The hash chooses the priority too, so that a key stays where it is.
      const point = hashed ? hundredth(lo, hi) + 0.5 : Math.random() * 100
      for (let i = 0; point >= share.upTo && i + 1 < shares.length; ) share = shares[++i]!
    }
    if (share.panic) this.counters[C.lb_healthy_panic]!++
    return share.picker.pick(hashed, lo, hi, attempt)
  }

  /** To be called about once a second: outlier intervals, slow start. */
  sweep(): void {
    this.outlier?.sweep(clock.now)
    if (this.#slow) this.#shares = undefined
  }

  /** Counts a finished try. */
  record(host: Host, result: RequestResult): void {
    if (result !== 'success') host.errors++
    this.outlier?.record(host, result, clock.now)
  }

  #plan(): Share[] {
    const { config, hosts } = this
    const hashes = config.balancer.kind === 'maglev' || config.balancer.kind === 'ringHash'
    const count = hosts.reduce((most, { priority }) => Math.max(most, priority + 1), 0)
    const isDraining = (host: Host) => host.config.health === 'draining'
    // Where hardly a host is well Envoy uses those that are draining, too: keys land where it puts them, other messages do without.
    const byPriority = Array.from({ length: count }, (_, i) =>
      hosts.filter((host) => host.priority === i && (hashes || !isDraining(host))),
    )
    const loads = priorityLoads(
      byPriority.map((group) => ({
        hosts: group.length,
        total: group.filter((host) => !isDraining(host)).length,
        healthy: group.filter(({ healthy }) => healthy).length,
        degraded: group.filter(({ degraded }) => degraded).length,
      })),
      config.overprovisioningFactor ?? 140,
      config.panicThreshold ?? 50,
    )
    this.#slow = false
    const shares: Share[] = []
    let sum = 0
    const add = (load: number, priority: number, of: 'healthy' | 'degraded') => {
      if (load === 0) return
      sum += load
      const panic = loads.panic[priority]!
      const group = byPriority[priority]!
      shares.push({ upTo: sum, picker: this.#picker(panic ? group : group.filter((host) => host[of])), panic })
    }
    loads.healthy.forEach((load, priority) => {
      add(load, priority, 'healthy')
    })
    // Envoy has one table a priority, of its healthy hosts: they get what the degraded ones would, and nobody where there are none.
    loads.degraded.forEach((load, priority) => {
      add(load, priority, hashes ? 'healthy' : 'degraded')
    })
    this.#shares = shares
    return shares
  }

  #picker(group: readonly Host[]): Picker {
    const { balancer, slowStart, localityWeighted, hashHostnames = false } = this.config
    const hashes = balancer.kind === 'maglev' || balancer.kind === 'ringHash'
    const weighted = group.map((host) => ({
      host,
      weight: host.weight * (slowStart && !hashes ? this.#warmth(host, slowStart) : 1),
    }))
    const localityWeights = localityWeighted && group[0] ? this.#localityWeights(group[0].priority) : undefined
    return buildPicker(balancer, weighted, { hashHostnames, ...(localityWeights && { localityWeights }) })
  }

  /** By index; 0 for localities of other priorities and for those without hosts, which Envoy does not count among the whole. */
  #localityWeights(of: number): readonly number[] {
    return this.config.localities.map(({ weight = 0, priority = 0, endpoints }) =>
      priority === of && endpoints.length > 0 ? weight : 0,
    )
  }

  /** @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start */
  #warmth(host: Host, { windowMs, aggression = 1, minWeightPercent = 10 }: SlowStart): number {
    const age = clock.now - host.joined
    if (age >= windowMs) return 1
    this.#slow = true
    // Envoy takes 1 for what cannot be an exponent.
    const grown = (Math.max(1, age) / windowMs) ** (1 / (aggression > 0 ? aggression : 1))
    return Math.max(minWeightPercent / 100, grown)
  }
}

/** A 64-bit hash, given as int32 halves, modulo 100: what Envoy chooses the priority by. */
function hundredth(lo: number, hi: number): number {
  return (((hi >>> 0) % 100) * (2 ** 32 % 100) + ((lo >>> 0) % 100)) % 100
}
