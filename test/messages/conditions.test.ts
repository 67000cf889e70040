import { readFileSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { protocolFile } from '../../codecs/load.ts'
import { GameClient } from '../dataplane/game.ts'
import { startControlPlane } from '../helpers/control-plane.ts'
import { freePort } from '../helpers/ports.ts'
import { Bed, gateway, managedProxy, msgRouter, service } from './bed.ts'

const bed = new Bed()
afterEach(() => bed.close())

/** Two services behind one port of the proxy; resolves when routers and rules are in force. */
async function ask(config: string) {
  const [a, b] = [await bed.server('a'), await bed.server('b')]
  const port = await freePort()
  const plane = await startControlPlane(
    service('a.test', 12345, [{ port: a.port }]) +
      service('b.test', 12346, [{ port: b.port }]) +
      gateway(port) +
      config,
  )
  bed.defer(() => plane.stop())
  const managed = await managedProxy(bed, plane.port)
  await managed.inForce(
    ({ listeners, routes }) =>
      listeners.length === 1 && routes.some((table) => table.routes.some(({ name }) => name === 'one')),
  )
  const game = new GameClient(port)
  bed.defer(() => game.close())
  /** Which service answers each message, or that there is no route. */
  return async (messages: readonly object[]) => {
    const all: string[] = []
    for (const message of messages) {
      const { flags, body } = await game.ask({ msgid: 1, seq: 1, ...message })
      all.push(flags === 0 ? String(body)[0]! : 'none')
    }
    return all
  }
}

it('ids of a MsgRouter may have 64 bits without a sign', async () => {
  // What is called uid elsewhere is the id here.
  const protocol = readFileSync(protocolFile('game'), 'utf8')
    .replace(/\bmsgid:/, 'kept:')
    .replace(/\buid:/, 'msgid:')
    .replace('kept:', 'uid:')
  const services = await ask(
    `\n${protocol}\n---${msgRouter('one', 'msgid: ["7-9223372036854775809", "18446744073709551615"], svrName: a.test')}${msgRouter('two', 'msgid: "0xa000000000000000-0xb000000000000000", svrName: b.test')}`,
  )
  const ids = [
    6n,
    7n,
    2n ** 63n - 1n,
    2n ** 63n,
    2n ** 63n + 1n,
    2n ** 63n + 2n,
    0xa5n << 56n,
    2n ** 64n - 2n,
    2n ** 64n - 1n,
  ]
  expect(await services(ids.map((uid) => ({ uid })))).toEqual(['none', 'a', 'a', 'a', 'a', 'none', 'b', 'none', 'a'])
})

it.each<[string, string, readonly object[], readonly object[]]>([
  [
    'a range that begins',
    'uid: {range: {first: 5}}',
    [{ uid: 5n }, { uid: 2n ** 63n }, { uid: 2n ** 64n - 1n }],
    [{ uid: 4n }],
  ],
  ['a range that ends', 'uid: {range: {last: 5}}', [{ uid: 0n }, { uid: 5n }], [{ uid: 6n }, { uid: 2n ** 64n - 1n }]],
  [
    'a range beyond 2^53, to the number',
    'uid: {range: {first: "9007199254740993", last: "18446744073709551614"}}',
    [{ uid: 2n ** 53n + 1n }, { uid: 2n ** 64n - 2n }],
    [{ uid: 2n ** 53n }, { uid: 2n ** 64n - 1n }],
  ],
  ['a set', 'uid: {in: [5, 7]}', [{ uid: 5n }, { uid: 7n }], [{ uid: 6n }]],
  ['what it is not', 'uid: {exact: 5, not: true}', [{ uid: 4n }], [{ uid: 5n }]],
  ['a prefix', 'body: {prefix: he}', [{ body: 'hello' }], [{ body: 'ahello' }]],
  ['a suffix', 'body: {suffix: lo}', [{ body: 'hello' }], [{ body: 'hell' }]],
  ['a pattern of the whole', 'body: {regex: "h.*l"}', [{ body: 'hell' }], [{ body: 'hello' }]],
  ['presence', 'body: {present: true}', [{ body: '' }], []],
  ['absence', 'body: {present: true, not: true}', [], [{ body: 'x' }]],
])('a condition on a field of a MsgRouter: %s', async (_, match, fits, others) => {
  const services = await ask(msgRouter('one', `match: [{${match}}], svrName: a.test`))
  expect(await services(fits)).toEqual(fits.map(() => 'a'))
  expect(await services(others)).toEqual(others.map(() => 'none'))
})
