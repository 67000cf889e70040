import type { ConfigObject } from '../../config/object.ts'
import type { Path } from '../../diagnostics/diagnostic.ts'
import { expandShortName } from '../../model/hosts.ts'
import { expiryOf } from '../changes/expiry.ts'

export const POLICY_TOPICS = [
  'split',
  'circuitBreaking',
  'fault',
  'timeoutRetry',
  'mirror',
  'loadBalancing',
  'messageRoutes',
] as const
export type PolicyTopic = (typeof POLICY_TOPICS)[number]

export interface PolicyValue {
  /** A field of Istio's API, or a destination. */
  readonly name: string
  readonly value: string
}

/** One thing one rule does to services. */
export interface Policy {
  readonly topic: PolicyTopic
  readonly object: ConfigObject
  readonly path: Path
  /** Full names of the services it is for. */
  readonly services: readonly string[]
  /** The condition it stands under, as it is written in short; empty when it is for every request. */
  readonly match: string
  readonly values: readonly PolicyValue[]
  /** When it ends by itself, ms since 1970. */
  readonly expiresAt: number | undefined
}

type Map = Readonly<Record<string, unknown>>

/** Every policy of the objects, in their order. */
export function policiesOf(objects: ReadonlyMap<string, ConfigObject>, domain: string): readonly Policy[] {
  return [...objects.values()].flatMap((object) => READERS[object.kind]?.(object, domain) ?? [])
}

type Reader = (object: ConfigObject, domain: string) => readonly Policy[]

const READERS: Readonly<Record<string, Reader>> = {
  VirtualService: virtualService,
  DestinationRule: destinationRule,
  MsgRouter: messageRouter,
  MetaRouter: messageRouter,
}

/** Services a rule is for: the hosts it names, or what it leads to where it names only hosts from outside. */
export function servicesOf({ spec, namespace }: ConfigObject, domain: string): readonly string[] {
  const { hosts, gateways, http, tcp, tls } = map(spec)
  const full = (host: string) => expandShortName(host, namespace, domain)
  const outside = list(gateways).some((one) => one !== 'mesh')
  const targets = [...list(http), ...list(tcp), ...list(tls)].flatMap((rule) => destinations(rule))
  const named = list(hosts).map(String)
  return [...new Set((outside ? [...named, ...targets] : named).filter((host) => host !== '*').map(full))]
}

/** Hosts a rule sends requests to. */
export function destinations(rule: unknown): readonly string[] {
  return list(map(rule)['route']).flatMap((one) => text(map(map(one)['destination'])['host']) ?? [])
}

/** Those that may end by themselves. */
const ENDING: ReadonlySet<PolicyTopic> = new Set(['fault', 'mirror'])

/** Makes the policies of one place: what stands in a field of it; none where that says nothing. */
function policyMaker({ path, ...common }: Pick<Policy, 'object' | 'path' | 'services' | 'match'>) {
  return (topic: PolicyTopic, field: string, values: readonly PolicyValue[]): readonly Policy[] => {
    if (values.length === 0) return []
    const expiresAt = ENDING.has(topic) ? expiryOf(common.object) : undefined
    return [{ ...common, topic, path: [...path, field], values, expiresAt }]
  }
}

function virtualService(object: ConfigObject, domain: string): readonly Policy[] {
  const services = servicesOf(object, domain)
  return list(map(object.spec)['http']).flatMap((value, index) => {
    const rule = map(value)
    const path = ['spec', 'http', index]
    const match = matchText(rule['match'])
    const make = policyMaker({ object, path, services, match })
    const mirrors = [rule['mirror'], ...list(rule['mirrors']).map((one) => map(one)['destination'])]
    return [
      ...make('split', 'route', splitValues(rule['route'])),
      ...make('fault', 'fault', flat(rule['fault'])),
      ...make('timeoutRetry', 'timeout' in rule ? 'timeout' : 'retries', [
        ...flat(rule['timeout'], 'timeout'),
        ...flat(rule['retries']),
      ]),
      ...make(
        'mirror',
        rule['mirror'] === undefined ? 'mirrors' : 'mirror',
        [
          ...mirrors
            .filter((one) => one !== undefined)
            .map((one) => ({ name: 'destination', value: destinationText(one) })),
          ...flat(rule['mirrorPercentage'], 'mirrorPercentage'),
        ].filter(({ value }) => value !== ''),
      ),
    ]
  })
}

