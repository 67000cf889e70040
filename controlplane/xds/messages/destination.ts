import type { MessageInitShape } from '@bufbuild/protobuf'
import type { HashKeySchema, MessageRouteSchema } from '../../../proto/gen/meshgate/v1/message_route_pb.ts'
import type { Destination } from '../../config/kinds/destination.ts'
import type { World } from '../../model/index.ts'
import type { Scope } from '../../model/scope.ts'
import { outboundClusterName, type Service, type ServicePort } from '../../model/service.ts'
import { consistentHashOf } from '../clusters/index.ts'
import { attributeField } from './fields.ts'
import { type KnownProtocol, protocolOfPort } from './protocols.ts'

export type Route = Extract<MessageInitShape<typeof MessageRouteSchema>, { readonly $typeName?: never }>
export type HashKey = MessageInitShape<typeof HashKeySchema>

/** Where a table is compiled for: who sees it, and what its messages look like. */
export interface TableContext {
  readonly world: World
  readonly scope: Scope
  readonly protocol: KnownProtocol
  /** Port of the listener: the port of a destination that names none and has it. */
  readonly port: number
  /** What was resolved already: thousands of rules name few destinations. */
  readonly targets: Map<string, Target>
  readonly hashes: Map<string, readonly HashKey[]>
}

export interface Target {
  readonly cluster: string
  readonly service?: Service
  readonly port?: ServicePort
  readonly subset: string
}

/**
 * The cluster of a destination. One that does not exist keeps its name: the proxy answers that there is no upstream, and
 * takes the cluster when it comes.
 */
export function resolveTarget(context: TableContext, destination: Destination, namespace: string): Target {
  const key = `${namespace}\n${destination.host}\n${destination.port?.number ?? ''}\n${destination.subset ?? ''}`
  const known = context.targets.get(key)
  if (known) return known
  const target = findDestination(context, destination, namespace)
  context.targets.set(key, target)
  return target
}

function findDestination(context: TableContext, destination: Destination, namespace: string): Target {
  const { scope } = context
  const service = scope.resolve(destination.host, namespace)
  const subset = destination.subset ?? ''
  const port = service && portOf(context, service, destination.port?.number)
  const hostname = service?.hostname ?? scope.hostname(destination.host, namespace)
  const number = port?.number ?? destination.port?.number ?? 0
  const cluster = outboundClusterName(number, subset, hostname)
  return { cluster, subset, ...(service && { service }), ...(port && { port }) }
}

/** The port that is named, else the only one, else the only one of the protocol, else the one of the listener's number. */
function portOf(
  { world, protocol, port: own }: TableContext,
  service: Service,
  wanted: number | undefined,
): ServicePort | undefined {
  const ports = service.ports.filter((port) => port.protocol !== 'udp')
  if (wanted) return ports.find((port) => port.number === wanted)
  if (ports.length === 1) return ports[0]
  const same = ports.filter((port) => protocolOfPort(world, port)?.name === protocol.name)
  return same.length === 1 ? same[0] : same.find((port) => port.number === own)
}

/** Destinations with their shares; a single one gets all, as Istio's do. */
export function weighted(
  targets: readonly { readonly target: Target; readonly weight: number | undefined }[],
): NonNullable<Route['clusters']> {
  return targets.map(({ target, weight }) => ({
    name: target.cluster,
    weight: targets.length === 1 ? 1 : (weight ?? 0),
  }))
}

/** What the DestinationRule of a destination hashes: `httpHeaderName` names a field of the message here. */
export function ruleHashKeys(context: TableContext, target: Target | undefined): readonly HashKey[] {
  if (!target) return []
  const known = context.hashes.get(target.cluster)
  if (known) return known
  const keys = hashKeysOf(context, target)
  context.hashes.set(target.cluster, keys)
  return keys
}

function hashKeysOf({ scope, protocol }: TableContext, target: Target): readonly HashKey[] {
  if (!target.service || !target.port) return []
  const hash = consistentHashOf(scope, target.service, target.port, target.subset)?.value
  if (hash?.httpHeaderName)
    return [{ source: { case: 'field', value: attributeField(protocol.info, hash.httpHeaderName) } }]
  return hash?.useSourceIp ? [{ source: { case: 'sourceIp', value: true } }] : []
}
