import type { Path } from '../../diagnostics/diagnostic.ts'
import type { TrafficPolicy } from '../kinds/policy/traffic-policy.ts'
import { rulesOf } from '../msg-router-rules.ts'
import { push } from '../push.ts'
import { isWildcard } from '../syntax/host.ts'
import { protocolClass } from '../syntax/protocol.ts'
import { type Check, type Complain, each, type Of, place, selects, type World } from './world.ts'

/** Rules that claim the same host in the same namespace for the same callers. */
export const checkDestinationRuleConflicts: Check = (world, complain) => {
  const owners = new Map<string, Of<'DestinationRule'>[]>()
  for (const rule of world.of('DestinationRule')) {
    const selector = JSON.stringify(Object.entries(rule.spec.workloadSelector?.matchLabels ?? {}).sort())
    const key = `${rule.namespace} ${world.resolve(rule.spec.host, rule.namespace)} ${selector}`
    const [first] = owners.get(key) ?? []
    if (first) {
      const message = `${rule.spec.host} already has a DestinationRule at ${place(first)}: ${outcome(first, rule)}`
      complain(rule, 'DESTINATION_RULE_CONFLICT', ['spec', 'host'], message)
    }
    push(owners, key, rule)
  }
}

/** What becomes of two rules that claim the same. */
function outcome(first: Of<'DestinationRule'>, rule: Of<'DestinationRule'>): string {
  const exportOf = ({ spec }: Of<'DestinationRule'>) => JSON.stringify([...(spec.exportTo ?? [])].sort())
  if (!rule.spec.workloadSelector && exportOf(first) !== exportOf(rule))
    return 'they are exported differently and not merged, callers who may see both get one of them'
  const names = new Set((first.spec.subsets ?? []).map(({ name }) => name))
  const twice = (rule.spec.subsets ?? []).find(({ name }) => names.has(name))
  return `subsets are merged, this trafficPolicy is ignored${twice ? `; subset ${twice.name} is in both` : ''}`
}

/** Hosts of rules exist, and subsets select endpoints. */
export const checkDestinationRuleHosts: Check = (world, complain) => {
  if (!world.hasServices) return
  for (const rule of world.of('DestinationRule')) {
    const host = world.resolve(rule.spec.host, rule.namespace)
    const services = world.servicesWithin(host)
    if (services.length === 0) {
      if (!isWildcard(host) && !world.isUnread(host))
        complain(
          rule,
          'DESTINATION_RULE_HOST_NOT_FOUND',
          ['spec', 'host'],
          world.absentHost(host),
          world.suggestHost(host),
        )
      continue
    }
    const endpoints = services.map((service) => world.endpoints(service))
    const known = endpoints.flatMap((list) => list ?? [])
    // Endpoints that are found at run time may have any label; a service without endpoints has its own warning.
    if (endpoints.includes(undefined) || known.length === 0) continue
    for (const [index, { name, labels = {} }] of (rule.spec.subsets ?? []).entries())
      if (!known.some((workload) => selects(labels, workload.labels)))
        complain(
          rule,
          'SUBSET_EMPTY',
          ['spec', 'subsets', index, 'labels'],
          `subset ${name} selects none of the ${known.length} endpoints of ${host}`,
        )
  }
}

function policiesOf({ spec }: Of<'DestinationRule'>): readonly (readonly [Path, TrafficPolicy])[] {
  const found: (readonly [Path, TrafficPolicy])[] = []
  if (spec.trafficPolicy) found.push([['spec', 'trafficPolicy'], spec.trafficPolicy])
  for (const [index, { trafficPolicy }] of (spec.subsets ?? []).entries())
    if (trafficPolicy) found.push([['spec', 'subsets', index, 'trafficPolicy'], trafficPolicy])
  return found
}

/** TLS to a host whose CA is left to the machine of the proxy, or that needs an identity nobody issues. */
export const checkClientTls: Check = each(['DestinationRule'], (world, complain) => {
  const issued = world.mesh.workloadCertificates !== undefined
  return (rule) => {
    for (const [path, policy] of policiesOf(rule)) {
      const parts = [
        [[...path, 'tls'], policy.tls] as const,
        ...(policy.portLevelSettings ?? []).map(
          ({ tls }, index) => [[...path, 'portLevelSettings', index, 'tls'], tls] as const,
        ),
      ]
      for (const [at, tls] of parts) {
        if (!tls) continue
        if (tls.mode === 'ISTIO_MUTUAL' && !issued && !(tls.clientCertificate && tls.privateKey))
          complain(
            rule,
            'MUTUAL_TLS_NO_IDENTITY',
            [...at, 'mode'],
            'ISTIO_MUTUAL needs workload certificates, and the Mesh document names none',
          )
        const named = tls.caCertificates || tls.credentialName || tls.insecureSkipVerify
        if ((tls.mode === 'SIMPLE' || tls.mode === 'MUTUAL') && !named)
          complain(
            rule,
            'TLS_NO_VERIFICATION',
            at,
            `the certificate of ${rule.spec.host} must be signed by a CA that the machine of the proxy trusts: the rule names none`,
          )
      }
    }
  }
})

