import type { Cluster } from '../../../dataplane/cluster/cluster.ts'
import type { ListenerRuntime } from '../../../dataplane/listen/listener.ts'
import type { CompiledRoute, CompiledTable } from '../../../dataplane/route/compile.ts'
import type { Subject } from './subject.ts'

/** What is in force, as plain data, so that two proxies can be compared. Left out is what counts and remembers. */
export function inForce({ proxy, client }: Subject) {
  const current = (cluster: Cluster | null | undefined) =>
    cluster && { name: cluster.name, current: proxy.clusters.get(cluster.name) === cluster && !cluster.removed }
  const route = (one: CompiledRoute) => ({
    ...pick(one, [
      'name',
      'action',
      'filtered',
      'straight',
      'editsReplies',
      'timeoutMs',
      'quietMs',
      'idleTimeoutMs',
      'priority',
    ]),
    ...pick(one, ['mode', 'reply', 'retries', 'requestEdits', 'responseEdits']),
    cluster: current(one.cluster),
    destinations: one.destinations.map(({ name, cluster, edits }) => ({ name, edits, cluster: current(cluster) })),
    mirrors: one.mirrors.map(({ name, cluster }) => ({ name, cluster: current(cluster) })),
    limiters: one.limiters.map(({ config }) => config),
    hashes: one.hasher !== undefined,
    shown: [...proxy.states.values()].includes(one.state),
  })
  const table = (one: CompiledTable | undefined) =>
    one && {
      source: one.source,
      codec: one.codec.name,
      routes: one.routes.map(route),
      limiters: one.limiters.map(({ config }) => config),
    }
  const listener = (one: ListenerRuntime) => ({
    ...pick(one, ['name', 'mode', 'draining', 'requestTimeoutMs', 'idleTimeoutMs', 'frameTimeoutMs']),
    ...pick(one, ['maxConnections', 'maxRequestsPerConnection', 'bufferLimit', 'hardLimit']),
    // Every proxy has sockets of its own.
    config: { ...one.config, address: undefined },
    codec: { name: one.codec.name, modes: one.codec.modes, fields: one.codec.fields.map(({ name }) => name) },
    logs: one.accessLog?.errors,
    table: table(one.table),
  })
  const cluster = (one: Cluster) => ({
    ...pick(one, ['name', 'statName', 'config', 'perHost', 'minPerHost', 'maxRequestsPerConnection', 'removed']),
    detects: one.outlier?.config,
    breakers: one.breakers.map((breaker) =>
      pick(breaker, ['maxConnections', 'maxPending', 'maxRequests', 'maxRetries', 'maxPendingBytes', 'requests']),
    ),
    hosts: one.hosts.map((host) => pick(host, ['key', 'weight', 'priority', 'locality', 'removed', 'config'])),
  })
  return {
    listeners: byName(proxy.listeners.map(listener)),
    clusters: byName([...proxy.clusters.values()].map(cluster)),
    states: [...proxy.states.keys()].sort(),
    problems: proxy.problems.map(({ kind, name, message }) => `${kind} ${name}: ${message}`).sort(),
    refused: client.status().refused,
  }
}

const byName = <T extends { readonly name: string }>(list: readonly T[]) =>
  [...list].sort((a, b) => (a.name < b.name ? -1 : 1))

function pick<T, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>
}
