import { expect, test } from 'vitest'
import { startControlPlane, startEnvoyClient } from '../helpers/control-plane.ts'
import { startEcho } from '../helpers/echo.ts'
import { meshSettings, serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { ask, MODES } from './http-mesh.ts'

test.each(MODES)(
  'deferred statistics, %s: a cluster has those of its traffic from its first request on',
  async (mode) => {
    const [used, unused, httpPort] = await Promise.all([startEcho('used'), startEcho('unused'), freePort()])
    const controlPlane = await startControlPlane(
      meshSettings(`httpPort: ${httpPort}`) + serviceAt('used', [used]) + serviceAt('unused', [unused]),
    )
    const id = 'sidecar~127.0.0.1~shop-1.default~default.svc.cluster.local'
    const node = { id, metadata: { LAZY: false } }
    const envoy = await startEnvoyClient(controlPlane, mode, node, { deferredStats: true })
    const cluster = (service: string) => `cluster.outbound|80||${service}.default.svc.cluster.local;.`
    const statsOf = async (service: string) =>
      (await envoy.admin('/stats'))
        .split('\n')
        .filter((line) => line.startsWith(cluster(service)))
        .map((line) => line.slice(cluster(service).length))

    for (const service of ['used', 'unused']) {
      const stats = await statsOf(service)
      expect(stats).toContain('membership_total: 1')
      expect(stats.filter((stat) => stat.startsWith('upstream_rq_'))).toEqual([])
    }
    expect(await ask(httpPort, 'used')).toMatchObject({ status: 200 })
    expect(await statsOf('used')).toContain('upstream_rq_total: 1')
    expect((await statsOf('unused')).filter((stat) => stat.startsWith('upstream_rq_'))).toEqual([])
  },
)
