import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BytesIndex, missing } from './index-table.ts'

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))

describe('byte strings', () => {
  it('finds what a map finds, wherever the text stands', () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom('a', 'b', '\0'), maxLength: 10 }),
      fc.nat({ max: 200 }).map((n) => `Service:method_${n}`),
      fc.nat({ max: 200 }).map((n) => `${n}_method:Service`),
    )
    fc.assert(
      fc.property(fc.uniqueArray(text, { maxLength: 100 }), fc.array(text), (keys, others) => {
        const index = new BytesIndex(
          keys.map(bytes),
          keys.map((_, i) => (i % 2 === 0 ? i : -2 - i)),
        )
        for (const wanted of [...keys, ...others]) {
          const at = keys.indexOf(wanted)
          const found = index.find(bytes(`ab${wanted}ba`), 2, 2 + wanted.length)
          expect(found).toBe(at < 0 ? missing : at % 2 === 0 ? at : -2 - at)
        }
      }),
    )
  })

  it('keys that differ in one or two places stand apart, wherever those are', () => {
    for (let place = 0; place < 24; place++) {
      const keys = Array.from({ length: 64 }, (_, i) => {
        const key = bytes('abcdefghijklmnopqrstuvwx')
        key[place] = 48 + (i & 7)
        key[(place + 4) % 24] = 48 + (i >> 3)
        return key
      })
      const places = new Set(keys.map((key) => BytesIndex.hash(key, 0, key.length) >>> 25))
      // 64 keys in 128 places use some 50 of them when they fall by chance.
      expect(places.size).toBeGreaterThan(25)
    }
  })
})
