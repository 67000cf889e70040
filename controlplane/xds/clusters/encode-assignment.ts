import { create } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { UInt32ValueSchema } from '@bufbuild/protobuf/wkt'
import { AddressSchema, PipeSchema, SocketAddressSchema } from '../../../proto/gen/envoy/config/core/v3/address_pb.ts'
import { LocalitySchema, MetadataSchema } from '../../../proto/gen/envoy/config/core/v3/base_pb.ts'
import { HealthStatus } from '../../../proto/gen/envoy/config/core/v3/health_check_pb.ts'
import {
  EndpointSchema,
  LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from '../../../proto/gen/envoy/config/endpoint/v3/endpoint_components_pb.ts'
import {
  ClusterLoadAssignment_PolicySchema,
  ClusterLoadAssignmentSchema,
} from '../../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { encode } from '../../../proto/make.ts'
import type { Endpoint, EndpointHealth, Locality } from '../../model/service.ts'
import type { LocalityGroup } from './locality.ts'

/** A group, and its weights as Envoy takes them: u32, at least 1. */
export interface WeightedGroup {
  readonly group: LocalityGroup
  readonly weight: number
  /** One for each endpoint. */
  readonly endpointWeights: readonly number[]
}

/** Envoy's own default, stated because priorities depend on it: a priority overflows when less than 1/1.4 of it is healthy. */
const OVERPROVISIONING = 140

/** What is healthy says nothing: Envoy then judges by its own checks alone. */
const HEALTH: Readonly<Record<EndpointHealth, HealthStatus>> = {
  healthy: HealthStatus.UNKNOWN,
  unhealthy: HealthStatus.UNHEALTHY,
  draining: HealthStatus.DRAINING,
}

const ASSIGNMENT = ClusterLoadAssignmentSchema.field
const POLICY = ClusterLoadAssignment_PolicySchema.field
const GROUP = LocalityLbEndpointsSchema.field
const LOCALITY = LocalitySchema.field
const LB_ENDPOINT = LbEndpointSchema.field
const ENDPOINT = EndpointSchema.field
const ADDRESS = AddressSchema.field
const SOCKET = SocketAddressSchema.field
const PIPE = PipeSchema.field
const UINT32 = UInt32ValueSchema.field

/** A field, as far as writing it goes. */
type Field = { readonly number: number }

/**
 * The `envoy.config.endpoint.v3.ClusterLoadAssignment` of a cluster, written as it is walked: it is what changes most, of endpoints there are more than of all
 * else, and the library takes five times as long for five endpoints. Fields are in the order of their numbers, those at their default left out.
 * @param withMetadata whether endpoints say which WorkloadEntry they are: Istio's telemetry reads name and namespace of the workload
 */
export function encodeAssignment(name: string, groups: readonly WeightedGroup[], withMetadata: boolean): Uint8Array {
  const writer = new BinaryWriter()
  text(writer, ASSIGNMENT.clusterName, name)
  for (const weighted of groups) writeGroup(writer, weighted, withMetadata)
  if (groups.some(({ group }) => group.priority > 0)) {
    begin(writer, ASSIGNMENT.policy)
    wrapped(writer, POLICY.overprovisioningFactor, OVERPROVISIONING)
    writer.join()
  }
  return writer.finish()
}

function writeGroup(
  writer: BinaryWriter,
  { group, weight, endpointWeights }: WeightedGroup,
  withMetadata: boolean,
): void {
  begin(writer, ASSIGNMENT.endpoints)
  writeLocality(writer, group.locality)
  for (let index = 0; index < group.endpoints.length; index++)
    writeEndpoint(writer, group.endpoints[index]!, endpointWeights[index]!, withMetadata)
  wrapped(writer, GROUP.loadBalancingWeight, weight)
  number(writer, GROUP.priority, group.priority)
  writer.join()
}

function writeLocality(writer: BinaryWriter, { region, zone, subZone }: Locality): void {
  begin(writer, GROUP.locality)
  text(writer, LOCALITY.region, region)
  text(writer, LOCALITY.zone, zone)
  text(writer, LOCALITY.subZone, subZone)
  writer.join()
}

function writeEndpoint(writer: BinaryWriter, endpoint: Endpoint, weight: number, withMetadata: boolean): void {
  const { object } = endpoint.origin
  begin(writer, GROUP.lbEndpoints)
  begin(writer, LB_ENDPOINT.endpoint)
  begin(writer, ENDPOINT.address)
  writeAddress(writer, endpoint)
  writer.join()
  writer.join()
  number(writer, LB_ENDPOINT.healthStatus, HEALTH[endpoint.health ?? 'healthy'])
  if (withMetadata && object.kind === 'WorkloadEntry') {
    const istio = { workload: `${object.name};${object.namespace}` }
    const metadata = create(MetadataSchema, { filterMetadata: { istio } })
    writer.tag(LB_ENDPOINT.metadata.number, WireType.LengthDelimited).bytes(encode(MetadataSchema, metadata))
  }
  wrapped(writer, LB_ENDPOINT.loadBalancingWeight, weight)
  writer.join()
}

function writeAddress(writer: BinaryWriter, { address, port }: Endpoint): void {
  if (address.startsWith('unix://')) {
    begin(writer, ADDRESS.pipe)
    text(writer, PIPE.path, address.slice('unix://'.length))
  } else {
    begin(writer, ADDRESS.socketAddress)
    text(writer, SOCKET.address, address)
    // Of a oneof, which is there also when it is 0.
    writer.tag(SOCKET.portValue.number, WireType.Varint).uint32(port)
  }
  writer.join()
}

/** A sub-message, until `join`. */
function begin(writer: BinaryWriter, field: Field): void {
  writer.tag(field.number, WireType.LengthDelimited).fork()
}

function text(writer: BinaryWriter, field: Field, value: string): void {
  if (value !== '') writer.tag(field.number, WireType.LengthDelimited).string(value)
}

function number(writer: BinaryWriter, field: Field, value: number): void {
  if (value !== 0) writer.tag(field.number, WireType.Varint).uint32(value)
}

/** A `google.protobuf.UInt32Value`. */
function wrapped(writer: BinaryWriter, field: Field, value: number): void {
  begin(writer, field)
  number(writer, UINT32.value, value)
  writer.join()
}
