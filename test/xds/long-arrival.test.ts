import { expect, onTestFinished, test } from 'vitest'
import type { Mesh, View } from '../../controlplane/xds/resource.ts'
import { alwaysThere } from '../helpers/always-there.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { fakeResource } from '../helpers/fake-mesh.ts'
import { xdsServer } from '../helpers/xds-server.ts'
import { NODE, RawClient } from './raw-client.ts'

test('others are answered while what a client comes back with is looked up, and its next request after it', async () => {
  const lookedUp = new Set<string>()
  const onDemand = alwaysThere(() => [])
  const view: View = {
    key: 'all',
    onDemand,
    names: () => [],
    get(type, name) {
      if (type === 'eds') return fakeResource('eds', name, '')
      if (type === 'cds') lookedUp.add(name)
      // As long as it takes to compile something.
      for (const end = performance.now() + 1; performance.now() < end; );
      return undefined
    },
  }
  const mesh: Mesh = { view: () => view, onChange: () => () => {} }
  const server = xdsServer(mesh)
  onTestFinished(() => server.stop(0))
  const { port } = await server.listen('127.0.0.1:0')
  const clients = [new RawClient(port), new RawClient(port)] as const
  for (const client of clients) onTestFinished(() => client.close())
  const [back, other] = clients.map((client) => client.delta()) as [
    ReturnType<RawClient['delta']>,
    ReturnType<RawClient['delta']>,
  ]
  const held = Array.from({ length: 600 }, (_, index) => `held-${index}`)
  const initialResourceVersions = Object.fromEntries(held.map((name) => [name, '1']))
  back.send('cds', { node: NODE, resourceNamesSubscribe: ['*'], initialResourceVersions })
  back.send('eds', { resourceNamesSubscribe: ['endpoints'] })
  await comesTrue(() => lookedUp.size > 0, 'what it holds is looked up', { everyMs: 1 })
  other.send('eds', { node: NODE, resourceNamesSubscribe: ['endpoints'] })
  expect((await other.next()).resources).toHaveLength(1)
  expect(lookedUp.size, 'the other was answered amid that').toBeLessThan(held.length)
  await back.next()
  expect(lookedUp.size, 'its requests are taken in their order').toBe(held.length)
})
