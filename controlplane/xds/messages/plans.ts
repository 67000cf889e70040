import type { Any } from '@bufbuild/protobuf/wkt'
import type { IstioEgressListener } from '../../config/kinds/sidecar.ts'
import type { Origin } from '../../config/object.ts'
import { leadsToItself } from '../../config/syntax/address.ts'
import { hostsOverlap } from '../../model/hosts.ts'
import type { World } from '../../model/index.ts'
import type { Scope } from '../../model/scope.ts'
import { portProtocol, type Service, type ServicePort } from '../../model/service.ts'
import { egressHosts, serviceInScope } from '../../model/sidecar-scope.ts'
import { listenerName } from '../listeners/listener.ts'
import { downstreamTlsContext, terminatesTls } from '../listeners/tls-context.ts'
import { inboundName } from '../names.ts'
import { type GatewayServer, gatewayServers } from '../routes/index.ts'
import { type KnownProtocol, protocolOfPort } from './protocols.ts'

/** A service whose messages come in through a listener, with its port. */
export interface ServedService {
  readonly service: Service
  readonly port: ServicePort
}

/** What is behind a listener. */
export type Place =
  /** The workload itself. */
  | { readonly kind: 'inbound'; readonly cluster: string }
  /** Services of the mesh, beside a workload. */
  | { readonly kind: 'outbound'; readonly services: readonly ServedService[] }
  | {
      readonly kind: 'gateway'
      /** `<namespace>/<name>` */
      readonly gateway: string
      readonly takesHost: (host: string, namespace: string) => boolean
    }

/** A message listener and its route table before they are built. */
export interface MessagePlan {
  readonly name: string
  /** IP address or `unix://<path>`. */
  readonly bind: string
  readonly port: number
  readonly protocol: KnownProtocol
  /** Name of the route table. */
  readonly table: string
  readonly place: Place
  readonly tls?: Any
  /** Client connections begin with a PROXY protocol header. */
  readonly proxyProtocol?: boolean
  readonly origins: readonly Origin[]
}

/** Annotation of a Gateway: `"true"` when what stands before it sends PROXY protocol headers (version 1 or 2). */
const PROXY_PROTOCOL = 'meshgate.io/proxy-protocol'
const LOOPBACK = '127.0.0.1'
const ANY_ADDRESS = '0.0.0.0'

/**
 * Ports that are named for a private protocol: servers of the Gateways that select the proxy, then what its Sidecar lists. Only where
 * neither says anything the proxy opens the port of each service on loopback. Of two listeners that cannot both be open the first counts.
 */
export function messagePlans(world: World, scope: Scope): readonly MessagePlan[] {
  const gateways = gatewayPlans(world, scope)
  const egress = scope.sidecar()?.spec.egress ?? []
  const outbound = egress.flatMap((listener, index) => egressPlans(world, scope, listener, index))
  if (egress.length === 0 && gateways.length === 0) outbound.push(...servicePlans(world, LOOPBACK, scope.services()))
  const open = new Map<number, MessagePlan[]>()
  return [...gateways, ...ingressPlans(world, scope), ...onePerPort(outbound)].filter((plan) => {
    const others = open.get(plan.port) ?? []
    if (others.some((other) => clash(plan.bind, other.bind))) return false
    open.set(plan.port, [...others, plan])
    return true
  })
}

/** A listener without a port opens what those before it, at whatever address, do not. */
function onePerPort(plans: readonly MessagePlan[]): readonly MessagePlan[] {
  const taken = new Set<number>()
  return plans.filter(({ bind, port }) => isSocket(bind) || (!taken.has(port) && taken.add(port)))
}

const isSocket = (bind: string) => bind.startsWith('unix://')

/** Whether listeners on one port of these addresses, or on these sockets, keep each other from being opened. */
function clash(one: string, other: string): boolean {
  const takes = (all: string, bind: string) =>
    all === '::' ? !isSocket(bind) : all === ANY_ADDRESS && !isSocket(bind) && !bind.includes(':')
  return one === other || takes(one, other) || takes(other, one)
}

