import type { MessageInitShape } from '@bufbuild/protobuf'
import { ApiVersion, type ConfigSourceSchema } from '../../../proto/gen/envoy/config/core/v3/config_source_pb.ts'

/** Everything comes over the one aggregated stream, whose order the server controls. */
export const ADS: MessageInitShape<typeof ConfigSourceSchema> = {
  resourceApiVersion: ApiVersion.V3,
  configSourceSpecifier: { case: 'ads', value: {} },
}
