import type { Any } from '@bufbuild/protobuf/wkt'
import { FilterConfigSchema } from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import { GrpcWebSchema } from '../../../proto/gen/envoy/extensions/filters/http/grpc_web/v3/grpc_web_pb.ts'
import { pack } from '../../../proto/make.ts'
import type { PortProtocol } from '../../model/service.ts'

/** The HTTP filter that makes gRPC of what browsers send; off but where a listener or a route turns it on. */
export const GRPC_WEB_FILTER = 'envoy.filters.http.grpc_web'

/** What the filter is told wherever it stands: it has no settings. */
export function grpcWebConfig(): Any {
  return pack(GrpcWebSchema, {})
}

/**
 * Settings of a route to a port of this protocol that turn the filter on. Not for all routes: a server behind a port called otherwise may speak
 * gRPC-Web itself, and wants it as it came.
 */
export function grpcWebOf(protocol: PortProtocol): Readonly<Record<string, Any>> {
  return protocol === 'grpc-web' ? TURNED_ON : NOTHING
}

const NOTHING: Readonly<Record<string, Any>> = {}
const TURNED_ON: Readonly<Record<string, Any>> = {
  [GRPC_WEB_FILTER]: pack(FilterConfigSchema, { config: {} }),
}
