import type { Configuration, MessageRoute, RouteAction } from '../../dataplane/configuration.ts'

/** How much of the proxy is at work; `all` adds hash by player, a limit, a fault that never strikes, 1 % access log, 1 % mirror. */
export type Features = 'plain' | 'all'

export interface Workload {
  readonly protocol: 'game' | 'thrift'
  /** One port for each service; routes are dealt out to them in turn. */
  readonly upstreams: readonly number[]
  readonly routes: number
  readonly features: Features
  /** Where mirrored messages go. */
  readonly mirror?: number
}

const huge = 1_000_000

/** Configuration of a proxy under load: breaking, outlier detection and timeouts are on, with limits that are not met. */
export function configurationOf({ protocol, upstreams, routes, features, mirror }: Workload): Configuration {
  const all = features === 'all'
  const cluster = (name: string, port: number) => ({
    name,
    localities: [{ endpoints: [{ address: { host: '127.0.0.1', port } }] }],
    balancer: all && name !== 'mirror' ? ({ kind: 'maglev' } as const) : ({ kind: 'roundRobin' } as const),
    circuitBreakers: {
      default: { maxConnections: huge, maxPendingRequests: huge, maxRequests: huge, maxPendingBytes: 256 * huge },
    },
    outlierDetection: {},
    // A shared machine may be slow; the figures are of messages, not of connecting.
    connectTimeoutMs: 10_000,
  })
  const more: Partial<RouteAction> = all
    ? {
        ...(protocol === 'game' && { hashKeys: [{ field: 'uid' }] }),
        rateLimits: [{ maxTokens: huge, tokensPerFill: huge, fillIntervalMs: 10 }],
        fault: { delay: { percent: 1e-12, ms: 1 }, abort: { percent: 1e-12 } },
        mirrors: [{ cluster: 'mirror', percent: 1 }],
      }
    : {}
  const route = (i: number): MessageRoute => ({
    name: `route${i}`,
    match: [
      protocol === 'game'
        ? { field: 'msgid', exact: String(100_000 + i) }
        : { field: 'name', exact: `method_${String(i).padStart(2, '0')}` },
    ],
    action: { destinations: [{ cluster: `service${i % upstreams.length}`, weight: 1 }], timeoutMs: 15_000, ...more },
  })
  return {
    version: 'bench',
    protocols: [{ name: protocol, shipped: protocol }],
    listeners: [
      {
        name: 'in',
        address: { host: '127.0.0.1', port: 0 },
        protocol,
        routes: 'routes',
        maxConnections: huge,
        ...(all && {
          accessLog: { sampling: 1, fields: [protocol === 'game' ? 'uid' : 'name'], path: '/dev/null' },
        }),
      },
    ],
    routes: [{ name: 'routes', routes: Array.from({ length: routes }, (_, i) => route(i)) }],
    clusters: [
      ...upstreams.map((port, i) => cluster(`service${i}`, port)),
      ...(mirror === undefined ? [] : [cluster('mirror', mirror)]),
    ],
  }
}
