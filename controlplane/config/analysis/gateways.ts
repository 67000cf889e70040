import type { Path } from '../../diagnostics/diagnostic.ts'
import { push } from '../push.ts'
import { similar } from '../similar.ts'
import { hostsOverlap } from '../syntax/host.ts'
import { protocolClass } from '../syntax/protocol.ts'
import { type Check, type Complain, each, type Of, place, selects, type World } from './world.ts'

/** Hosts of one VirtualService that are looked for in its gateways: each is held against each host of the servers. */
const MAX_HOSTS = 1000

/** Finds the gateway a VirtualService names: `name`, `namespace/name`, or (old) `name.namespace.svc.domain`. */
export function findGateway(world: World, reference: string, namespace: string): Of<'Gateway'> | undefined {
  for (const [owner, name] of gatewayNames(reference, namespace)) {
    const gateway = world.get('Gateway', owner, name)
    if (gateway) return gateway
  }
  return undefined
}

/** Says of a reference that finds no gateway whether one of that name has errors. */
export function absentGateway(world: World, reference: string, namespace: string): string {
  const said = gatewayNames(reference, namespace).map(([owner, name]) => world.absent('Gateway', owner, name))
  return said.find((text) => !text.startsWith('there is no')) ?? said[0]!
}

function gatewayNames(reference: string, namespace: string): readonly (readonly [namespace: string, name: string])[] {
  const slash = reference.indexOf('/')
  if (slash >= 0) return [[reference.slice(0, slash), reference.slice(slash + 1)]]
  const [name, owner] = reference.split('.')
  return [[namespace, reference], ...(owner === undefined ? [] : [[owner, name!] as const])]
}

/** Gateways of VirtualServices exist and expose their hosts; conditions on the caller make sense where they apply. */
export const checkGatewayReferences: Check = each(['VirtualService'], (world, complain) => {
  return (service) => {
    const { gateways = [], hosts = [], http = [], tls = [], tcp = [] } = service.spec
    for (const [index, reference] of gateways.entries())
      checkReference(world, service, reference, ['spec', 'gateways', index], hosts, complain)
    for (const [field, rules] of Object.entries({ http, tls, tcp }))
      for (const [index, { match = [] }] of rules.entries())
        for (const [at, one] of match.entries())
          checkMatch(world, service, one, ['spec', field, index, 'match', at], complain)
  }
})

/** What a condition of any kind of route says about gateways and callers. */
interface Match {
  readonly gateways?: readonly string[] | undefined
  readonly sourceLabels?: unknown
  readonly sourceNamespace?: unknown
}

function checkMatch(world: World, service: Of<'VirtualService'>, match: Match, path: Path, complain: Complain): void {
  const { gateways = [] } = service.spec
  const never = (where: Path, why: string) => complain(service, 'MATCH_NEVER_TRUE', where, why)
  for (const [number, reference] of (match.gateways ?? []).entries()) {
    const where = [...path, 'gateways', number]
    checkReference(world, service, reference, where, [], complain)
    if (gateways.length > 0 && !gateways.includes(reference))
      never(where, `the VirtualService is not bound to ${reference}: add it to spec.gateways`)
    else if (gateways.length === 0 && reference !== 'mesh')
      never(where, `the VirtualService is bound to mesh only: add ${reference} to spec.gateways`)
  }
  const effective = match.gateways ?? gateways
  if (effective.length === 0 || effective.includes('mesh')) return
  for (const condition of ['sourceLabels', 'sourceNamespace'] as const)
    if (match[condition] !== undefined) {
      const where = [...path, condition]
      if (path[1] === 'http')
        never(where, `${condition} is compared with the gateway's own: it does not know the calling workload`)
      else complain(service, 'FIELD_NO_EFFECT', where, `${condition} is not looked at by a gateway`)
    }
}

function checkReference(
  world: World,
  service: Of<'VirtualService'>,
  reference: string,
  path: readonly (string | number)[],
  hosts: readonly string[],
  complain: Complain,
): void {
  if (reference === 'mesh') return
  const gateway = findGateway(world, reference, service.namespace)
  if (!gateway) {
    const names = world
      .of('Gateway')
      .map(({ namespace, name }) => (namespace === service.namespace ? name : `${namespace}/${name}`))
    const elsewhere = names.find((name) => name.endsWith(`/${reference}`))
    const hint = elsewhere ? `did you mean "${elsewhere}"?` : similar(reference, names)
    complain(service, 'GATEWAY_NOT_FOUND', path, absentGateway(world, reference, service.namespace), hint)
    return
  }
  for (const [index, host] of hosts.slice(0, MAX_HOSTS).entries()) {
    const name = world.resolve(host, service.namespace)
    if (!exposes(gateway, name, service.namespace) && !exposes(gateway, host, service.namespace))
      complain(
        service,
        'GATEWAY_HOST_MISMATCH',
        ['spec', 'hosts', index],
        `no server of Gateway ${gateway.namespace}/${gateway.name} exposes ${host} to namespace ${service.namespace}`,
      )
  }
}

