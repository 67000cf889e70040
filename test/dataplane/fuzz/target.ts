import type { Configuration } from '../../../dataplane/configuration.ts'
import { MessageProxy } from '../../../dataplane/proxy.ts'
import { RequestState } from '../../../dataplane/upstream/requests.ts'

/** The proxy of the fuzz driver, in a process of its own: it may hang or die there without taking the driver along. */
export type Order = { readonly apply: Configuration } | { readonly ask: 'state' }

export interface TargetState {
  /** Ports by listener. */
  readonly ports: Readonly<Record<string, number>>
  readonly problems: readonly string[]
  readonly rssBytes: number
  /** Requests in flight, and what circuit breakers count. */
  readonly used: number
  readonly counted: number
  /** Some of the requests in flight, for whoever looks for what holds them. */
  readonly requests: readonly string[]
}

const proxy = new MessageProxy({ drainGraceMs: 100 })

function state(): TargetState {
  const ports: Record<string, number> = {}
  for (const { name } of proxy.configuration.listeners) {
    const address = proxy.address(name)
    if (address && 'port' in address) ports[name] = address.port
  }
  let counted = 0
  for (const { breakers, hosts } of proxy.clusters.values()) {
    for (const { requests, pending, retries } of breakers)
      counted += Math.abs(requests) + Math.abs(pending) + Math.abs(retries)
    for (const { active } of hosts) counted += Math.abs(active)
  }
  return {
    ports,
    problems: proxy.problems.map(({ kind, name, message }) => `${kind} ${name}: ${message}`),
    rssBytes: process.memoryUsage.rss(),
    used: proxy.engine.requests.used,
    counted,
    requests: inFlight(),
  }
}

function inFlight(): string[] {
  const found: string[] = []
  for (const { state, flags, due, started, client, connection } of proxy.engine.requests.all) {
    if (state === RequestState.free) continue
    if (found.length === 5) break
    const age = Math.round(performance.now() - started)
    const on = connection
      ? `${connection.pool.cluster.config.name} ${connection.mode} closed=${connection.closed} pending=${connection.pending.count}`
      : 'no connection'
    found.push(`state ${state} flags ${flags} due ${due} age ${age} of ${client?.codec.name} on ${on}`)
  }
  return found
}

process.on('message', (order: Order) => {
  if ('apply' in order) void proxy.apply(order.apply).then(() => process.send!(state()))
  else process.send!(state())
})
process.on('disconnect', () => process.exit(0))
