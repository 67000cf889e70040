import { expect, test } from 'vitest'
import { changeNames, type Interest, listNames, newInterest } from './interest.ts'
import { PORTION, portions } from './portions.ts'
import type { DeltaRequest, DiscoveryRequest, SotwRequest } from './request.ts'

const many = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `n${from + index}`)
const common = { typeUrl: '', node: Buffer.from('node'), nonce: '7', error: { code: 3, message: 'no' } }
const delta = (subscribe: readonly string[], unsubscribe: readonly string[] = []): DeltaRequest => ({
  ...common,
  form: 'delta',
  subscribe,
  unsubscribe,
  initialVersions: new Map(),
})
const sotw = (names: readonly string[]): SotwRequest => ({ ...common, form: 'sotw', names, version: '1' })

function after(before: Interest, requests: readonly DiscoveryRequest[]): Interest {
  return requests.reduce(
    (interest, request) =>
      (request.form === 'sotw'
        ? listNames('eds', interest, request.names)
        : changeNames('eds', interest, request.subscribe, request.unsubscribe)
      ).interest,
    before,
  )
}

const sorted = ({ names }: Interest) => [...names].sort()

test('a request about few names is itself', () => {
  const request = delta(many(PORTION / 2), many(PORTION / 2))
  expect(portions('eds', request, undefined)).toEqual([request])
})

test('portions of an incremental request leave what the whole would, and only the first answers a response', () => {
  const before = after(newInterest('eds'), [delta(many(9000, 5000))])
  const request = delta(many(9001), many(4500, 7000))
  const parts = portions('eds', request, before.names)
  expect(parts).toHaveLength(5)
  expect(sorted(after(before, parts))).toEqual(sorted(after(before, [request])))
  expect(parts.map(({ nonce, error, node }) => [nonce, error?.code, node?.length])).toEqual([
    ['7', 3, 4],
    ...Array.from({ length: 4 }, () => ['', undefined, undefined]),
  ])
})

test('portions of a list never drop for a moment what stays on it', () => {
  const before = after(newInterest('eds'), [sotw(many(100))])
  const request = sotw([...many(9000, 1000), ...many(50)])
  const parts = portions('eds', request, before.names)
  expect(parts).toHaveLength(3)
  for (let count = 1; count <= parts.length; count++)
    expect(sorted(after(before, parts.slice(0, count)))).toEqual(expect.arrayContaining(many(50)))
  expect(sorted(after(before, parts))).toEqual(sorted(after(before, [request])))
})

test('a list that is repeated, what a client comes back with, and full sets stay whole', () => {
  const names = many(3 * PORTION)
  const before = after(newInterest('eds'), [sotw(names)])
  expect(portions('eds', sotw(names), before.names)).toHaveLength(1)
  expect(portions('cds', sotw(names), undefined)).toHaveLength(1)
  const back = { ...delta(names), initialVersions: new Map([['n1', '1']]) }
  expect(portions('eds', back, undefined)).toEqual([back])
})
