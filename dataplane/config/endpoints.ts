import { HealthStatus } from '../../proto/gen/envoy/config/core/v3/health_check_pb.ts'
import type { LbEndpoint } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_components_pb.ts'
import type { ClusterLoadAssignment } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import type { ClusterConfig, EndpointConfig, LocalityEndpoints } from '../configuration.ts'
import { refuse } from './refusal.ts'
import { defined, socketAddress } from './values.ts'

export type ReadAssignment = Pick<ClusterConfig, 'localities' | 'overprovisioningFactor'>

/** The endpoints of a cluster by locality and priority. @throws Refusal naming the field */
export function readAssignment({ endpoints, policy }: ClusterLoadAssignment): ReadAssignment {
  const factor = policy?.overprovisioningFactor
  if (factor !== undefined && factor < 100) refuse('policy.overprovisioning_factor', `${factor} is below 100`)
  return {
    localities: endpoints.map((group, index): LocalityEndpoints => {
      // As in Envoy's API; there is a list for each priority up to the highest.
      if (group.priority > 128) refuse(`endpoints[${index}].priority`, `at most 128, not ${group.priority}`)
      const { region, zone, subZone } = group.locality ?? { region: '', zone: '', subZone: '' }
      return {
        ...(region && { region }),
        ...(zone && { zone }),
        ...(subZone && { subZone }),
        ...(group.priority > 0 && { priority: group.priority }),
        ...defined({ weight: group.loadBalancingWeight }),
        endpoints: group.lbEndpoints.map((one, at) => readEndpoint(`endpoints[${index}].lb_endpoints[${at}]`, one)),
      }
    }),
    ...defined({ overprovisioningFactor: factor }),
  }
}

const HEALTH: Readonly<Record<HealthStatus, NonNullable<EndpointConfig['health']>>> = {
  [HealthStatus.UNKNOWN]: 'healthy',
  [HealthStatus.HEALTHY]: 'healthy',
  [HealthStatus.DEGRADED]: 'degraded',
  [HealthStatus.DRAINING]: 'draining',
  [HealthStatus.UNHEALTHY]: 'unhealthy',
  [HealthStatus.TIMEOUT]: 'unhealthy',
}

function readEndpoint(path: string, { hostIdentifier, healthStatus, loadBalancingWeight, metadata }: LbEndpoint) {
  if (hostIdentifier.case !== 'endpoint') return refuse(path, 'an endpoint with an address is needed')
  const health = HEALTH[healthStatus] ?? 'unhealthy'
  const { address, hostname } = hostIdentifier.value
  if (loadBalancingWeight === 0) refuse(`${path}.load_balancing_weight`, 'at least 1, not 0')
  // Envoy takes a text only, and an empty one for none.
  const key = metadata?.filterMetadata['envoy.lb']?.['hash_key']
  return {
    address: socketAddress(`${path}.endpoint.address`, address),
    ...defined({
      weight: loadBalancingWeight,
      hashKey: typeof key === 'string' && key !== '' ? key : undefined,
      hostname: hostname || undefined,
    }),
    ...(health !== 'healthy' && { health }),
  }
}
