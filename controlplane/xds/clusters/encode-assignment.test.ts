import { fromBinary, type MessageInitShape } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { HealthStatus } from '../../../proto/gen/envoy/config/core/v3/health_check_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { encode, make } from '../../../proto/make.ts'
import type { Endpoint } from '../../model/service.ts'
import { encodeAssignment, type WeightedGroup } from './encode-assignment.ts'
import { socketAddress } from './load-assignment.ts'

const u32 = fc.integer({ min: 1, max: 0xffff_ffff })
const place = fc.constantFrom('', 'eu', 'eu-west-1', 'ü')
const endpoint: fc.Arbitrary<Endpoint> = fc.record(
  {
    address: fc.constantFrom('10.0.0.1', '2001:db8::1', 'unix:///run/a.sock', 'unix://@name', '', 'näme.test'),
    port: fc.integer({ min: 0, max: 65_535 }),
    labels: fc.constant({}),
    locality: fc.constant({ region: '', zone: '', subZone: '' }),
    weight: u32,
    health: fc.constantFrom('healthy', 'unhealthy', 'draining'),
    origin: fc.constantFrom('WorkloadEntry', 'ServiceEntry').map((kind) => ({
      object: { kind, name: 'a', namespace: 'shop', key: `${kind}/shop/a` } as Endpoint['origin']['object'],
      path: [],
    })),
  },
  { requiredKeys: ['address', 'port', 'labels', 'locality', 'weight', 'origin'] },
) as fc.Arbitrary<Endpoint>

const group: fc.Arbitrary<WeightedGroup> = fc.record({
  group: fc.record({
    locality: fc.record({ region: place, zone: place, subZone: place }),
    endpoints: fc.array(endpoint, { maxLength: 4 }),
    priority: fc.nat(3),
    weight: u32,
  }),
  weight: u32,
  endpointWeights: fc.array(u32, { minLength: 4, maxLength: 4 }),
})

type Assignment = MessageInitShape<typeof ClusterLoadAssignmentSchema>

/** The same as a message, by the library. */
function asMessage(clusterName: string, groups: readonly WeightedGroup[], withMetadata: boolean): Uint8Array {
  const endpoints: Assignment['endpoints'] = groups.map(({ group, weight, endpointWeights }) => ({
    locality: group.locality,
    priority: group.priority,
    loadBalancingWeight: weight,
    lbEndpoints: group.endpoints.map(({ address, port, health = 'healthy', origin: { object } }, index) => ({
      hostIdentifier: { case: 'endpoint', value: { address: socketAddress(address, port) } },
      healthStatus: {
        healthy: HealthStatus.UNKNOWN,
        unhealthy: HealthStatus.UNHEALTHY,
        draining: HealthStatus.DRAINING,
      }[health],
      loadBalancingWeight: endpointWeights[index]!,
      metadata:
        withMetadata && object.kind === 'WorkloadEntry'
          ? { filterMetadata: { istio: { workload: `${object.name};${object.namespace}` } } }
          : undefined,
    })),
  }))
  const policy = groups.some(({ group }) => group.priority > 0) ? { overprovisioningFactor: 140 } : undefined
  return encode(ClusterLoadAssignmentSchema, make(ClusterLoadAssignmentSchema, { clusterName, endpoints, policy }))
}

it('what is written is, byte for byte, what the library makes of the message', () => {
  fc.assert(
    fc.property(fc.string(), fc.array(group, { maxLength: 4 }), fc.boolean(), (name, groups, withMetadata) => {
      const written = encodeAssignment(name, groups, withMetadata)
      expect(Buffer.from(written).equals(asMessage(name, groups, withMetadata))).toBe(true)
      expect(fromBinary(ClusterLoadAssignmentSchema, written).clusterName).toBe(name)
    }),
  )
})
