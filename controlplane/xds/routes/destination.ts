import type { Destination } from '../../config/kinds/destination.ts'
import type { ConsistentHash } from '../../config/kinds/policy/load-balancer.ts'
import type { Origin } from '../../config/object.ts'
import { formatPath } from '../../diagnostics/diagnostic.ts'
import { outboundClusterName, type PortProtocol, type Service } from '../../model/service.ts'
import { consistentHashOf, subsetsOf } from '../clusters/policy.ts'
import { wireName } from '../wire-name.ts'
import type { RouteContext } from './context.ts'

/** Where a rule sends requests. */
export type Target =
  | {
      readonly cluster: string
      readonly hash: ConsistentHash | undefined
      /** Of the port. */
      readonly protocol: PortProtocol
      readonly origins: readonly Origin[]
      readonly missing?: undefined
    }
  | {
      /** Why there is nothing to send to, for the caller who gets the answer. */
      readonly missing: string
      /** What Istio would call the cluster; it does not exist. */
      readonly cluster: string
      readonly origins: readonly Origin[]
    }

/**
 * Finds the cluster of a destination. Without a port it is the only one of the service, else the port of the request,
 * as in Istio. `origin` is the destination's place; short names are relative to its namespace.
 */
export function resolveDestination(destination: Destination, origin: Origin, context: RouteContext): Target {
  const { scope } = context
  const { namespace } = origin.object
  const subset = destination.subset ?? ''
  const service = scope.resolve(destination.host, namespace)
  const number = destination.port?.number ?? (service?.ports.length === 1 ? service.ports[0]!.number : context.port)
  const hostname = service?.hostname ?? scope.hostname(destination.host, namespace)
  const cluster = wireName(scope, outboundClusterName(number, subset, hostname))
  const because = whyMissing(service, hostname, number, subset, context)
  if (because || !service) return { cluster, missing: `${because} (${describe(origin)})`, origins: [origin] }
  const port = service.ports.find((candidate) => candidate.number === number)!
  const hash = consistentHashOf(scope, service, port, subset || undefined)
  const { protocol } = port
  return { cluster, hash: hash?.value, protocol, origins: hash ? [origin, hash.origin] : [origin] }
}

function whyMissing(
  service: Service | undefined,
  hostname: string,
  port: number,
  subset: string,
  context: RouteContext,
): string | undefined {
  if (!service) return `no service ${hostname} is visible here`
  // No cluster carries UDP.
  if (!service.ports.some((candidate) => candidate.number === port && candidate.protocol !== 'udp'))
    return `service ${hostname} has no port ${port}`
  if (subset && !subsetsOf(context.scope, service).some((candidate) => candidate.name === subset))
    return `no DestinationRule gives service ${hostname} a subset ${subset}`
  return undefined
}

/** `VirtualService shop/reviews, spec.http[0].route[1].destination`. */
function describe({ object, path }: Origin): string {
  return `${object.kind} ${object.namespace}/${object.name}, ${formatPath(path)}`
}
