import { expect, onTestFinished, test } from 'vitest'
import type { Mesh, View } from '../../controlplane/xds/resource.ts'
import { comesTrue } from '../helpers/eventually.ts'
import { xdsServer } from '../helpers/xds-server.ts'
import { NODE, RawClient } from './raw-client.ts'

test('a client that leaves before what it asked for was looked up leaves no names behind', async () => {
  const known = new Set<string>()
  let lookedUp = 0
  const view: View = {
    key: 'all',
    names: () => [],
    get(type, name) {
      known.add(`${type} ${name}`)
      lookedUp++
      // As long as it takes to compile something.
      for (const end = performance.now() + 1; performance.now() < end; );
      return undefined
    },
    forget: (type, name) => void known.delete(`${type} ${name}`),
  }
  const mesh: Mesh = { view: () => view, onChange: () => () => {} }
  const server = xdsServer(mesh)
  onTestFinished(() => server.stop(0))
  const { port } = await server.listen('127.0.0.1:0')
  const client = new RawClient(port)
  onTestFinished(() => client.close())
  const stream = client.delta()
  const names = Array.from({ length: 600 }, (_, index) => `nobody-${index}`)
  stream.send('eds', { node: NODE, resourceNamesSubscribe: names })
  await comesTrue(() => known.size > 0, 'names are looked up', { everyMs: 1 })
  stream.cancel()
  await comesTrue(() => server.status.connected === 0, 'the stream is gone', { everyMs: 1 })
  expect(known.size, 'it left amid that').toBeLessThan(names.length)
  await comesTrue(() => lookedUp >= names.length && known.size === 0, 'nothing is left of them')
})
