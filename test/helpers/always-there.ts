import type { OnDemand } from '../../controlplane/xds/resource.ts'

/** Clusters on demand whose names are never let go of. @param eager those that are sent unasked */
export function alwaysThere(eager: OnDemand['eager']): OnDemand {
  return {
    eager,
    companions: () => [],
    present: (cluster) => cluster,
    renamed: () => [],
    placeholder: () => undefined,
    isPlaceholder: () => false,
    departing: () => undefined,
    needed: () => [],
  }
}
