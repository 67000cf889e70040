import type { ConsulAddress } from './http.ts'

/** How a Consul is read. Times in ms. */
export interface ConsulSettings extends ConsulAddress {
  /** Datacenters beside the agent's own. */
  readonly datacenters: readonly string[]
  /** What hosts end in: `<name>.service.<domain>`. */
  readonly domain: string
  /** Namespace of the services in the mesh. */
  readonly namespace: string
  /** Port callers use, and its protocol, for services whose tags say nothing. */
  readonly port: number
  readonly protocol: string
  /** Share (0 to 1) of names or instances that may vanish at once; more waits to be confirmed. */
  readonly shrinkShare: number
  /** How long what shrank too much, or comes from an agent that lost its history, must stay the same to be believed. */
  readonly confirmMs: number
  /** How long a service whose last instance went keeps its name. */
  readonly nameGraceMs: number
  /** How long the agent may hold a query. */
  readonly waitMs: number
  /** How often the agent is asked for its leader: the only quick sign of one that is frozen. Two misses: lost. */
  readonly probeMs: number
  /** A service nobody was served for so long is no longer polled. */
  readonly idleMs: number
}

export const CONSUL_DEFAULTS: Omit<ConsulSettings, 'url'> = {
  datacenters: [],
  domain: 'consul',
  namespace: 'default',
  port: 80,
  protocol: 'http',
  shrinkShare: 0.5,
  confirmMs: 15_000,
  nameGraceMs: 60_000,
  waitMs: 30_000,
  probeMs: 5_000,
  idleMs: 300_000,
}
