import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type DiscoveryRequest, readRequest } from '../subscription/request.ts'
import { RequestReader } from './request-reader.ts'

/** A field of text or bytes. */
function field(number: number, content: Uint8Array | string): Buffer {
  const bytes = Buffer.from(content)
  const head = [(number << 3) | 2]
  let rest = bytes.length
  for (; rest >= 128; rest >>= 7) head.push((rest & 127) | 128)
  return Buffer.concat([Buffer.from([...head, rest]), bytes])
}

const names = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}-${'x'.repeat(20)}`)
const subscribing = (list: readonly string[], number = 3) => Buffer.concat(list.map((name) => field(number, name)))
const holding = (list: readonly string[]) =>
  Buffer.concat(list.map((name) => field(5, Buffer.concat([field(1, name), field(2, `v ${name}`)]))))

function reader(form: 'delta' | 'sotw' = 'delta', limits = { names: 100_000, nameLength: 100 }) {
  const taken: DiscoveryRequest[] = []
  const failures: unknown[] = []
  /** How many were taken each time all of a later turn were. */
  const settled: number[] = []
  let slowed = 0
  const it = new RequestReader({
    begin: (bytes) => readRequest(form, bytes, limits),
    arrived: (request) => void taken.push(request),
    settled: () => settled.push(taken.length),
    failed: (error) => void failures.push(error),
    slowDown: () => slowed++,
  })
  /** Turns of the loop until so many requests are there. */
  const turnsUntil = async (count: number) => {
    let turns = 0
    for (; taken.length < count && turns < 1000; turns++) await turn()
    return turns
  }
  return { it, taken, settled, failures, turnsUntil, slowed: () => slowed }
}

test('a request of some names is there at once', () => {
  const { it, taken } = reader()
  it.add(subscribing(['a', 'b']))
  expect(taken).toMatchObject([{ form: 'delta', subscribe: ['a', 'b'] }])
})

test('one of very many is read in several turns, and those behind it come after it, in their order', async () => {
  const { it, taken, settled, turnsUntil } = reader()
  const [held, asked, left] = [names(6_000, 'h'), names(5_000, 's'), names(1_000, 'u')]
  const bytes = Buffer.concat([
    field(2, 'type'),
    holding(held),
    subscribing(asked),
    subscribing(left, 4),
    field(6, 'nonce'),
  ])
  it.add(bytes)
  bytes.fill(0)
  it.add(subscribing(['next']))
  it.add(subscribing(names(6_000, 'l')))
  it.add(subscribing(['last']))
  expect(taken).toEqual([])
  expect(await turnsUntil(4)).toBeGreaterThan(7)
  expect(taken[0]).toEqual({
    ...{
      form: 'delta',
      typeUrl: 'type',
      node: undefined,
      nonce: 'nonce',
      error: undefined,
      subscribe: asked,
      unsubscribe: left,
    },
    initialVersions: new Map(held.map((name) => [name, `v ${name}`])),
  })
  expect(taken.slice(1).map((it) => (it.form === 'delta' ? it.subscribe.length : 0))).toEqual([1, 6_000, 1])
  // Those behind a long one that is whole are answered with it.
  expect(settled).toEqual([2, 4])
})

test('so is state of the world', async () => {
  const { it, taken, turnsUntil } = reader('sotw')
  const all = names(7_000, 'n')
  it.add(
    Buffer.concat([field(1, '7'), subscribing(all.slice(0, 5_000)), field(4, 'type'), subscribing(all.slice(5_000))]),
  )
  expect(await turnsUntil(1)).toBeGreaterThan(2)
  expect(taken).toMatchObject([{ form: 'sotw', version: '7', typeUrl: 'type', names: all }])
})

test('what is too much or broken is told once, and what waits behind it is forgotten', async () => {
  for (const bytes of [subscribing(names(6_000, 'n')), Buffer.concat([holding(names(4_000, 'h')), Buffer.from([0])])]) {
    const { it, taken, failures } = reader('delta', { names: 5_000, nameLength: 100 })
    it.add(bytes)
    it.add(subscribing(['next']))
    for (let turns = 0; turns < 20; turns++) await turn()
    expect([taken, failures.length]).toEqual([[], 1])
  }
})

test('a stream that ended is read no further; one that sends on and on is read more slowly', async () => {
  const { it, taken, slowed } = reader()
  it.add(subscribing(names(6_000, 'n')))
  for (let more = 0; more < 17; more++) it.add(subscribing(['next']))
  expect(slowed()).toBe(1)
  it.stop()
  for (let turns = 0; turns < 20; turns++) await turn()
  expect(taken).toEqual([])
})
