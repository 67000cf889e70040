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
import { type Claim, type Claimed, clash, openable, openingOf } from '../listeners/openings.ts'
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
 * neither says anything the proxy opens the port of each service on loopback, at the service's own address there if it has one. Of two listeners that cannot both be open the first counts.
 */
export function messagePlans(world: World, scope: Scope): readonly MessagePlan[] {
  const gateways = gatewayPlans(world, scope)
  const egress = scope.sidecar()?.spec.egress ?? []
  const outbound = egress.flatMap((listener, index) => egressPlans(world, scope, listener, index))
  if (egress.length === 0 && gateways.length === 0) outbound.push(...servicePlans(world, undefined, scope.services()))
  const open = new Map<number, MessagePlan[]>()
  return [...gateways, ...ingressPlans(world, scope), ...openable(outbound)].filter((plan) => {
    const others = open.get(plan.port) ?? []
    if (others.some((other) => clash(plan.bind, other.bind))) return false
    open.set(plan.port, [...others, plan])
    return true
  })
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

function egressPlans(
  world: World,
  scope: Scope,
  listener: IstioEgressListener,
  index: number,
): readonly Claimed<MessagePlan>[] {
  const sidecar = scope.sidecar()!
  const hosts = egressHosts(sidecar, scope.proxy.namespace, index)
  const services = scope.services().filter((service) => serviceInScope(hosts, service.namespace, service.hostname))
  const bind = listener.bind ?? LOOPBACK
  const { number = 0, name = '', protocol: field } = listener.port ?? {}
  if (number === 0 && !bind.startsWith('unix://')) return servicePlans(world, listener.bind, services)
  const protocol = protocolOfPort(world, { name, ...portProtocol(field, name) })
  if (!protocol) return []
  const users = messagePorts(world, services).filter((user) => user.protocol.name === protocol.name)
  const samePort = users.filter((user) => user.port.number === number)
  const plan: MessagePlan = {
    name: listenerName(bind, number),
    bind,
    port: number,
    protocol,
    table: tableName(protocol, number, listener.bind),
    place: { kind: 'outbound', services: samePort.length > 0 ? samePort : users.length === 1 ? users : [] },
    origins: [{ object: sidecar, path: ['spec', 'egress', index] }],
  }
  return [{ plan, claim: 'said' }]
}

/**
 * One listener for each port number, and for those of services with an address of loopback of their own: its protocol is that of the first
 * service. Of several that share a listener, messages tell which is meant, or the first has them (analysis reports it).
 */
function servicePlans(
  world: World,
  said: string | undefined,
  services: readonly Service[],
): readonly Claimed<MessagePlan>[] {
  const byAddress = new Map<string, { readonly bind: string; readonly claim: Claim; readonly users: MessagePort[] }>()
  for (const user of messagePorts(world, services)) {
    const { bind, claim } = openingOf(user.service, said)
    const key = `${bind} ${user.port.number}`
    const place = byAddress.get(key)
    if (!place) byAddress.set(key, { bind, claim, users: [user] })
    else if (place.users[0]!.protocol.name === user.protocol.name) place.users.push(user)
  }
  return [...byAddress.values()].map(({ bind, claim, users }) => {
    const { protocol, port } = users[0]!
    const plan: MessagePlan = {
      name: listenerName(bind, port.number),
      bind,
      port: port.number,
      protocol,
      table: tableName(protocol, port.number, bind === LOOPBACK ? undefined : bind),
      place: { kind: 'outbound', services: users },
      origins: users.map(({ service }) => service.origin),
    }
    return { plan, claim }
  })
}

interface MessagePort extends ServedService {
  readonly protocol: KnownProtocol
}

function messagePorts(world: World, services: readonly Service[]): readonly MessagePort[] {
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
