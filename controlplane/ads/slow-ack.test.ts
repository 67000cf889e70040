import { Registry } from 'prom-client'
import { afterEach, expect, it } from 'vitest'
import { alwaysThere } from '../../test/helpers/always-there.ts'
import { eventually } from '../../test/helpers/eventually.ts'
import { FakeMesh, fakeResource } from '../../test/helpers/fake-mesh.ts'
import { NODE, RawClient } from '../../test/xds/raw-client.ts'
import type { Mesh } from '../xds/resource.ts'
import { adsMetrics } from './metrics.ts'
import { XdsServer } from './server.ts'

let server: XdsServer | undefined
afterEach(() => server?.stop())

const onDemand = alwaysThere(() => ['a'])

it('clusters got on demand that are not acknowledged in time are told, once, by a metric and the log', async () => {
  const registry = new Registry()
  const fake = new FakeMesh().put(fakeResource('cds', 'a'))
  const mesh: Mesh = {
    view: (node) => ({ ...fake.view(node), onDemand }),
    onChange: (listener) => fake.onChange(listener),
  }
  const warned: string[] = []
  const nothing = () => {}
  const logger = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (_: object, text: string) => void warned.push(text),
  }
  server = new XdsServer(mesh, { limits: { slowAckMs: 50 }, metrics: adsMetrics(registry), logger })
  const { port } = await server.listen('127.0.0.1:0')
  const client = new RawClient(port)
  const stream = client.delta()
  stream.send('cds', { node: NODE })
  const first = await stream.next()
  const slow = 'a proxy does not acknowledge its clusters: it can start no other on demand meanwhile'
  await eventually(() => expect(warned).toContain(slow))
  stream.ack(first)
  await stream.quiet(300)
  expect(warned.filter((text) => text === slow)).toHaveLength(1)
  const told = await registry.getSingleMetric('meshgate_ondemand_slow_acks')!.get()
  expect(told.values[0]!.value).toBe(1)
  client.close()
})
