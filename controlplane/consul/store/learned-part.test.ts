import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { NOTHING_LEARNED } from '../../shared/index.ts'
import { EMPTY_PART, joinPart, newInPart, packPart, splitLearned, unpackPart } from './learned-part.ts'

const uses = (workload: string, ...clusters: string[]) => ({
  ...NOTHING_LEARNED,
  workloads: new Map([[workload, new Set(clusters)]]),
})
const burnt = (classKey: string, cluster: string, generation: number) => ({
  ...NOTHING_LEARNED,
  generations: new Map([[classKey, new Map([[cluster, generation]])]]),
})

it('what several replicas know adds up; of generations the highest counts', () => {
  const one = joinPart(EMPTY_PART, uses('web', 'a'), 100)
  const two = joinPart(one, uses('web', 'b'), 100)
  expect(two.workloads).toEqual({ web: { a: 100, b: 100 } })
  expect(newInPart(one, two)).toEqual(uses('web', 'b'))
  const three = joinPart(joinPart(two, burnt('K', 'a', 3), 100), burnt('K', 'a', 2), 100)
  expect(three.generations).toEqual({ K: { a: 3 } })
  expect(newInPart(two, three)).toEqual(burnt('K', 'a', 3))
})

it('what nobody has had for a week is forgotten; what somebody has is said again before that, and not at every write', () => {
  const part = joinPart(joinPart(EMPTY_PART, uses('web', 'a'), 100), uses('web', 'b'), 100)
  expect(joinPart(part, uses('web', 'a'), 101).workloads).toEqual({ web: { a: 100, b: 100 } })
  const later = joinPart(part, uses('web', 'a'), 106)
  expect(later.workloads).toEqual({ web: { a: 106, b: 100 } })
  expect(joinPart(later, uses('web', 'a'), 108).workloads).toEqual({ web: { a: 108 } })
})

it('is read as it was written; equal content is equal bytes; what is damaged is empty, what is newer is left alone', () => {
  const part = joinPart(joinPart(EMPTY_PART, uses('web', 'b', 'a'), 100), burnt('K', 'x', 1), 100)
  const { value, left } = packPart(part)
  expect(left).toBe(0)
  expect(unpackPart(value)).toEqual(part)
  expect(packPart(joinPart(unpackPart(value)!, uses('web', 'a', 'b'), 100)).value.equals(value)).toBe(true)
  expect(unpackPart(Buffer.from('noise'))).toEqual(EMPTY_PART)
  expect(unpackPart(gzipSync('[1]'))).toBeUndefined()
  expect(unpackPart(gzipSync('{"format":2}'))).toBeUndefined()
  expect(unpackPart(gzipSync('{"format":1,"workloads":{"w":{"a":"x","b":1},"v":7}}'))).toEqual({
    workloads: { w: { b: 1 } },
    generations: {},
  })
})

it('of more than a key holds, workloads heard of longest ago are left out', () => {
  let part = EMPTY_PART
  for (let day = 0; day < 40; day++) {
    const clusters = Array.from({ length: 600 }, () => randomBytes(16).toString('hex'))
    part = {
      ...part,
      workloads: { ...part.workloads, [`w${day}`]: Object.fromEntries(clusters.map((c) => [c, 100 + day])) },
    }
  }
  const { value, left } = packPart(part)
  expect(value.length).toBeLessThanOrEqual(300 * 1024)
  expect(left).toBeGreaterThan(0)
  expect(Object.keys(unpackPart(value)!.workloads).sort()).toEqual(
    Array.from({ length: 40 - left }, (_, index) => `w${left + index}`).sort(),
  )
})

it('is spread over parts by name, each name always in the same one', () => {
  const workloads = new Map(Array.from({ length: 200 }, (_, index) => [`w${index}`, new Set(['a'])]))
  const parts = splitLearned({ ...NOTHING_LEARNED, workloads })
  expect(parts.size).toBe(16)
  expect([...parts.values()].reduce((sum, part) => sum + part.workloads.size, 0)).toBe(200)
  expect(splitLearned(uses('w7', 'b')).keys().next().value).toBe(
    [...parts].find(([, part]) => part.workloads.has('w7'))![0],
  )
})
