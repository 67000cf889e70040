import type { DestinationRuleSpec, Subset } from '../../config/kinds/destination-rule.ts'
import type { ConsistentHash } from '../../config/kinds/policy/load-balancer.ts'
import type { PortTrafficPolicy, TrafficPolicy } from '../../config/kinds/policy/traffic-policy.ts'
import type { ConfigObject, Origin } from '../../config/object.ts'
import type { Scope } from '../../model/scope.ts'
import type { Service, ServicePort } from '../../model/service.ts'

type DestinationRule = ConfigObject<DestinationRuleSpec>
/** Who knows which rules a service has. */
type HoldsRules = Pick<Scope, 'destinationRules'>

/** A part of a policy and the place in a document that decided it. */
export interface Decided<T> {
  readonly value: T
  readonly origin: Origin
}

/** The parts of a traffic policy that hold for one port; `portLevelSettings` is resolved already. */
type Parts = {
  readonly [Part in Exclude<keyof TrafficPolicy, 'portLevelSettings'>]-?: NonNullable<TrafficPolicy[Part]>
}

/**
 * What DestinationRules say about one cluster, part by part. A part is taken whole: parts are the unit of merging
 * (https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy).
 */
export type EffectivePolicy = { readonly [Part in keyof Parts]?: Decided<Parts[Part]> }

/** A subset a DestinationRule declares. */
export interface ServiceSubset {
  readonly name: string
  /** Labels an endpoint must have; empty selects all. */
  readonly labels: Readonly<Record<string, string>>
  readonly origin: Origin
}

/** Parts a port's settings have; the others can only be set for all ports. */
const PORT_PARTS = ['connectionPool', 'outlierDetection', 'loadBalancer', 'tls'] as const
const PARTS = [...PORT_PARTS, 'tunnel', 'proxyProtocol', 'retryBudget'] as const

/**
 * The traffic policy of a port, for a subset when one is named. By Istio's rules:
 * the first rule with a policy gives it; settings of the port replace the policy around them, what they leave out is
 * at its default; a subset's policy wins part by part, and a subset's settings of the port replace all parts a port has.
 */
export function effectivePolicy(scope: HoldsRules, service: Service, port: ServicePort, subset = ''): EffectivePolicy {
  const rules = scope.destinationRules(service)
  const general = rules.find((rule) => rule.spec.trafficPolicy)
  const policy = general
    ? policyOfPort(general, ['spec', 'trafficPolicy'], general.spec.trafficPolicy!, port.number).policy
    : {}
  const declared = subset ? findSubset(rules, subset) : undefined
  if (!declared?.subset.trafficPolicy) return policy
  const path = ['spec', 'subsets', declared.index, 'trafficPolicy']
  const own = policyOfPort(declared.rule, path, declared.subset.trafficPolicy, port.number)
  if (!own.ofPort) return { ...policy, ...own.policy }
  const inherited = Object.entries(policy).filter(([part]) => !isPortPart(part))
  return { ...Object.fromEntries(inherited), ...own.policy }
}

/** Subsets of a service, of all its rules; where a name is declared twice the first one counts. */
export function subsetsOf(scope: Scope, service: Service): readonly ServiceSubset[] {
  const subsets = new Map<string, ServiceSubset>()
  for (const rule of scope.destinationRules(service))
    for (const [index, { name, labels }] of (rule.spec.subsets ?? []).entries())
      if (!subsets.has(name))
        subsets.set(name, { name, labels: labels ?? {}, origin: { object: rule, path: ['spec', 'subsets', index] } })
  return [...subsets.values()]
}

/** The consistent hash of a cluster: routes to it must carry a hash policy, or Envoy picks endpoints at random. */
export function consistentHashOf(
  scope: HoldsRules,
  service: Service,
  port: ServicePort,
  subset = '',
): Decided<ConsistentHash> | undefined {
  const { loadBalancer } = effectivePolicy(scope, service, port, subset)
  const hash = loadBalancer?.value.consistentHash
  if (!loadBalancer || !hash) return undefined
  const { object, path } = loadBalancer.origin
  return { value: hash, origin: { object, path: [...path, 'consistentHash'] } }
}

function findSubset(
  rules: readonly DestinationRule[],
  name: string,
): { readonly rule: DestinationRule; readonly index: number; readonly subset: Subset } | undefined {
  for (const rule of rules) {
    const index = (rule.spec.subsets ?? []).findIndex((subset) => subset.name === name)
    if (index >= 0) return { rule, index, subset: rule.spec.subsets![index]! }
  }
  return undefined
}

function policyOfPort(
  object: DestinationRule,
  path: Origin['path'],
  policy: TrafficPolicy,
  port: number,
): { readonly policy: EffectivePolicy; readonly ofPort: boolean } {
  const index = (policy.portLevelSettings ?? []).findIndex((settings) => settings.port?.number === port)
  if (index < 0) return { policy: decide(object, path, policy, PARTS), ofPort: false }
  const settings = policy.portLevelSettings![index]!
  return { policy: decide(object, [...path, 'portLevelSettings', index], settings, PORT_PARTS), ofPort: true }
}

function decide(
  object: DestinationRule,
  path: Origin['path'],
  policy: TrafficPolicy | PortTrafficPolicy,
  parts: readonly (keyof Parts)[],
): EffectivePolicy {
  const values = policy as Partial<Parts>
  return Object.fromEntries(
    parts
      .filter((part) => values[part] !== undefined)
      .map((part) => [part, { value: values[part], origin: { object, path: [...path, part] } }]),
  )
}

function isPortPart(part: string): boolean {
  return (PORT_PARTS as readonly string[]).includes(part)
}