function destinationRule(object: ConfigObject, domain: string): readonly Policy[] {
  const { host, trafficPolicy, subsets } = map(object.spec)
  const services = typeof host === 'string' ? [expandShortName(host, object.namespace, domain)] : []
  const read = (policy: unknown, path: Path, match: string): readonly Policy[] => {
    const { connectionPool, outlierDetection, loadBalancer } = map(policy)
    const make = policyMaker({ object, path, services, match })
    return [
      ...make('circuitBreaking', connectionPool === undefined ? 'outlierDetection' : 'connectionPool', [
        ...flat(connectionPool),
        ...flat(outlierDetection),
      ]),
      ...make('loadBalancing', 'loadBalancer', flat(loadBalancer)),
    ]
  }
  return [
    ...read(trafficPolicy, ['spec', 'trafficPolicy'], ''),
    ...list(map(trafficPolicy)['portLevelSettings']).flatMap((one, index) =>
      read(
        one,
        ['spec', 'trafficPolicy', 'portLevelSettings', index],
        `port ${String(map(map(one)['port'])['number'] ?? '')}`,
      ),
    ),
    ...list(subsets).flatMap((one, index) =>
      read(
        map(one)['trafficPolicy'],
        ['spec', 'subsets', index, 'trafficPolicy'],
        `subset ${String(map(one)['name'] ?? '')}`,
      ),
    ),
  ]
}

/** MsgRouter in both its forms, and MetaRouter. */
function messageRouter(object: ConfigObject, domain: string): readonly Policy[] {
  const spec = map(object.spec)
  const rules = Array.isArray(spec['routes']) ? spec['routes'] : [spec]
  const root: Path = Array.isArray(spec['routes']) ? ['spec', 'routes'] : ['spec']
  const full = (host: string) => expandShortName(host, object.namespace, domain)
  return rules.flatMap((value: unknown, index: number) => {
    const rule = map(value)
    const path = Array.isArray(spec['routes']) ? [...root, index] : root
    const direct = text(rule['svrName'])
    const targets = [...(direct ? [direct] : []), ...destinations(rule), ...list(spec['hosts']).map(String)]
    const services = [...new Set(targets.map(full))]
    const match = [
      ...flat(rule['msgid'], 'msgid').map((one) => `${one.name} ${one.value}`),
      matchText(rule['match'] === undefined ? [] : [rule['match']].flat()),
    ]
      .filter(Boolean)
      .join(', ')
    const make = policyMaker({ object, path, services, match })
    const to = direct
      ? [{ name: destinationText({ host: direct, subset: rule['subset'] }), value: '100' }]
      : list(rule['route']).map((one) => ({
          name: destinationText(map(one)['destination']),
          value: String(map(one)['weight'] ?? 100),
        }))
    return [
      ...make('messageRoutes', direct ? 'svrName' : 'route', to),
      ...make('fault', 'fault', flat(rule['fault'])),
      ...make('timeoutRetry', 'timeout' in rule ? 'timeout' : 'retries', [
        ...flat(rule['timeout'], 'timeout'),
        ...flat(rule['retries']),
      ]),
      ...make(
        'mirror',
        'mirror',
        rule['mirror'] === undefined ? [] : [{ name: 'destination', value: destinationText(rule['mirror']) }],
      ),
    ]
  })
}

/** Destinations with their shares; one alone is no split. */
function splitValues(route: unknown): readonly PolicyValue[] {
  const parts = list(route)
  if (parts.length < 2) return []
  return parts.map((one) => ({
    name: destinationText(map(one)['destination']),
    value: String(map(one)['weight'] ?? 0),
  }))
}

function destinationText(value: unknown): string {
  const { host, subset } = map(value)
  return [text(host), text(subset)].filter(Boolean).join(' ')
}

const MOST_VALUES = 40

/** Leaves of a value with their paths: `http.maxRetries` 3. */
function flat(value: unknown, name = ''): readonly PolicyValue[] {
  if (value === undefined || value === null) return []
  if (Array.isArray(value))
    return [
      { name, value: value.map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one))).join(', ') },
    ]
  if (typeof value !== 'object') return [{ name, value: String(value) }]
  const entries = Object.entries(value)
  if (entries.length === 0) return [{ name, value: '{}' }]
  return entries.flatMap(([key, inner]) => flat(inner, name ? `${name}.${key}` : key)).slice(0, MOST_VALUES)
}

const LONGEST_MATCH = 240

/** A condition in short: `uri.prefix /v2, headers.x-user.exact ann`; alternatives with "or". */
function matchText(match: unknown): string {
  const all = list(match)
    .map((one) =>
      flat(one)
        .map(({ name, value }) => `${name} ${value}`)
        .join(', '),
    )
    .filter(Boolean)
    .join(' or ')
  return all.length > LONGEST_MATCH ? `${all.slice(0, LONGEST_MATCH)}…` : all
}

function map(value: unknown): Map {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Map) : {}
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
