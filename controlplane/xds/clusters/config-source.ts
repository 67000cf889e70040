import type { MessageInitShape } from '@bufbuild/protobuf'
import { ApiVersion, type ConfigSourceSchema } from '../../../proto/gen/envoy/config/core/v3/config_source_pb.ts'
import { duration } from '../../../proto/make.ts'

/**
 * How long a cluster may wait. While one waits, Envoy asks for no other cluster, so the bound is below the 5 s after which an
 * on-demand request gives up; Envoy's own default is 15 s.
 *
 * A cluster whose time is over goes into service without endpoints or certificates and fails its requests. Every assignment
 * and every name of a file that is asked for is answered, so only a stalled control plane or network is waited for, and the
 * requests can wait too. The Secret of a credential may be missing.
 */
const INITIAL_FETCH_MS = { endpoints: 4000, files: 4000, credential: 1000 }

/** Everything comes over the one aggregated stream. */
export function adsSource(of: keyof typeof INITIAL_FETCH_MS): MessageInitShape<typeof ConfigSourceSchema> {
  return {
    configSourceSpecifier: { case: 'ads', value: {} },
    initialFetchTimeout: duration(INITIAL_FETCH_MS[of]),
    resourceApiVersion: ApiVersion.V3,
  }
}
