import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { DeltaRequest } from '../subscription/request.ts'
import { RequestLine } from './request-line.ts'

const request = (...subscribe: readonly string[]): DeltaRequest => ({
  form: 'delta',
  typeUrl: '',
  node: undefined,
  nonce: '',
  error: undefined,
  subscribe,
  unsubscribe: [],
  initialVersions: new Map(),
})

function line(
  behaviour: { readonly slow?: string; readonly large?: string; readonly bad?: string; readonly busy?: boolean } = {},
) {
  const taken: string[] = []
  const failures: unknown[] = []
  /** How many were taken each time what waited was. */
  const settled: number[] = []
  const ready: (() => void)[] = []
  const later: (() => void)[] = []
  let slowed = 0
  const it = new RequestLine({
    divide: (one) =>
      one.form === 'delta' && one.subscribe[0] === behaviour.large
        ? ['first', 'second'].map((part) => request(part, ...Array.from({ length: 600 }, (_, index) => `x${index}`)))
        : [one],
    prepares(one, line) {
      const waits = one.form === 'delta' && one.subscribe[0] === behaviour.slow
      if (waits) ready.push(() => line.ready())
      return waits
    },
    take(one) {
      const name = one.form === 'delta' ? one.subscribe[0]! : ''
      if (name === behaviour.bad) throw new Error('bad')
      taken.push(name)
    },
    settled: () => settled.push(taken.length),
    hasTime: () => !behaviour.busy,
    later: (work) => later.push(work),
    failed: (error) => failures.push(error),
    slowDown: () => slowed++,
  })
  return { it, taken, settled, failures, ready, later, slowed: () => slowed }
}

test('requests are taken as they come', () => {
  const { it, taken } = line()
  for (const name of ['a', 'b']) it.add(request(name))
  expect(taken).toEqual(['a', 'b'])
})

test('those behind one that is compiled first wait, in their order, and the stream is read more slowly when they are many', () => {
  const { it, taken, ready, slowed } = line({ slow: 'a' })
  for (const name of ['a', 'b', 'c']) it.add(request(name))
  expect(taken).toEqual([])
  expect(slowed()).toBe(0)
  for (let index = 0; index < 20; index++) it.add(request(`d${index}`))
  expect(slowed()).toBeGreaterThan(0)
  ready.shift()!()
  expect(taken.slice(0, 4)).toEqual(['a', 'b', 'c', 'd0'])
  expect(taken).toHaveLength(23)
})

test('portions of a large one are taken in turns of their own, and what came meanwhile after them', async () => {
  const { it, taken } = line({ large: 'large' })
  it.add(request('large'))
  it.add(request('after'))
  expect(taken).toEqual([])
  await turn()
  expect(taken).toEqual(['first'])
  await turn()
  expect(taken).toEqual(['first', 'second'])
  await turn()
  expect(taken).toEqual(['first', 'second', 'after'])
})

test('what waits is forgotten when the stream ends or a request cannot be taken', () => {
  const one = line({ slow: 'a' })
  for (const name of ['a', 'b']) one.it.add(request(name))
  one.it.stop()
  one.ready.shift()!()
  expect(one.taken).toEqual([])
  const other = line({ slow: 'a', bad: 'b' })
  for (const name of ['a', 'b', 'c']) other.it.add(request(name))
  other.ready.shift()!()
  expect(other.taken).toEqual(['a'])
  expect(other.failures).toHaveLength(1)
})

test('what comes when the turn has no time is taken in a later one, with what came behind it', () => {
  const { it, taken, settled, later } = line({ busy: true })
  for (const name of ['a', 'b']) it.add(request(name))
  expect([taken, later.length]).toEqual([[], 1])
  later[0]!()
  expect(taken).toEqual(['a', 'b'])
  expect(settled).toEqual([2])
})
