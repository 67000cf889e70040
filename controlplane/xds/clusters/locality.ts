import type { LocalityLbSetting } from '../../config/kinds/policy/locality.ts'
import { push } from '../../config/push.ts'
import { LOCALITY_LABELS, NETWORK_LABEL } from '../../config/syntax/place-labels.ts'
import { own } from '../../model/own.ts'
import type { ProxyClass } from '../../model/proxy-class.ts'
import type { Scope } from '../../model/scope.ts'
import type { Endpoint, Locality } from '../../model/service.ts'
import type { EffectivePolicy } from './policy.ts'

/** Endpoints that get traffic together: one locality at one priority. */
export interface LocalityGroup {
  readonly locality: Locality
  readonly endpoints: readonly Endpoint[]
  /** From 0 up without gaps; lower is preferred. */
  readonly priority: number
  /** Share among the groups of a priority, at least 1. */
  readonly weight: number
}

/** The locality setting in force for a cluster: its policy's, else the mesh's; undefined when it is turned off. */
export function localitySetting(scope: Scope, policy: EffectivePolicy): LocalityLbSetting | undefined {
  const setting = policy.loadBalancer?.value.localityLbSetting ?? scope.settings().localityLbSetting ?? {}
  return setting.enabled === false ? undefined : setting
}

/**
 * Whether Envoy must first pick a locality by weight. Only where the setting speaks of weights or failover: elsewhere it would
 * override what the load balancer knows (https://istio.io/latest/docs/tasks/traffic-management/locality-load-balancing/).
 */
export function weighsLocalities(setting: LocalityLbSetting | undefined, policy: EffectivePolicy): boolean {
  if (!setting) return false
  if (setting.distribute?.length) return true
  return Boolean(policy.outlierDetection && (setting.failover?.length || setting.failoverPriority?.length))
}

/**
 * Groups of endpoints as one proxy class should prefer them. `distribute` sets weights by the class's locality; otherwise, with
 * outlier detection (without it Envoy never learns that it should fail over), priorities follow labels and localities.
 */
export function arrangeByLocality(
  endpoints: readonly Endpoint[],
  setting: LocalityLbSetting | undefined,
  proxy: Pick<ProxyClass, 'locality' | 'labels'>,
  failover: boolean,
): readonly LocalityGroup[] {
  const groups = groupByLocality(endpoints)
  if (!setting) return groups
  const here = proxy.locality ?? NOWHERE
  if (setting.distribute?.length) return distribute(groups, setting.distribute, here)
  if (!failover) return groups
  const byLabels = setting.failoverPriority?.length
  const ranked = byLabels ? rankByLabels(groups, setting.failoverPriority!, proxy) : groups
  if (byLabels && !setting.failover?.length) return withoutGaps(ranked)
  return withoutGaps(rankByLocality(ranked, setting.failover ?? [], here))
}

/** Where a proxy is that does not say it: with endpoints that do not say it either, as in Istio. */
const NOWHERE: Locality = { region: '', zone: '', subZone: '' }

/** One group for each locality, in order of its name; the weight is that of its endpoints together. */
function groupByLocality(endpoints: readonly Endpoint[]): readonly LocalityGroup[] {
  const groups = new Map<string, Endpoint[]>()
  for (const endpoint of endpoints) {
    const key = localityText(endpoint.locality)
    push(groups, key, endpoint)
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, members]) => ({
      locality: members[0]!.locality,
      endpoints: members,
      priority: 0,
      weight: totalWeight(members),
    }))
}

/** Weights from the first entry for this locality; localities it does not name get nothing. */
function distribute(
  groups: readonly LocalityGroup[],
  entries: NonNullable<LocalityLbSetting['distribute']>,
  locality: Locality,
): readonly LocalityGroup[] {
  const shares = entries.find((entry) => localityMatches(locality, entry.from ?? ''))?.to
  if (!shares) return groups
  const assigned = new Map<LocalityGroup, number>()
  for (const [destination, share] of Object.entries(shares)) {
    const members = groups.filter((group) => !assigned.has(group) && localityMatches(group.locality, destination))
    const total = members.reduce((sum, group) => sum + group.weight, 0)
    for (const group of members) assigned.set(group, Math.ceil((group.weight * share) / total))
  }
  return groups
    .filter((group) => (assigned.get(group) ?? 0) > 0)
    .map((group) => ({ ...group, weight: assigned.get(group)! }))
}

