import type { MessageInitShape } from '@bufbuild/protobuf'
import { ApiVersion, type ConfigSourceSchema } from '../../../proto/gen/envoy/config/core/v3/config_source_pb.ts'
import { duration } from '../../../proto/make.ts'

/**
 * How long a cluster may wait for its endpoints or secrets. While one waits, Envoy asks for no other cluster, so the bound is
 * far below the 5 s after which an on-demand request gives up; Envoy's own default is 15 s.
 */
const INITIAL_FETCH_MS = 1000

/** Everything comes over the one aggregated stream. */
export function adsSource(): MessageInitShape<typeof ConfigSourceSchema> {
  return {
    configSourceSpecifier: { case: 'ads', value: {} },
    initialFetchTimeout: duration(INITIAL_FETCH_MS),
    resourceApiVersion: ApiVersion.V3,
  }
}
