import type { MessageInitShape } from '@bufbuild/protobuf'
import type { AccessLogSchema } from '../../../proto/gen/envoy/config/accesslog/v3/accesslog_pb.ts'
import { ApiVersion } from '../../../proto/gen/envoy/config/core/v3/config_source_pb.ts'
import {
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '../../../proto/gen/envoy/extensions/access_loggers/grpc/v3/als_pb.ts'
import { duration, pack } from '../../../proto/make.ts'
import { XDS_CLUSTER } from '../../bootstrap/envoy.ts'

/**
 * Tells the control plane of each request (or TCP connection) that leaves a workload or passes a gateway: callers count what
 * they sent, so what arrives is not counted again.
 * @param only `missing-cluster`: nothing but requests for a cluster the proxy does not have (flag NC)
 */
export function accessReport(kind: 'http' | 'tcp', only?: 'missing-cluster'): MessageInitShape<typeof AccessLogSchema> {
  const commonConfig = {
    logName: kind,
    // The static cluster of the bootstrap: over the connection that is there anyway.
    grpcService: {
      targetSpecifier: { case: 'envoyGrpc' as const, value: { clusterName: XDS_CLUSTER } },
    },
    transportApiVersion: ApiVersion.V3,
    bufferFlushInterval: duration(1000),
    bufferSizeBytes: 65_536,
  }
  return {
    name: kind === 'http' ? 'envoy.access_loggers.http_grpc' : 'envoy.access_loggers.tcp_grpc',
    ...(only && { filter: { filterSpecifier: { case: 'responseFlagFilter' as const, value: { flags: ['NC'] } } } }),
    configType: {
      case: 'typedConfig',
      value:
        kind === 'http'
          ? pack(HttpGrpcAccessLogConfigSchema, { commonConfig })
          : pack(TcpGrpcAccessLogConfigSchema, { commonConfig }),
    },
  }
}
