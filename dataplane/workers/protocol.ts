import type { ClusterView, ListenerView } from '../admin/views.ts'
import type { Configuration } from '../configuration.ts'
import type { ConfigurationProblem } from '../proxy.ts'
import type { StatsSnapshot } from '../stats/prometheus.ts'

/** What the first process says to a worker. */
export type ToWorker =
  | { readonly type: 'configuration'; readonly id: number; readonly configuration: Configuration }
  | { readonly type: 'stats'; readonly id: number }
  | { readonly type: 'drain'; readonly timeoutMs: number }

/** What a worker answers. */
export type FromWorker =
  | { readonly type: 'ready' }
  /** What is to be said of `thing`, and how often it happened besides (`complain.ts`). */
  | { readonly type: 'complaint'; readonly thing: string; readonly text: string; readonly more: number }
  | {
      readonly type: 'applied'
      readonly id: number
      readonly problems: readonly ConfigurationProblem[]
      /** Addresses by listener, with the ports found. */
      readonly addresses: Readonly<Record<string, unknown>>
    }
  | {
      readonly type: 'stats'
      readonly id: number
      readonly stats: StatsSnapshot
      readonly clusters: readonly ClusterView[]
      readonly listeners: readonly ListenerView[]
    }
