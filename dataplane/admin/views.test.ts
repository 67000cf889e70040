import { describe, expect, it } from 'vitest'
import { withControlPlane } from './control-plane.ts'
import type { AdminSource } from './server.ts'
import { type HostView, type ListenerView, sumClusters, sumListeners } from './views.ts'

const host = (more: Partial<HostView>): HostView => ({
  address: '10.0.0.1:1',
  priority: 0,
  weight: 1,
  health: 'healthy',
  requestsActive: 1,
  requestsTotal: 10,
  errors: 0,
  timeouts: 0,
  connectFailures: 0,
  ...more,
})
const cluster = (...hosts: HostView[]) => [{ name: 'a', activeConnections: 2, hosts }]

describe('what several workers say', () => {
  it('is one list of clusters; a host that only some hold for bad is told as that, with the newest failure', () => {
    const sick = host({ health: 'ejected', errors: 3, lastFailure: { reason: 'old', at: '2026-01-01T00:00:00.000Z' } })
    const well = host({ lastFailure: { reason: 'new', at: '2026-01-01T00:00:01.000Z' } })
    const [one] = sumClusters([cluster(sick), cluster(well)])
    expect(one).toMatchObject({ name: 'a', activeConnections: 4 })
    expect(one!.hosts).toEqual([
      host({
        health: 'ejected by 1 of 2 workers',
        requestsActive: 2,
        requestsTotal: 20,
        errors: 3,
        lastFailure: { reason: 'new', at: '2026-01-01T00:00:01.000Z' },
      }),
    ])
    expect(sumClusters([cluster(sick), cluster(sick)])[0]!.hosts[0]!.health).toBe('ejected')
  })

  it('is one list of listeners, those that leave apart', () => {
    const open: ListenerView = {
      name: 'l',
      address: '127.0.0.1:1',
      protocol: 'game',
      connections: 'shared',
      tls: false,
      proxyProtocol: false,
      state: 'open',
      activeConnections: 3,
      requestsActive: 1,
    }
    const leaving: ListenerView = { ...open, state: 'draining' }
    expect(sumListeners([[open, leaving], [open]])).toEqual([
      { ...open, activeConnections: 6, requestsActive: 2 },
      leaving,
    ])
  })
})

describe('the admin view', () => {
  it('says whether the control plane answers, when it did last, and what was refused', async () => {
    const source: AdminSource = {
      stats: async () => ({ counters: {}, gauges: { a: 1 }, histograms: {} }),
      configDump: () => ({ version: '3' }),
      clusters: async () => [],
      listeners: async () => [],
      state: () => 'live',
      notOpen: () => [{ name: 'l', reason: 'taken' }],
      drain: () => undefined,
    }
    const refused = [{ type: 'mlds', name: 'l', reason: 'why' }]
    const told = withControlPlane(source, () => ({
      connected: false,
      lastResponseAt: 1_700_000_000_000,
      source: 'saved',
      refused,
      waiting: [
        {
          config: { name: 'w', address: { host: '127.0.0.1', port: 7 }, protocol: 'game', routes: 'r', mode: 'bound' },
          reason: 'waits for cert',
        },
      ],
    }))
    expect((await told.stats()).gauges).toMatchObject({
      a: 1,
      envoy_control_plane_connected_state: 0,
      meshgate_control_plane_last_response_seconds: 1_700_000_000,
      meshgate_resources_refused: 1,
      meshgate_listeners_not_open: 2,
      envoy_server_live: 1,
    })
    expect(told.notOpen()).toEqual([
      { name: 'l', reason: 'taken' },
      { name: 'w', reason: 'waits for cert' },
    ])
    expect(told.configDump()).toEqual({
      controlPlane: { connected: false, source: 'saved', lastResponseAt: '2023-11-14T22:13:20.000Z', refused },
      version: '3',
    })
    expect(await told.listeners()).toEqual([
      {
        name: 'w',
        address: '127.0.0.1:7',
        protocol: 'game',
        connections: 'bound',
        tls: true,
        proxyProtocol: false,
        state: 'not open',
        reason: 'waits for cert',
        activeConnections: 0,
        requestsActive: 0,
      },
    ])
  })
})
