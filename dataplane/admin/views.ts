import { addressText } from '../cluster/host.ts'
import type { ListenerConfig } from '../configuration.ts'
import type { ConfigurationProblem, MessageProxy } from '../proxy.ts'
import type { NotOpen } from './server.ts'

/** A host as the admin pages show it. */
export interface HostView {
  readonly address: string
  /** What the address was found by. */
  readonly name?: string
  readonly priority: number
  readonly weight: number
  /** Where workers do not agree, how many of them say so: `ejected by 1 of 2 workers`. */
  readonly health: string
  readonly requestsActive: number
  readonly requestsTotal: number
  readonly errors: number
  readonly timeouts: number
  readonly connectFailures: number
  /** Why the last connection could not be made or broke. */
  readonly lastFailure?: { readonly reason: string; readonly at: string }
}

export interface ClusterView {
  readonly name: string
  readonly activeConnections: number
  readonly hosts: readonly HostView[]
}

export interface ListenerView {
  readonly name: string
  readonly address: string
  readonly protocol: string
  /** How upstream connections are used. */
  readonly connections: string
  readonly tls: boolean
  readonly proxyProtocol: boolean
  readonly state: 'open' | 'draining' | 'not open'
  /** Why it is not open. */
  readonly reason?: string
  readonly activeConnections: number
  readonly requestsActive: number
}

/** Hosts of a proxy as plain data. */
export function describeClusters(proxy: MessageProxy): readonly ClusterView[] {
  return [...proxy.clusters.values()].map((cluster) => ({
    name: cluster.name,
    activeConnections: cluster.activeConnections,
    hosts: cluster.hosts.map((host) => ({
      address: addressText(host.address),
      ...(host.config.name !== undefined && { name: host.config.name }),
      priority: host.priority,
      weight: host.weight,
      health: host.ejected ? 'ejected' : host.silent ? 'silent' : (host.config.health ?? 'healthy'),
      requestsActive: host.active,
      requestsTotal: host.total,
      errors: host.errors,
      timeouts: host.timeouts,
      connectFailures: host.connectFailures,
      ...(host.lastFailure && {
        lastFailure: { reason: host.lastFailure.reason, at: new Date(host.lastFailure.at).toISOString() },
      }),
    })),
  }))
}

/** Listeners of a proxy as plain data: those that are open, those that leave, and those that could not be opened. */
export function describeListeners(proxy: MessageProxy): readonly ListenerView[] {
  const there = proxy.listeners.map((listener): ListenerView => {
    const { config, mode, clients, draining } = listener
    let requestsActive = 0
    for (const { inFlight } of clients) requestsActive += inFlight
    return {
      ...asConfigured(config),
      address: addressText((draining ? undefined : proxy.address(listener.name)) ?? config.address),
      connections: mode,
      state: draining ? 'draining' : 'open',
      activeConnections: clients.size,
      requestsActive,
    }
  })
  const missing = proxy.configuration.listeners.flatMap((config): ListenerView[] => {
    const problem = proxy.problems.find(({ kind, name }) => kind === 'listener' && name === config.name)
    if (!problem) return []
    return [asNotOpen(config, problem.message)]
  })
  return [...there, ...missing]
}

/** A listener that is not opened before its certificates are there. */
export function describeWaiting(config: Omit<ListenerConfig, 'tls'>, reason: string): ListenerView {
  return { ...asNotOpen(config, reason), tls: true }
}

/** Of what could not be used of a configuration, its listeners. */
export function notOpen(problems: readonly ConfigurationProblem[]): readonly NotOpen[] {
  return problems.flatMap(({ kind, name, message }) => (kind === 'listener' ? [{ name, reason: message }] : []))
}

function asNotOpen(config: ListenerConfig, reason: string): ListenerView {
  return { ...asConfigured(config), state: 'not open', reason, activeConnections: 0, requestsActive: 0 }
}

function asConfigured({ name, address, protocol, mode, tls, proxyProtocol = false }: ListenerConfig) {
  return {
    name,
    address: addressText(address),
    protocol,
    connections: mode ?? '',
    tls: tls !== undefined,
    proxyProtocol,
  }
}

/** What several workers say of the same clusters. */
export function sumClusters(workers: readonly (readonly ClusterView[])[]): readonly ClusterView[] {
  return together(workers, ({ name }) => name).map((views) => ({
    name: views[0]!.name,
    activeConnections: sum(views, ({ activeConnections }) => activeConnections),
    hosts: together(
      views.map(({ hosts }) => hosts),
      ({ address }) => address,
    ).map((hosts) => ({
      ...hosts[0]!,
      health: healthOf(hosts.map(({ health }) => health)),
      requestsActive: sum(hosts, ({ requestsActive }) => requestsActive),
      requestsTotal: sum(hosts, ({ requestsTotal }) => requestsTotal),
      errors: sum(hosts, ({ errors }) => errors),
      timeouts: sum(hosts, ({ timeouts }) => timeouts),
      connectFailures: sum(hosts, ({ connectFailures }) => connectFailures),
      ...latest(hosts),
    })),
  }))
}

/** What several workers say of the same listeners. */
export function sumListeners(workers: readonly (readonly ListenerView[])[]): readonly ListenerView[] {
  return together(workers, ({ name, state }) => `${state} ${name}`).map((views) => ({
    ...views[0]!,
    activeConnections: sum(views, ({ activeConnections }) => activeConnections),
    requestsActive: sum(views, ({ requestsActive }) => requestsActive),
  }))
}

function together<View>(workers: readonly (readonly View[])[], key: (view: View) => string): readonly View[][] {
  const groups = new Map<string, View[]>()
  for (const view of workers.flat()) {
    const group = groups.get(key(view))
    if (group) group.push(view)
    else groups.set(key(view), [view])
  }
  return [...groups.values()]
}

function sum<View>(views: readonly View[], of: (view: View) => number): number {
  return views.reduce((total, view) => total + of(view), 0)
}

function healthOf(said: readonly string[]): string {
  const bad = said.filter((health) => health !== 'healthy')
  if (bad.length === 0 || new Set(said).size === 1) return said[0]!
  return `${bad[0]} by ${bad.length} of ${said.length} workers`
}

function latest(hosts: readonly HostView[]): Pick<HostView, 'lastFailure'> {
  const failures = hosts.flatMap(({ lastFailure }) => lastFailure ?? [])
  const last = failures.sort((a, b) => (a.at < b.at ? -1 : 1)).at(-1)
  return last ? { lastFailure: last } : {}
}
