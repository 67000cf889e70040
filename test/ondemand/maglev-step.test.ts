import { expect, test } from 'vitest'
import { ask } from '../envoy/http-mesh.ts'
import { startEcho } from '../helpers/echo.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { startLazyEnvoy, startPlane } from './bed.ts'

const KEYS = 200

test('a service that grows beyond 40 endpoints gets the large table: nearly all keys move once, after that few', async () => {
  const all = await Promise.all(Array.from({ length: 42 }, (_, index) => startEcho(`s${index}`)))
  const world = (count: number) => `${serviceAt('hash.test', all.slice(0, count))}---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: hash}
spec: {host: hash.test, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}}
`
  const plane = await startPlane(world(40))
  const envoy = await startLazyEnvoy(plane.port)
  const holders = async () => {
    const found: (string | undefined)[] = []
    for (let key = 0; key < KEYS; key++) {
      const answer = await ask(envoy.httpPort, 'hash.test', '/', { headers: { 'x-user': `u${key}` } })
      expect(answer.status).toBe(200)
      found.push(answer.upstream)
    }
    return found
  }
  const table = async () => {
    const [{ cluster }] = (await envoy.configDump())['ClustersConfigDump'].dynamic_active_clusters
    return cluster.load_balancing_policy.policies[0].typed_extension_config.typed_config.table_size
  }
  const grown = async (count: number) => {
    plane.commit(world(count))
    await comesTrue(
      async () => (await envoy.stat('cluster.outbound|80||hash.test;.membership_total')) === count,
      'its endpoints are there',
    )
    // Until the new one is warm the cluster before it chooses.
    await comesTrue(async () => (await table()) === '65537', 'the large table')
    return holders()
  }
  const moved = (before: readonly unknown[], after: readonly unknown[]) =>
    before.filter((holder, key) => holder !== after[key]).length / KEYS
  const with40 = await holders()
  expect(await table()).toBe('4093')
  expect(await holders()).toEqual(with40)
  const with41 = await grown(41)
  expect(moved(with40, with41)).toBeGreaterThan(0.8)
  const with42 = await grown(42)
  expect(moved(with41, with42)).toBeLessThan(0.2)
  expect(await envoy.rejected()).toEqual({})
})
