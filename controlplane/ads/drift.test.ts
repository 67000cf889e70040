import { Registry } from 'prom-client'
import { afterEach, expect, it } from 'vitest'
import { eventually } from '../../test/helpers/eventually.ts'
import { FakeMesh, fakeResource } from '../../test/helpers/fake-mesh.ts'
import { NODE, names, RawClient } from '../../test/xds/raw-client.ts'
import { adsMetrics } from './metrics.ts'
import { XdsServer } from './server.ts'

let server: XdsServer | undefined
afterEach(() => server?.stop())

it('what a proxy acknowledged is compared with what it should have; what differs is sent anew and counted', async () => {
  const registry = new Registry()
  const mesh = new FakeMesh().put(fakeResource('cds', 'a', 'one'), fakeResource('cds', 'b'))
  server = new XdsServer(mesh, { limits: { verifyMs: 200 }, metrics: adsMetrics(registry) })
  const { port } = await server.listen('127.0.0.1:0')
  const client = new RawClient(port)
  const stream = client.delta()
  stream.send('cds', { node: NODE })
  const first = await stream.next()
  stream.ack(first)
  // The injected drift: another content, and nobody is told.
  mesh.put(fakeResource('cds', 'a', 'two'))
  const repaired = await stream.next()
  expect(names(repaired)).toEqual(['a'])
  expect(Buffer.from(repaired.resources[0]!.resource!.value).toString()).toBe('two')
  stream.ack(repaired)
  const count = async () => (await registry.getSingleMetric('meshgate_xds_drift_repaired')!.get()).values[0]!.value
  await eventually(async () => expect(await count()).toBe(1))
  expect(await stream.quiet(600)).toEqual([])
  expect(await count()).toBe(1)
  client.close()
})