/** Whether a server of the gateway has a host that overlaps, in a namespace that may use it. */
function exposes(gateway: Of<'Gateway'>, host: string, namespace: string): boolean {
  return (gateway.spec.servers ?? []).some(({ hosts }) =>
    hosts.some((entry) => {
      const slash = entry.indexOf('/')
      const owner = slash < 0 ? '*' : entry.slice(0, slash)
      const allowed = owner === '*' || owner === namespace || (owner === '.' && gateway.namespace === namespace)
      return allowed && hostsOverlap(host, entry.slice(slash + 1))
    }),
  )
}

interface Listener {
  readonly gateway: Of<'Gateway'>
  readonly index: number
}

/** More different selectors than these on one port are not held against each other. */
const MAX_SELECTORS = 200

/** Servers of the same proxies that share a port must have protocols that go together, and TLS servers different hosts. */
export const checkGatewayPorts: Check = (world, complain) => {
  const byPort = new Map<string, Listener[]>()
  for (const gateway of world.of('Gateway'))
    for (const [index, { port, bind = '' }] of (gateway.spec.servers ?? []).entries())
      push(byPort, `${bind} ${port.number}`, { gateway, index })
  for (const listeners of byPort.values()) {
    const bySelector = new Map<string, Listener[]>()
    for (const listener of listeners)
      push(bySelector, JSON.stringify(Object.entries(listener.gateway.spec.selector ?? {}).sort()), listener)
    const told = new Set<string>()
    const once: Complain = (gateway, code, path, message, hint) => {
      const key = `${gateway.key} ${path.join('.')}`
      if (!told.has(key)) complain(gateway, code, path, message, hint)
      told.add(key)
    }
    for (const group of bySelector.values()) checkPort(sharing(group, listeners, bySelector.size), once)
  }
}

/** All servers of the proxies that these are for: those whose selector asks for the same labels or fewer. */
function sharing(group: readonly Listener[], all: readonly Listener[], selectors: number): readonly Listener[] {
  if (selectors === 1 || selectors > MAX_SELECTORS) return group
  const wanted = group[0]!.gateway.spec.selector ?? {}
  return all.filter(({ gateway }) => selects(gateway.spec.selector ?? {}, wanted))
}

function checkPort(listeners: readonly Listener[], complain: Complain): void {
  const [first, ...others] = listeners
  if (!first) return
  const hosts = new Map<string, Listener>()
  claimHosts(first, hosts, complain)
  for (const listener of others) {
    const server = serverOf(listener)
    const [mine, theirs] = [protocolClass(server.port.protocol), protocolClass(serverOf(first).port.protocol)]
    const path = ['spec', 'servers', listener.index, 'port']
    if (mine !== theirs || mine === 'tcp' || mine === 'udp') {
      const message = `port ${server.port.number} is already used for ${serverOf(first).port.protocol} at ${where(first)}`
      complain(listener.gateway, 'GATEWAY_PORT_CONFLICT', path, message)
    } else claimHosts(listener, hosts, complain)
  }
}

function claimHosts(listener: Listener, owners: Map<string, Listener>, complain: Complain): void {
  const server = serverOf(listener)
  if (protocolClass(server.port.protocol) !== 'tls') return
  for (const [index, entry] of server.hosts.entries()) {
    const host = entry.slice(entry.indexOf('/') + 1).toLowerCase()
    const owner = owners.get(host)
    if (owner && owner !== listener)
      complain(
        listener.gateway,
        'GATEWAY_HOST_CONFLICT',
        ['spec', 'servers', listener.index, 'hosts', index],
        `${host} on port ${server.port.number} is already served at ${where(owner)}`,
      )
    else owners.set(host, listener)
  }
}

function serverOf({ gateway, index }: Listener) {
  return gateway.spec.servers![index]!
}

function where({ gateway, index }: Listener): string {
  return place(gateway, ['spec', 'servers', index])
}
