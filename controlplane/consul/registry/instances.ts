import { type DiscoveredEndpoint, type EndpointHealth, type Locality, parseLocality } from '../../model/index.ts'

/**
 * The instances in an answer of `/v1/health/service/:name`, in order of their ids.
 *
 * Labels are the instance's meta, and its tags: `canary` is `canary: "true"`, `version=v2` is `version: v2`; a tag like `v2` is the
 * version where nothing else says it. Meta `locality` (`region/zone/subzone`), or `region`, `zone` and `subzone` (of the instance,
 * else of its node), is the locality; `weight`, else Consul's weight for the present state, is the weight; `port-<name>` is the
 * port for the service port of that name.
 * https://developer.hashicorp.com/consul/api-docs/health#list-service-instances-for-service
 * @throws Error when the answer is no such list
 */
export function readInstances(value: unknown): readonly DiscoveredEndpoint[] {
  if (!Array.isArray(value)) throw new Error('an answer about instances that is no list')
  const instances = value.map(readInstance)
  return instances.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

/** The same list with objects of `before` wherever content is equal, so that nothing that depends on them is computed again. */
export function keepEqual(
  before: readonly DiscoveredEndpoint[],
  now: readonly DiscoveredEndpoint[],
): readonly DiscoveredEndpoint[] {
  const known = new Map(before.map((instance) => [instance.id, instance]))
  return now.map((instance) => {
    const old = known.get(instance.id)
    return old && JSON.stringify(old) === JSON.stringify(instance) ? old : instance
  })
}

function readInstance(entry: unknown): DiscoveredEndpoint {
  const { Node: node, Service: service, Checks: checks } = object(entry)
  const { Address: nodeAddress, Node: nodeName, Meta: nodeMeta } = object(node)
  const { ID: id, Address: address, Port: port, Tags: tags, Meta: meta, Weights: weights } = object(service)
  const labels = labelsOf(strings(meta), Array.isArray(tags) ? tags.map(String) : [])
  const states = Array.isArray(checks) ? checks.map(checkState) : []
  const { Passing = 1, Warning = 1 } = object(weights ?? {})
  const weight = Number(labels['weight'] ?? (states.includes('warning') ? Warning : Passing))
  return {
    id: `${text(nodeName)}/${text(id)}`,
    address: text(address) || text(nodeAddress),
    port: Number(port ?? 0),
    ports: portsOf(labels),
    labels,
    locality: localityOf(labels, strings(nodeMeta)),
    weight: Number.isFinite(weight) ? Math.min(Math.max(Math.round(weight), 1), 0xffff_ffff) : 1,
    health: healthOf(states),
  }
}

type CheckState = 'passing' | 'warning' | 'critical' | 'maintenance'

function checkState(check: unknown): CheckState {
  const { CheckID: id, Status: status } = object(check)
  if (/^_(service|node)_maintenance/.test(text(id))) return 'maintenance'
  return status === 'critical' ? 'critical' : status === 'warning' ? 'warning' : 'passing'
}

/** Maintenance is a wish to leave, not a failure: what is under way may end. A warning still serves. */
function healthOf(states: readonly CheckState[]): EndpointHealth {
  if (states.includes('maintenance')) return 'draining'
  return states.includes('critical') ? 'unhealthy' : 'healthy'
}

function labelsOf(meta: Readonly<Record<string, string>>, tags: readonly string[]): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {}
  for (const tag of tags) {
    const cut = tag.indexOf('=')
    if (cut > 0) labels[tag.slice(0, cut)] = tag.slice(cut + 1)
    else if (tag !== '') labels[tag] = 'true'
  }
  Object.assign(labels, meta)
  const version = tags.find((tag) => /^v\d[\w.-]*$/.test(tag))
  if (version && labels['version'] === undefined) labels['version'] = version
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function localityOf(labels: Readonly<Record<string, string>>, node: Readonly<Record<string, string>>): Locality {
  const whole = labels['locality'] ?? node['locality']
  if (whole !== undefined) return parseLocality(whole)
  const part = (name: string) => labels[name] ?? node[name] ?? ''
  return parseLocality([part('region'), part('zone'), part('subzone')].join('/'))
}

function portsOf(labels: Readonly<Record<string, string>>): Readonly<Record<string, number>> {
  const ports: Record<string, number> = {}
  for (const [name, value] of Object.entries(labels)) {
    const port = Number(value)
    if (name.startsWith('port-') && Number.isInteger(port) && port > 0 && port < 65_536) ports[name.slice(5)] = port
  }
  return ports
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error('an answer about instances without an object')
  return value as Readonly<Record<string, unknown>>
}

function strings(value: unknown): Readonly<Record<string, string>> {
  if (value === null || value === undefined) return {}
  return Object.fromEntries(Object.entries(object(value)).map(([name, one]) => [name, String(one)]))
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