/**
 * Splits groups by how many of the labels, in their order, an endpoint shares with the proxy: all of them is priority 0. When the
 * first label is the network, endpoints of other networks come after all of the own one.
 */
function rankByLabels(
  groups: readonly LocalityGroup[],
  labels: readonly string[],
  proxy: Pick<ProxyClass, 'locality' | 'labels'>,
): readonly LocalityGroup[] {
  const wanted = labels.map((entry) => {
    const [name = '', value] = entry.split('=', 2)
    return { name, value: value ?? labelOf(proxy, name) }
  })
  const rank = (endpoint: Endpoint): number => {
    let otherNetwork = 0
    for (const [index, { name, value }] of wanted.entries()) {
      if (value === labelOf(endpoint, name)) continue
      if (index === 0 && name === NETWORK_LABEL) otherNetwork = wanted.length
      else return otherNetwork + wanted.length - index
    }
    return otherNetwork
  }
  return groups.flatMap((group) => {
    const byRank = new Map<number, Endpoint[]>()
    for (const endpoint of group.endpoints) {
      const priority = rank(endpoint)
      push(byRank, priority, endpoint)
    }
    return [...byRank]
      .sort(([a], [b]) => a - b)
      .map(([priority, endpoints]) => ({ ...group, endpoints, priority, weight: totalWeight(endpoints) }))
  })
}

/** How many ranks {@link nearness} knows. */
const RANKS = 5

function rankByLocality(
  groups: readonly LocalityGroup[],
  failover: NonNullable<LocalityLbSetting['failover']>,
  locality: Locality,
): readonly LocalityGroup[] {
  const target = failover.find((entry) => entry.from === locality.region)?.to
  return groups.map((group) => ({
    ...group,
    priority: group.priority * RANKS + nearness(group.locality, locality, target),
  }))
}

/** 0 same sub-zone, 1 same zone, 2 same region, 3 another region (the one to fail over to), 4 one that is not. */
function nearness(a: Locality, b: Locality, failoverRegion: string | undefined): number {
  if (a.region !== b.region) return failoverRegion !== undefined && a.region !== failoverRegion ? 4 : 3
  if (a.zone !== b.zone) return 2
  return a.subZone === b.subZone ? 0 : 1
}

/** Priorities 0, 1, 2 …: Envoy and gRPC refuse gaps. Groups come in order of priority, then locality. */
function withoutGaps(groups: readonly LocalityGroup[]): readonly LocalityGroup[] {
  const used = [...new Set(groups.map((group) => group.priority))].sort((a, b) => a - b)
  const position = new Map(used.map((priority, index) => [priority, index]))
  return groups
    .map((group) => ({ ...group, priority: position.get(group.priority)! }))
    .sort((a, b) => a.priority - b.priority)
}

/** A label; those of a place everything with a locality has without writing them. */
function labelOf(
  holder: { readonly labels: Readonly<Record<string, string>>; readonly locality: Locality | undefined },
  name: string,
): string {
  const part = PARTS[(LOCALITY_LABELS as readonly string[]).indexOf(name)]
  return (part && holder.locality?.[part]) || (own(holder.labels, name) ?? '')
}

const PARTS: readonly (keyof Locality)[] = ['region', 'zone', 'subZone']

/** Whether a locality is within `region/zone/subzone`, where later parts and `*` are any. */
function localityMatches(locality: Locality, rule: string): boolean {
  const [region = '', zone = '', subZone = ''] = rule.split('/')
  const fits = (wanted: string, given: string) => wanted === '*' || wanted === given
  return (
    fits(region, locality.region) &&
    (zone === '' || fits(zone, locality.zone)) &&
    (subZone === '' || fits(subZone, locality.subZone))
  )
}

function localityText({ region, zone, subZone }: Locality): string {
  return `${region}/${zone}/${subZone}`
}

function totalWeight(endpoints: readonly Endpoint[]): number {
  return endpoints.reduce((sum, endpoint) => sum + endpoint.weight, 0)
}
