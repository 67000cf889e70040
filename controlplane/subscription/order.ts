import type { ResourceType } from '../../proto/types.ts'

/** One step of serving a change to one client. */
export interface Step {
  readonly type: ResourceType
  readonly upsert: boolean
  readonly remove: boolean
  /** Types that must have nothing left to send and nothing unanswered before this step; types never asked for do not count. */
  readonly after: readonly ResourceType[]
}

/**
 * Make before break: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#eventual-consistency-considerations
 *
 * - Secrets go first, in the same flight as the clusters that use them: Envoy warms a cluster only once it has its secret.
 * - Endpoints do not wait for the clusters' ACK but follow in the same flight: Envoy acknowledges clusters when they are
 *   warm, and they get warm by their endpoints.
 * - Virtual hosts that come on demand name clusters as routes do, and belong to a route configuration that comes first.
 * - Listeners and routes are added and removed in one step. A listener that takes over another's address must arrive
 *   together with the removal of the other, or Envoy refuses it as a duplicate; nothing else uses a listener or, once its
 *   listener is gone, a route configuration.
 * - What others use is removed last, when the client has acknowledged what stopped using it.
 * - Of the private-protocol proxy's types each comes behind what it names: protocols, route tables, listeners. The proxy keeps
 *   a removed table as long as a listener names it, so tables are removed in the step that adds them.
 */
export const ORDER: readonly Step[] = [
  { type: 'sds', upsert: true, remove: false, after: [] },
  { type: 'cds', upsert: true, remove: false, after: [] },
  { type: 'eds', upsert: true, remove: false, after: [] },
  { type: 'pds', upsert: true, remove: false, after: [] },
  { type: 'mrds', upsert: true, remove: true, after: ['sds', 'cds', 'eds', 'pds'] },
  { type: 'mlds', upsert: true, remove: true, after: ['sds', 'cds', 'eds', 'pds', 'mrds'] },
  { type: 'lds', upsert: true, remove: true, after: ['sds', 'cds', 'eds'] },
  { type: 'rds', upsert: true, remove: true, after: ['sds', 'cds', 'eds', 'lds'] },
  { type: 'vhds', upsert: true, remove: true, after: ['sds', 'cds', 'eds', 'lds', 'rds'] },
  { type: 'cds', upsert: false, remove: true, after: ['lds', 'rds', 'vhds', 'mrds', 'mlds'] },
  { type: 'eds', upsert: false, remove: true, after: ['lds', 'rds', 'vhds', 'mrds', 'mlds', 'cds'] },
  { type: 'sds', upsert: false, remove: true, after: ['lds', 'rds', 'mlds', 'cds'] },
  { type: 'pds', upsert: false, remove: true, after: ['mrds', 'mlds'] },
]

/** Types whose resources are pointed to by others: they are removed in a later phase than they are added. */
export const REMOVED_LAST: ReadonlySet<ResourceType> = new Set(
  ORDER.filter((step) => step.remove && !step.upsert).map((step) => step.type),
)

/** Types that point to the ones above: sending one of them first would leave it pointing to nothing. */
export const USES_OTHERS: ReadonlySet<ResourceType> = new Set(
  ORDER.filter((step) => step.upsert && step.remove).map((step) => step.type),
)
