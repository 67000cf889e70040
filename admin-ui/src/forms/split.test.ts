import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { edit, readDocuments } from '../yaml/index.ts'
import {
  addDestination,
  evenShares,
  moveShare,
  nextStep,
  readSplit,
  removeDestination,
  weightEdits,
  wholePercents,
} from './split.ts'

const reviews = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http:
    - route:
        # the stable one
        - destination: { host: reviews, subset: v1 }
          weight: 90 # most
        - destination: { host: reviews, subset: v2 }
          weight: 10
`
const path = ['spec', 'http', 0, 'route']
const documentOf = (text: string) => readDocuments(text)[0]!.value
const routeOf = (text: string) => (documentOf(text) as { spec: { http: { route: unknown }[] } }).spec.http[0]!.route

describe('shares', () => {
  const shares = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 8 })
  const sum = (all: readonly number[]) => all.reduce((total, one) => total + one, 0)

  it('always sum to 100 in whole numbers, whatever is moved and locked', () => {
    fc.assert(
      fc.property(
        shares,
        fc.nat(7),
        fc.integer({ min: -10, max: 120 }),
        fc.uniqueArray(fc.nat(7)),
        (all, at, to, lock) => {
          const locked = new Set(lock)
          for (const result of [
            wholePercents(all),
            evenShares(all, locked),
            moveShare(all, Math.min(at, all.length - 1), to, locked),
          ]) {
            expect(sum(result)).toBe(100)
            expect(result.every((one) => Number.isInteger(one) && one >= 0)).toBe(true)
          }
        },
      ),
    )
  })

  it('of locked destinations stay, and bound what another can get', () => {
    expect(moveShare([50, 30, 20], 0, 90, new Set([1]))).toEqual([70, 30, 0])
    expect(moveShare([50, 30, 20], 1, 90, new Set([1]))).toEqual([50, 30, 20])
  })

  it('of the others shrink in proportion, and evenly when they had nothing', () => {
    expect(moveShare([60, 30, 10], 2, 55)).toEqual([30, 15, 55])
    expect(moveShare([100, 0, 0], 0, 50)).toEqual([50, 25, 25])
  })

  it('can be made even', () => {
    expect(evenShares([80, 10, 10])).toEqual([34, 33, 33])
    expect(evenShares([40, 60, 0], new Set([0]))).toEqual([40, 30, 30])
  })

  it('go up by steps of 5, 25, 50 and 100', () => {
    expect([0, 5, 10, 25, 60, 100].map(nextStep)).toEqual([5, 25, 25, 50, 100, undefined])
  })
})

describe('a split in a document', () => {
  it('is read with shares relative to the sum of weights', () => {
    const [first, second] = readSplit([
      { destination: { host: 'a' }, weight: 3 },
      { destination: { host: 'b' }, weight: 1 },
    ])
    expect([first?.percent, second?.percent]).toEqual([75, 25])
    expect(readSplit([{ destination: { host: 'a' } }])[0]?.percent).toBe(100)
  })

  it('moved from 10 to 25 % changes exactly the two weight lines', () => {
    const document = documentOf(reviews)
    const shares = moveShare([90, 10], 1, 25)
    const after = edit(reviews, weightEdits(document, path, shares)).text
    const lines = [reviews.split('\n'), after.split('\n')] as const
    const differ = lines[0].flatMap((line, i) => (line === lines[1][i] ? [] : [lines[1][i]]))
    expect(lines[1]).toHaveLength(lines[0].length)
    expect(differ).toEqual(['          weight: 75 # most', '          weight: 25'])
  })

  it('that stays as it is writes nothing', () => {
    expect(weightEdits(documentOf(reviews), path, [90, 10])).toEqual([])
  })

  it('gets a weight for the one destination there was when a second one comes', () => {
    const text = 'spec:\n  http:\n    - route:\n        - destination:\n            host: a\n'
    const edits = addDestination(documentOf(text), path, { host: 'b', subset: 'v2', port: 80 })
    expect(routeOf(edit(text, edits).text)).toEqual([
      { destination: { host: 'a' }, weight: 100 },
      { destination: { host: 'b', subset: 'v2', port: { number: 80 } }, weight: 0 },
    ])
  })

  it('gives the share of a removed destination to the others', () => {
    const after = edit(reviews, removeDestination(documentOf(reviews), path, 0)).text
    expect(routeOf(after)).toEqual([{ destination: { host: 'reviews', subset: 'v2' }, weight: 100 }])
  })
})
