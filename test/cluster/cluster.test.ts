import { describe, expect, it } from 'vitest'
import { CLUSTER_DEFAULTS, runCluster } from '../../bench/cluster/run.ts'
import { hasConsul } from '../helpers/consul.ts'

/** The short version of `npm run cluster`. */
describe.skipIf(!(await hasConsul()))('a mesh on Consul with everything being replaced and killed', () => {
  it('loses no request and mixes up no answer, with retries off', { timeout: 240_000 }, async () => {
    const said: string[] = []
    const { sent, lost, wrong, lostAfter, losses, rejected, events } = await runCluster({
      ...CLUSTER_DEFAULTS,
      ...{ seconds: 12, rate: 150, controlPlanes: 2, envoys: 2, messageProxies: 1, instances: 3, flaps: 40 },
      say: (line) => said.push(line),
    })
    expect(sent, said.join('\n')).toBeGreaterThan(1_000)
    // How many is the machine's to say.
    expect(events['replace']).toBeGreaterThan(0)
    expect(events['kill control plane']).toBeGreaterThan(0)
    expect({ lost, wrong, lostAfter, losses, rejected }).toEqual({
      ...{ lost: 0, wrong: 0, lostAfter: {}, losses: {}, rejected: {} },
    })
  })
})