/** Consistent hashes without a key, on traffic that has no such key, or overridden by settings of a port. */
export const checkHash: Check = each(['DestinationRule'], (world, complain) => {
  let hashed: ReadonlySet<string> | undefined
  const byMessages = (host: string) => {
    hashed ??= hostsHashedByMessages(world)
    return hashed.has(host)
  }
  return (rule) => {
    for (const [path, policy] of policiesOf(rule)) {
      checkKey(world, rule, path, policy, byMessages, complain)
      const inherited = policy.loadBalancer?.consistentHash ?? rule.spec.trafficPolicy?.loadBalancer?.consistentHash
      for (const [index, { port, loadBalancer }] of (policy.portLevelSettings ?? []).entries())
        if (inherited && !loadBalancer)
          complain(
            rule,
            'HASH_NO_EFFECT',
            [...path, 'portLevelSettings', index],
            `port ${port?.number} does not inherit consistentHash: settings of a port replace those around them`,
            'repeat loadBalancer here',
          )
    }
    for (const [index, { name, trafficPolicy }] of (rule.spec.subsets ?? []).entries())
      if (
        rule.spec.trafficPolicy?.loadBalancer?.consistentHash &&
        trafficPolicy?.loadBalancer &&
        !trafficPolicy.loadBalancer.consistentHash
      )
        complain(
          rule,
          'HASH_NO_EFFECT',
          ['spec', 'subsets', index, 'trafficPolicy', 'loadBalancer'],
          `subset ${name} overrides the consistentHash of the rule`,
        )
  }
})

function checkKey(
  world: World,
  rule: Of<'DestinationRule'>,
  path: Path,
  { loadBalancer }: TrafficPolicy,
  byMessages: (host: string) => boolean,
  complain: Complain,
): void {
  const hash = loadBalancer?.consistentHash
  if (!hash) return
  const at = [...path, 'loadBalancer', 'consistentHash']
  const http = (['httpHeaderName', 'httpCookie', 'httpQueryParameterName'] as const).find((field) => hash[field])
  if (!http) {
    if (!hash.useSourceIp && !byMessages(world.resolve(rule.spec.host, rule.namespace)))
      complain(
        rule,
        'HASH_NO_EFFECT',
        at,
        'nothing says what to hash: endpoints are chosen at random',
        'httpHeaderName, httpCookie or useSourceIp here; for messages, hashKey of the MsgRouter that sends them',
      )
    return
  }
  const ports = world
    .servicesWithin(world.resolve(rule.spec.host, rule.namespace))
    .flatMap(({ object }) => object.spec.ports ?? [])
  // Of messages the router says what is hashed, and this how.
  const messages =
    ports.some(({ name }) => /^tcp-metaprotocol-/i.test(name)) ||
    byMessages(world.resolve(rule.spec.host, rule.namespace))
  if (ports.length > 0 && !messages && ports.every(({ name, protocol }) => classOf(name, protocol) !== 'http'))
    complain(
      rule,
      'HASH_NO_EFFECT',
      [...at, http],
      `${rule.spec.host} has no HTTP port, so there is nothing to hash`,
      'useSourceIp hashes connections; messages of a private protocol are hashed by hashKey of their MsgRouter',
    )
}

/** Hosts that MsgRouters send messages to by a key of their own. */
function hostsHashedByMessages(world: World): ReadonlySet<string> {
  return new Set(
    world.of('MsgRouter').flatMap(({ spec, namespace }) =>
      rulesOf(spec).flatMap(({ rule: { hashKey, svrName, route = [] } }) => {
        if (hashKey === undefined) return []
        const named = [...(svrName === undefined ? [] : [svrName]), ...route.map(({ destination }) => destination.host)]
        return named.map((name) => world.resolve(name, namespace))
      }),
    ),
  )
}

/** The protocol of a port: stated, else by the prefix of its name, else TCP. */
function classOf(name: string, protocol: string | undefined) {
  return protocolClass(protocol || (name.toLowerCase().match(/^(grpc-web|[a-z0-9]+)/)?.[0] ?? '')) ?? 'tcp'
}
