import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codec as game } from '../../codecs/game/codec.ts'
import { IdSpace } from './ids.ts'
import type { ActiveRequest } from './requests.ts'

const space = (idBits: number, reservedIds: readonly number[] = [], idCount = 2 ** idBits) =>
  new IdSpace({ ...game, idBits, idCount, reservedIds })
const request = () => ({ id: 0 }) as ActiveRequest

describe('ids of a connection', () => {
  it.each<[number, readonly number[], number]>([
    [4, [], 12],
    [8, [], 192],
    [8, [1], 191],
    [8, [255], 191],
    [8, [0, 1, 2, 254, 255], 189],
    [16, [0xffff], 12_288],
  ])('of %d bits without %j: %d at once, each another, never 0 nor one that is reserved', (bits, reserved, most) => {
    const ids = space(bits, reserved)
    expect([ids.capacity, ids.available]).toEqual([most, most])
    const given = new Set<number>()
    while (ids.available > 0) {
      const one = request()
      ids.take(one)
      given.add(one.id)
      expect(ids.owner(one.id)).toBe(one)
    }
    expect(given.size).toBe(most)
    for (const id of [0, ...reserved]) expect(given.has(id)).toBe(false)
    expect(Math.max(...given)).toBeLessThan(2 ** bits)
  })

  it('of which there are fewer than its bits could name: none of the rest is anybody’s', () => {
    const ids = space(16, [999, 5000], 1000)
    // 1 to 998 without a quarter.
    expect(ids.capacity).toBe(998 - 249)
    const given = Array.from({ length: ids.capacity }, () => {
      const one = request()
      ids.take(one)
      return one.id
    })
    expect(Math.max(...given)).toBeLessThan(999)
    for (let id = 1000; id < 3000; id++) expect(ids.owner(id)).toBeNull()
  })

  it('in any order of requests and replies belong to one request at a time, and rest before they are given again', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 400 }), fc.constantFrom([], [1], [3, 15]), (steps, reserved) => {
        const ids = space(4, reserved)
        const rest = (15 - reserved.length) >> 2
        const inFlight: ActiveRequest[] = []
        const freed: number[] = []
        for (const step of steps) {
          if (step % 2 === 0 && ids.available > 0) {
            const one = request()
            expect(ids.next).toBeGreaterThan(0)
            ids.take(one)
            expect(reserved).not.toContain(one.id)
            expect(inFlight.some(({ id }) => id === one.id)).toBe(false)
            // The last that came free are kept back.
            expect(freed.slice(-rest)).not.toContain(one.id)
            inFlight.push(one)
          } else if (inFlight.length > 0) {
            const [one] = inFlight.splice(step % inFlight.length, 1)
            ids.free(one!)
            expect(ids.owner(one!.id)).toBeNull()
            freed.push(one!.id)
            // A second time changes nothing.
            const { available } = ids
            ids.free(one!)
            expect(ids.available).toBe(available)
          }
          expect(ids.available).toBe(ids.capacity - inFlight.length)
          for (const one of inFlight) expect(ids.owner(one.id)).toBe(one)
        }
      }),
      { numRuns: 300 },
    )
  })
})
