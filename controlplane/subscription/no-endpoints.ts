import type { Resource } from '../xds/resource.ts'
import { fieldSize, WireWriter } from './wire.ts'

/**
 * An assignment without endpoints. `ClusterLoadAssignment: cluster_name = 1`
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/endpoint/v3/endpoint.proto
 */
export function noEndpoints(name: string): Resource {
  const length = Buffer.byteLength(name)
  const writer = new WireWriter(fieldSize(length), 0)
  writer.string(1, name, length)
  return { type: 'eds', name, version: 'none', bytes: writer.finish(), origins: [], children: [] }
}