function gatewayPlans(world: World, scope: Scope): readonly MessagePlan[] {
  return gatewayServers(scope).flatMap((entry): MessagePlan[] => {
    const { server, gateway, origin } = entry
    const tls = server.tls && terminatesTls(server.tls) ? server.tls : undefined
    if (entry.kind !== 'tcp' && !(entry.kind === 'tls' && tls)) return []
    const named = portProtocol(server.port.protocol, server.port.name)
    const protocol = protocolOfPort(world, { name: server.port.name, ...named })
    if (!protocol) return []
    const bind = server.bind ?? ANY_ADDRESS
    const { number } = server.port
    return [
      {
        name: listenerName(bind, number),
        bind,
        port: number,
        protocol,
        table: tableName(protocol, number, server.bind),
        place: { kind: 'gateway', gateway: `${gateway.namespace}/${gateway.name}`, takesHost: takesHost(entry) },
        ...(tls && { tls: downstreamTlsContext(tls, []) }),
        ...(gateway.annotations[PROXY_PROTOCOL] === 'true' && { proxyProtocol: true }),
        origins: [origin],
      },
    ]
  })
}

function takesHost({ hosts }: GatewayServer): (host: string, namespace: string) => boolean {
  return (host, namespace) =>
    hosts.some(
      (scoped) => (scoped.namespace === '*' || scoped.namespace === namespace) && hostsOverlap(host, scoped.host),
    )
}

function ingressPlans(world: World, scope: Scope): readonly MessagePlan[] {
  const sidecar = scope.sidecar()
  return (sidecar?.spec.ingress ?? []).flatMap((ingress, index): MessagePlan[] => {
    const { number, name = '', protocol: field } = ingress.port
    const protocol = protocolOfPort(world, { name, ...portProtocol(field, name) })
    if (!number || !protocol || leadsToItself(ingress.bind ?? '', number, ingress.defaultEndpoint ?? '')) return []
    const bind = ingress.bind ?? ANY_ADDRESS
    const cluster = inboundName(number)
    const tls = ingress.tls && terminatesTls(ingress.tls) ? ingress.tls : undefined
    return [
      {
        name: listenerName(bind, number),
        bind,
        port: number,
        protocol,
        table: cluster,
        place: { kind: 'inbound', cluster },
        ...(tls && { tls: downstreamTlsContext(tls, []) }),
        origins: [{ object: sidecar!, path: ['spec', 'ingress', index] }],
      },
    ]
  })
}

function egressPlans(world: World, scope: Scope, listener: IstioEgressListener, index: number): readonly MessagePlan[] {
  const sidecar = scope.sidecar()!
  const hosts = egressHosts(sidecar, scope.proxy.namespace, index)
  const services = scope.services().filter((service) => serviceInScope(hosts, service.namespace, service.hostname))
  const bind = listener.bind ?? LOOPBACK
  const { number = 0, name = '', protocol: field } = listener.port ?? {}
  if (number === 0 && !bind.startsWith('unix://')) return servicePlans(world, bind, services)
  const protocol = protocolOfPort(world, { name, ...portProtocol(field, name) })
  if (!protocol) return []
  const users = messagePorts(world, services).filter((user) => user.protocol.name === protocol.name)
  const samePort = users.filter((user) => user.port.number === number)
  return [
    {
      name: listenerName(bind, number),
      bind,
      port: number,
      protocol,
      table: tableName(protocol, number, listener.bind),
      place: { kind: 'outbound', services: samePort.length > 0 ? samePort : users.length === 1 ? users : [] },
      origins: [{ object: sidecar, path: ['spec', 'egress', index] }],
    },
  ]
}

/** One listener for each port number: its protocol is that of the first service, whose messages it can tell apart. */
function servicePlans(world: World, bind: string, services: readonly Service[]): readonly MessagePlan[] {
  const byPort = new Map<number, (ServedService & { readonly protocol: KnownProtocol })[]>()
  for (const user of messagePorts(world, services)) {
    const list = byPort.get(user.port.number)
    if (!list) byPort.set(user.port.number, [user])
    else if (list[0]!.protocol.name === user.protocol.name) list.push(user)
  }
  return [...byPort].map(([number, users]) => {
    const { protocol } = users[0]!
    return {
      name: listenerName(bind, number),
      bind,
      port: number,
      protocol,
      table: tableName(protocol, number, bind === LOOPBACK ? undefined : bind),
      place: { kind: 'outbound', services: users },
      origins: users.map(({ service }) => service.origin),
    }
  })
}

function messagePorts(
  world: World,
  services: readonly Service[],
): readonly (ServedService & { readonly protocol: KnownProtocol })[] {
  return services.flatMap((service) =>
    service.ports.flatMap((port) => {
      if (port.protocol === 'tls') return []
      const protocol = protocolOfPort(world, port)
      return protocol ? [{ service, port, protocol }] : []
    }),
  )
}

/** Named like Istio's route tables: the protocol, the port, and the address when one is said. */
function tableName(protocol: KnownProtocol, port: number, bind: string | undefined): string {
  return bind ? `${protocol.name}.${port}.${bind}` : `${protocol.name}.${port}`
}
