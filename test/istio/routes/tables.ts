import { isDeepStrictEqual } from 'node:util'
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { virtualHostFor } from '../../../controlplane/xds/routes/authority.ts'
import type { Difference } from '../area.ts'
import type { Answered, Asker } from '../question.ts'
import { managerOf } from './bed.ts'
import type { RouteQuestion } from './draw.ts'

interface VirtualHost {
  readonly name: string
  readonly domains: readonly string[]
  readonly routes?: readonly JsonObject[]
}

/**
 * What differs between the tables of both sides, host by host: what requests do not show, since chance, time or a fault of the upstream
 * would have to show it.
 */
export function tableDifferences({ question, istio, ours }: Answered<RouteQuestion>): readonly Difference[] {
  return question.proxies.flatMap((asker, index) => {
    const clusters = new Set(istio.proxies[index]!.clusters.map(({ name }) => String(name)))
    return istio.proxies[index]!.routes.flatMap((table) => {
      const port = Number(/^(?:http\.)?(\d+)$/.exec(String(table['name']))?.[1])
      const manager = port > 0 ? managerOf(ours.proxies[index]!, asker, port) : undefined
      if (!manager) return []
      const own = (manager['routeConfig'] as JsonObject)['virtualHosts'] as unknown as readonly VirtualHost[]
      const onePort = (manager['routeConfig'] as JsonObject)['ignorePortInHostMatching'] === true
      return ((table['virtualHosts'] ?? []) as unknown as readonly VirtualHost[]).flatMap((theirs) => {
        const [domain = '*'] = theirs.domains
        if (domain === '*' || domain.includes('/')) return []
        const mine = virtualHostFor(own, onePort ? domain.replace(/^\*/, 'w') : `${domain.replace(/^\*/, 'w')}:${port}`)
        // That another host serves it, requests show.
        if (!mine || (asker.type === 'sidecar' && mine.name !== theirs.name)) return []
        return hostDifferences(question.id, asker, clusters, theirs, mine)
      })
    })
  })
}

/** Copies to clusters that do not exist are not sent. */
function withMirrors(route: JsonObject, clusters: ReadonlySet<string>): JsonObject {
  const action = route['route']
  if (!isObject(action)) return route
  const { requestMirrorPolicies: all = [], ...rest } = action
  const policies = (all as JsonObject[]).filter(({ cluster }) => clusters.has(String(cluster)))
  return { ...route, route: { ...rest, ...(policies.length > 0 && { requestMirrorPolicies: policies }) } }
}

function hostDifferences(
  id: string,
  { type }: Asker,
  clusters: ReadonlySet<string>,
  theirs: VirtualHost,
  mine: VirtualHost,
): readonly Difference[] {
  const routesOf = ({ routes = [] }: VirtualHost) =>
    withoutRepeated(routes.map((route) => plainRoute(withMirrors(route, clusters))))
  const [a, b] = [routesOf(theirs), routesOf(mine)]
  // A destination that does not exist is an answer of ours (docs/decisions/missing-destinations.md), hosts nobody declared are requests.
  const leadsNowhere = a.some((route) => nowhere(route as JsonObject, clusters))
  if (leadsNowhere || JSON.stringify(b).includes('"meshgate: ') || /^(allow_any|block_all)$/.test(mine.name)) return []
  const found: string[] = []
  compare(a, b, '', found)
  return found.map((line) => ({ id, kind: `${type} table ${line}`, text: `${theirs.name} (ours ${mine.name})` }))
}

/** Istio says the routes of a rule again for each server of a gateway that it is for. */
function withoutRepeated(routes: readonly JsonValue[]): JsonValue[] {
  return routes.filter((route, at) => routes.findIndex((other) => isDeepStrictEqual(other, route)) === at)
}

/** Whether a plain route leads to a cluster that does not exist. */
function nowhere(route: JsonObject, clusters: ReadonlySet<string>): boolean {
  const action = route['route']
  if (!isObject(action)) return false
  const many = action['weightedClusters']
  const names = Array.isArray(many) ? many.map((one) => (one as JsonObject)['name']) : [action['cluster']]
  return names.some((name) => !clusters.has(String(name)))
}

function compare(a: JsonValue | undefined, b: JsonValue | undefined, path: string, found: string[]): void {
  if (isDeepStrictEqual(a, b)) return
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) {
    for (const [index, item] of a.entries()) compare(item, b[index], `${path}[]`, found)
    return
  }
  if (isObject(a) && isObject(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) compare(a[key], b[key], `${path}.${key}`, found)
    return
  }
  found.push(`${path}: Istio ${JSON.stringify(a)?.slice(0, 160)}, ours ${JSON.stringify(b)?.slice(0, 160)}`)
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Names for logs and statistics, deadlines of gRPC, which we say by another field (timeout.ts), and gRPC-Web, which Istio says of the listener
 * (docs/istio.md).
 */
const ASIDE = new Set([
  ...['metadata', 'decorator', 'statPrefix', 'maxGrpcTimeout', 'maxStreamDuration', 'runtimeKey'],
  'envoy.filters.http.grpc_web',
])

/** A route in a form that does not depend on how the same is written. */
function plainRoute({ name: _, ...route }: JsonObject): JsonValue {
  const plain = plainer(route) as JsonObject
  const action = plain['route']
  if (!isObject(action) || !isObject(action['weightedClusters'])) return plain
  const all = action['weightedClusters']['clusters'] as JsonObject[]
  const clusters = all.filter(({ weight }) => weight !== undefined)
  const [only, second] = clusters
  const { weightedClusters: _all, ...rest } = action
  if (!only || second) return { ...plain, route: { ...rest, weightedClusters: clusters } }
  const { name = '', weight: _weight, ...changes } = only
  const { hostRewriteLiteral, ...headers } = changes
  const merged = Object.entries(headers).map(([key, value]) => [
    key,
    [...((plain[key] ?? []) as JsonValue[]), ...(value as JsonValue[])],
  ])
  const rewritten = hostRewriteLiteral === undefined ? {} : { hostRewriteLiteral }
  return { ...plain, ...Object.fromEntries(merged), route: { ...rest, ...rewritten, cluster: name } }
}

function plainer(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(plainer)
  if (!isObject(value)) return value
  if ('numerator' in value || 'denominator' in value) return share(value)
  const entries = Object.entries(value)
    .filter(([key]) => !ASIDE.has(key))
    .map(([key, item]) => [key, plainer(SORTED.has(key) ? byName(item as JsonObject[]) : item)] as const)
    // A list with a code and nothing else Istio begins with a comma.
    .map(([key, item]) => [key, key === 'retryOn' ? String(item).replace(/^,/, '') : item] as const)
    .filter(([key, item]) => !isDefault(key, item))
  return Object.fromEntries(entries)
}

/** Lists whose order means nothing. */
const SORTED = new Set(['queryParameters', 'dynamicMetadata'])

function byName(list: readonly JsonObject[]): JsonObject[] {
  return [...list].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

function isDefault(key: string, value: JsonValue): boolean {
  if (key === 'caseSensitive') return value === true
  if (key === 'percentage') return value === 0 || isDeepStrictEqual(value, {})
  if (key === 'typedPerFilterConfig') return isDeepStrictEqual(value, {})
  return value === false || value === '' || value === 0 || (Array.isArray(value) && value.length === 0)
}

function share({ numerator = 0, denominator }: JsonObject): number {
  const whole = denominator === 'MILLION' ? 1_000_000 : denominator === 'TEN_THOUSAND' ? 10_000 : 100
  return Number(numerator) / whole
}
