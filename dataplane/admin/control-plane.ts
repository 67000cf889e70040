import type { ListenerConfig } from '../configuration.ts'
import type { AdminSource } from './server.ts'
import { describeWaiting } from './views.ts'

/** What the admin pages tell of the control plane. */
export interface ControlPlaneState {
  readonly connected: boolean
  readonly lastResponseAt: number | undefined
  readonly source: string
  readonly refused: readonly unknown[]
  /** Listeners that are no part of the configuration yet, with what they wait for. */
  readonly waiting: readonly { readonly config: Omit<ListenerConfig, 'tls'>; readonly reason: string }[]
}

/** The admin view with what the proxy knows of its control plane. Gauges have Envoy's names where Envoy has the same. */
export function withControlPlane(source: AdminSource, status: () => ControlPlaneState): AdminSource {
  const notOpen = () => [
    ...source.notOpen(),
    ...status().waiting.map(({ config: { name }, reason }) => ({ name, reason })),
  ]
  return {
    notOpen,
    state: () => source.state(),
    drain: () => source.drain(),
    clusters: () => source.clusters(),
    listeners: async () => [
      ...(await source.listeners()),
      ...status().waiting.map(({ config, reason }) => describeWaiting(config, reason)),
    ],
    configDump: () => {
      const { lastResponseAt, waiting: _, ...rest } = status()
      const at = lastResponseAt === undefined ? undefined : new Date(lastResponseAt).toISOString()
      return { controlPlane: { ...rest, lastResponseAt: at }, ...(source.configDump() as object) }
    },
    stats: async () => {
      const stats = await source.stats()
      const { connected, lastResponseAt, refused } = status()
      const state = source.state()
      return {
        ...stats,
        gauges: {
          ...stats.gauges,
          envoy_control_plane_connected_state: connected ? 1 : 0,
          meshgate_control_plane_last_response_seconds: lastResponseAt === undefined ? 0 : lastResponseAt / 1000,
          meshgate_resources_refused: refused.length,
          meshgate_listeners_not_open: notOpen().length,
          envoy_server_live: state === 'live' ? 1 : 0,
          envoy_server_uptime: Math.floor(process.uptime()),
        },
      }
    },
  }
}
