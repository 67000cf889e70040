import { isIP } from 'node:net'
import { fromBinary, type MessageInitShape } from '@bufbuild/protobuf'
import type { AddressSchema } from '../../../proto/gen/envoy/config/core/v3/address_pb.ts'
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from '../../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import type { Origin } from '../../config/object.ts'
import type { Scope } from '../../model/scope.ts'
import type { Endpoint } from '../../model/service.ts'
import { encodeAssignment, type WeightedGroup } from './encode-assignment.ts'
import { arrangeByLocality, type LocalityGroup, localitySetting } from './locality.ts'
import type { EffectivePolicy } from './policy.ts'
import type { ClusterTarget } from './targets.ts'

const MAX_UINT32 = 0xffff_ffff

export interface LoadAssignment {
  readonly bytes: Uint8Array
  /** Read from the bytes. */
  readonly message: ClusterLoadAssignment
  /** The endpoints have not been read yet: the message must not be sent. */
  readonly pending: boolean
  readonly origins: readonly Origin[]
}

/**
 * The endpoints of a target as this proxy class should use them: grouped by locality in a stable order, with priorities and
 * weights. A service without endpoints gets an assignment that says so. `usable` tells which addresses this kind of cluster may have.
 */
export function loadAssignment(
  scope: Scope,
  target: ClusterTarget,
  policy: EffectivePolicy,
  usable: (endpoint: Endpoint) => boolean,
): LoadAssignment {
  const endpoints = withoutPanic(unique(selectEndpoints(scope, target).filter(usable)))
  const setting = localitySetting(scope, policy)
  const groups = arrangeByLocality(endpoints, setting, scope.proxy, policy.outlierDetection !== undefined)
  const bytes = encodeAssignment(target.name, fitWeights(groups), scope.proxy.type !== 'grpc')
  const deciding = [policy.loadBalancer, policy.outlierDetection].flatMap((part) => (part ? [part.origin] : []))
  const subset = target.subset ? [target.subset.origin] : []
  const places = new Set(endpoints.map((endpoint) => endpoint.origin))
  const pending = !scope.endpointsKnown(target.service)
  return {
    bytes,
    get message() {
      return fromBinary(ClusterLoadAssignmentSchema, bytes)
    },
    pending,
    origins: [target.service.origin, ...subset, ...deciding, ...places],
  }
}

/** Endpoints of a target's port that have all labels of its subset. */
export function selectEndpoints(scope: Scope, { service, port, subset }: ClusterTarget): readonly Endpoint[] {
  const endpoints = scope.endpoints(service, port)
  const labels = Object.entries(subset?.labels ?? {})
  if (labels.length === 0) return endpoints
  return endpoints.filter((endpoint) => labels.every(([name, value]) => endpoint.labels[name] === value))
}

/** An IP address: what EDS may carry for every client. */
export function isIpEndpoint({ address }: Endpoint): boolean {
  return isIP(address) !== 0
}

/** A Unix domain socket, `unix://<path>`; a leading `@` is an abstract one. */
export function isSocketEndpoint({ address }: Endpoint): boolean {
  return address.startsWith('unix://') && address.length > 'unix://'.length
}

/** Where `host` and `port` are, as Envoy writes it. */
export function socketAddress(host: string, port: number): MessageInitShape<typeof AddressSchema> {
  if (host.startsWith('unix://')) return { address: { case: 'pipe', value: { path: host.slice('unix://'.length) } } }
  return {
    address: { case: 'socketAddress', value: { address: host, portSpecifier: { case: 'portValue', value: port } } },
  }
}

/**
 * An Envoy before 1.29 counts draining endpoints as unhealthy in its panic threshold (https://github.com/envoyproxy/envoy/pull/30622): beside too few
 * healthy ones they would make it send requests to those that leave. Later ones leave them out of the count, but use them too once
 * others that are unhealthy make them panic (https://github.com/envoyproxy/envoy/issues/46800). So there are never more of them than of
 * healthy ones (the threshold is 50 %), unless nothing else is left.
 */
function withoutPanic(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  let healthy = 0
  let draining = 0
  for (const { health } of endpoints) {
    if (health === undefined || health === 'healthy') healthy++
    else if (health === 'draining') draining++
  }
  if (healthy === 0 || draining <= healthy) return endpoints
  // Those that left last stand last, and have most to finish.
  let tooMany = draining - healthy
  return endpoints.filter(({ health }) => health !== 'draining' || tooMany-- <= 0)
}

/** Of several endpoints with one address the first counts: gRPC refuses doubles, Envoy ignores them. */
function unique(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const seen = new Set<string>()
  return endpoints.filter(({ address, port }) => {
    const key = `${address} ${port}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

/**
 * Weights as 32-bit numbers of at least 1 whose sums over a priority fit 32 bits too, those of localities and those of all
 * endpoints: consistent hashing adds up the latter past localities, and Envoy refuses a whole batch of assignments for one sum.
 */
function fitWeights(groups: readonly LocalityGroup[]): readonly WeightedGroup[] {
  const priorities = new Map<number, { localities: number; endpoints: number; count: number }>()
  for (const { priority, weight, endpoints } of groups) {
    const sum = priorities.get(priority) ?? { localities: 0, endpoints: 0, count: 0 }
    sum.localities += weight
    sum.count += endpoints.length
    for (const endpoint of endpoints) sum.endpoints += endpoint.weight
    priorities.set(priority, sum)
  }
  return groups.map((group) => {
    const sum = priorities.get(group.priority)!
    return {
      group,
      weight: scaled(group.weight, sum.localities, sum.count),
      endpointWeights: group.endpoints.map((endpoint) => scaled(endpoint.weight, sum.endpoints, sum.count)),
    }
  })
}

function scaled(weight: number, total: number, count: number): number {
  if (total <= MAX_UINT32) return Math.max(1, weight)
  return Math.max(1, Math.floor((weight / total) * (MAX_UINT32 - count)))
}
