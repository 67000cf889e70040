import { expect, test } from 'vitest'
import { startTcpEcho, type Upstream } from '../helpers/echo.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { serviceAt } from '../helpers/mesh-yaml.ts'
import { freePort } from '../helpers/ports.ts'
import { exchange, startLazyEnvoy, startPlane } from './bed.ts'

test('a connection is held until its cluster is there, with the bytes sent early; a missing one is reset at once', async () => {
  const upstream = await startTcpEcho('tcp')
  const [port, missing] = [await freePort(), await freePort()]
  const rule = `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: broken}
spec: {hosts: [broken.test], tcp: [{route: [{destination: {host: broken.test, subset: none}}]}]}
`
  const plane = await startPlane(
    serviceAt('tcp.test', [upstream], `{number: ${port}, name: tcp, protocol: TCP}`) +
      serviceAt('broken.test', [upstream], `{number: ${missing}, name: tcp, protocol: TCP}`) +
      rule,
  )
  const envoy = await startLazyEnvoy(plane.port)
  expect(await envoy.clusters()).toEqual([])
  expect(await exchange(port, 'early bytes')).toContain('early bytes')
  for (let attempt = 0; attempt < 2; attempt++) expect(await exchange(missing, 'x')).toBe('')
  expect(await envoy.stat(`tcp.outbound|${missing}||broken.test.on_demand_cluster_timeout`)).toBe(0)
  expect(await envoy.rejected()).toEqual({})
})

test('connections are split: both clusters come with the first that is asked for', async () => {
  const [left, right] = [await startTcpEcho('left'), await startTcpEcho('right')]
  const port = await freePort()
  const tcp = `{number: ${port}, name: tcp, protocol: TCP}`
  const split = `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: split}
spec:
  hosts: [left.test]
  tcp: [{route: [{destination: {host: left.test}, weight: 99}, {destination: {host: right.test}, weight: 1}]}]
`
  const plane = await startPlane(serviceAt('left.test', [left], tcp) + serviceAt('right.test', [right], tcp) + split)
  const envoy = await startLazyEnvoy(plane.port)
  expect(await envoy.clusters()).toEqual([])
  expect(await exchange(port, 'x')).toContain('x')
  expect(await envoy.clusters()).toEqual([`outbound|${port}||left.test`, `outbound|${port}||right.test`])
  expect(await envoy.rejected()).toEqual({})
})

test('a connection to a service without endpoints is closed at once, each time, and taken when there are some', async () => {
  const upstream = await startTcpEcho('tcp')
  const port = await freePort()
  const world = (upstreams: readonly Upstream[]) =>
    serviceAt('tcp.test', upstreams, `{number: ${port}, name: tcp, protocol: TCP}`)
  const plane = await startPlane(world([]))
  const envoy = await startLazyEnvoy(plane.port)
  for (let attempt = 0; attempt < 2; attempt++) expect(await exchange(port, 'x')).toBe('')
  expect(await envoy.clusters()).toEqual([`outbound|${port}||tcp.test`])
  expect(await envoy.stat(`tcp.outbound|${port}||tcp.test.on_demand_cluster_timeout`)).toBe(0)
  expect(await envoy.stat('cluster_manager.warming_clusters')).toBe(0)
  plane.commit(world([upstream]))
  await comesTrue(async () => (await exchange(port, 'later')).includes('later'), 'served')
  expect(await envoy.rejected()).toEqual({})
})
