import { afterEach, expect, it } from 'vitest'
import { GameClient } from '../dataplane/game.ts'
import { startControlPlane } from '../helpers/control-plane.ts'
import { freePort } from '../helpers/ports.ts'
import { Bed, gateway, managedProxy, msgRouter, service } from './bed.ts'

const bed = new Bed()
afterEach(() => bed.close())

it.each<[string, string, readonly object[], readonly object[]]>([
  [
    'a range that begins',
    'uid: {range: {first: 5}}',
    [{ uid: 5n }, { uid: 2n ** 63n }, { uid: 2n ** 64n - 1n }],
    [{ uid: 4n }],
  ],
  ['a range that ends', 'uid: {range: {last: 5}}', [{ uid: 0n }, { uid: 5n }], [{ uid: 6n }, { uid: 2n ** 64n - 1n }]],
  ['a set', 'uid: {in: [5, 7]}', [{ uid: 5n }, { uid: 7n }], [{ uid: 6n }]],
  ['what it is not', 'uid: {exact: 5, not: true}', [{ uid: 4n }], [{ uid: 5n }]],
  ['a prefix', 'body: {prefix: he}', [{ body: 'hello' }], [{ body: 'ahello' }]],
  ['a suffix', 'body: {suffix: lo}', [{ body: 'hello' }], [{ body: 'hell' }]],
  ['a pattern of the whole', 'body: {regex: "h.*l"}', [{ body: 'hell' }], [{ body: 'hello' }]],
  ['presence', 'body: {present: true}', [{ body: '' }], []],
  ['absence', 'body: {present: true, not: true}', [], [{ body: 'x' }]],
])('a condition on a field of a MsgRouter: %s', async (_, match, fits, others) => {
  const a = await bed.server('a')
  const port = await freePort()
  const plane = await startControlPlane(
    service('test.serviceA', 12345, [{ port: a.port }]) +
      gateway(port) +
      msgRouter('one', `match: [{${match}}], svrName: test.serviceA`),
  )
  bed.defer(() => plane.stop())
  const managed = await managedProxy(bed, plane.port)
  await managed.inForce(({ routes }) => routes.some((table) => table.routes.some(({ name }) => name === 'one')))
  const game = new GameClient(port)
  bed.defer(() => game.close())
  const taken = async (messages: readonly object[]) => {
    const all: boolean[] = []
    for (const message of messages) all.push((await game.ask({ msgid: 1, seq: 1, ...message })).flags === 0)
    return all
  }
  expect(await taken(fits)).toEqual(fits.map(() => true))
  expect(await taken(others)).toEqual(others.map(() => false))
})
