import { afterEach, describe, expect, it } from 'vitest'
import type { RateLimitSpec } from '../../controlplane/config/kinds/rate-limit.ts'
import { createRateLimits } from '../../controlplane/ratelimit/index.ts'
import { takeStats } from '../../dataplane/stats/prometheus.ts'
import { GameClient, type GameFrame } from '../dataplane/game.ts'
import { type ControlPlane, startControlPlane } from '../helpers/control-plane.ts'
import { comesTrue, eventually } from '../helpers/eventually.ts'
import { freePort } from '../helpers/ports.ts'
import { Bed, gateway, type ManagedProxy, managedProxy, msgRouter, service } from './bed.ts'

/** Two message proxies, a control plane that is the rate limit service as well, and limits in YAML. */

let bed = new Bed()
afterEach(async () => {
  await bed.close()
  bed = new Bed()
})

const refused = ({ flags }: GameFrame) => (flags & 0x80) !== 0

interface Mesh {
  readonly plane: ControlPlane
  readonly proxies: readonly ManagedProxy[]
  readonly clients: readonly GameClient[]
}

/** `limits` are documents; both proxies listen on a port of their own gateway. */
async function mesh(documents: (port: number) => string): Promise<Mesh> {
  const server = await bed.server('a')
  const ports = [await freePort(), await freePort()]
  const limits = createRateLimits({ documents: () => plane.mesh.model.world.all<RateLimitSpec>('RateLimit') })
  bed.defer(() => limits.stop())
  const plane: ControlPlane = await startControlPlane(
    service('test.serviceA', 12345, [{ port: server.port }]) +
      ports
        .map((port, i) =>
          gateway(port)
            .replace('name: edge', `name: edge${i}`)
            .replace('spec:\n', `spec:\n  selector: {edge: "${i}"}\n`),
        )
        .join('') +
      documents(server.port),
    { services: [limits.service] },
  )
  bed.defer(() => plane.stop())
  plane.mesh.onChange(() => limits.configChanged())
  const proxies = await Promise.all(
    ports.map((_, i) =>
      managedProxy(bed, plane.port, {
        node: {
          id: `message~127.0.0.1~edge${i}.default~default.svc.cluster.local`,
          cluster: 'edge',
          metadata: { LABELS: { edge: `${i}` } },
        },
      }),
    ),
  )
  for (const proxy of proxies) await proxy.inForce(({ listeners }) => listeners.length === 1)
  const clients = ports.map((port) => new GameClient(port))
  for (const client of clients) bed.defer(() => client.close())
  return { plane, proxies, clients }
}

const document = (spec: string) => `
apiVersion: meshgate.io/v1
kind: RateLimit
metadata: {name: calls}
spec: {${spec}}
---`

describe('limits that are counted for all message proxies together', () => {
  it('a RateLimit document for a host: both proxies take from one counter, each player has his own', async () => {
    const { clients, proxies } = await mesh(
      () =>
        msgRouter('one', 'msgid: 1-9, svrName: test.serviceA') +
        document(
          'shared: true, hosts: [test.serviceA], limits: [{match: {msgid: 1}, per: [uid], tokenBucket: {maxTokens: 3, fillInterval: 1h}}]',
        ),
    )
    const count = (name: string) =>
      proxies.map(({ proxy }) =>
        Object.entries(takeStats(proxy).counters).reduce(
          (sum, [key, value]) => (key.startsWith(`meshgate_route_${name}{`) ? sum + value : sum),
          0,
        ),
      )
    // On a busy machine answers may come after 20 ms: such messages pass, and are counted as that. It is asked until both have been told.
    // The service says how long the counter stays empty: each proxy asks about once a second, and decides by itself in between.
    let seq = 0
    await comesTrue(async () => {
      for (const client of clients) for (let n = 0; n < 20; n++) await client.ask({ msgid: 1, seq: seq++, uid: 7n })
      return [...count('ratelimit_over_limit'), ...count('ratelimit_over_limit_local')].every((n) => n > 0)
    }, 'both proxies are told that there is no more, and keep to it')
    const sum = (name: string) => count(name).reduce((total, n) => total + n)
    expect(sum('ratelimit_ok') + sum('ratelimit_over_limit') + sum('ratelimit_error')).toBe(seq)
    expect(sum('ratelimit_ok')).toBeLessThanOrEqual(3)
    expect(refused(await clients[0]!.ask({ msgid: 1, seq: seq++, uid: 8n }))).toBe(false)
    expect(refused(await clients[0]!.ask({ msgid: 2, seq: seq++, uid: 7n }))).toBe(false)
  })

  it('globalRateLimit of a MetaRouter: what the domain allows passes', async () => {
    const { clients } = await mesh(
      () => `
apiVersion: metaprotocol.aeraki.io/v1alpha1
kind: MetaRouter
metadata: {name: limited}
spec:
  hosts: [test.serviceA]
  gateways: [edge0, edge1]
  routes: [{route: [{destination: {host: test.serviceA}}]}]
  globalRateLimit:
    domain: production
    match: {attributes: {msgid: {exact: "1"}}}
    requestTimeout: 5s
    denyOnFail: true
    descriptors: [{property: uid, descriptorKey: user}]
---
${document('domain: production, limits: [{descriptor: [{key: user}], tokenBucket: {maxTokens: 2, fillInterval: 1h}}]')}`,
    )
    const outcomes: boolean[] = []
    for (let seq = 0; seq < 4; seq++) outcomes.push(refused(await clients[seq % 2]!.ask({ msgid: 1, seq, uid: 7n })))
    expect(outcomes).toEqual([false, false, true, true])
    expect(refused(await clients[0]!.ask({ msgid: 2, seq: 9, uid: 7n }))).toBe(false)
  })

  it('the service is gone: denyOnFail refuses, the rest passes', async () => {
    const { clients, plane } = await mesh(
      () =>
        msgRouter('one', 'msgid: 1-9, svrName: test.serviceA') +
        document(
          'shared: true, limits: [{match: {msgid: 1}, onFailure: deny, tokenBucket: {maxTokens: 1000, fillInterval: 1h}}, {tokenBucket: {maxTokens: 1000, fillInterval: 1h}}]',
        ),
    )
    let seq = 10
    await eventually(async () => expect(refused(await clients[0]!.ask({ msgid: 1, seq: seq++ }))).toBe(false))
    await plane.stop()
    expect(refused(await clients[0]!.ask({ msgid: 1, seq: 2 }))).toBe(true)
    expect(refused(await clients[0]!.ask({ msgid: 2, seq: 3 }))).toBe(false)
  })
})
