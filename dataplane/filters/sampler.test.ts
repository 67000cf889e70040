import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { numbers } from './fixture.ts'
import { Sampler } from './sampler.ts'

const count = (sampler: Sampler, messages: number) => {
  let hits = 0
  for (let i = 0; i < messages; i++) if (sampler.take()) hits++
  return hits
}

describe('a sampler', () => {
  it('takes none at 0 and all at 100 percent', () => {
    expect(count(new Sampler(0), 10_000)).toBe(0)
    expect(count(new Sampler(100), 10_000)).toBe(10_000)
  })

  it('takes the share asked for, within five standard deviations', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.1, max: 99.9, noNaN: true }), fc.integer(), (percent, seed) => {
        const messages = 20_000
        const share = percent / 100
        const hits = count(new Sampler(percent, numbers(seed)), messages)
        expect(Math.abs(hits - messages * share)).toBeLessThan(5 * Math.sqrt(messages * share * (1 - share)) + 1)
      }),
      { numRuns: 200, seed: 1 },
    )
  })

  it('passes over as many as the draw says: the first is as likely a hit as any other', () => {
    const first = Array.from({ length: 20_000 }, (_, i) => new Sampler(30, numbers(i * 7919)).take())
    expect(first.filter(Boolean).length / first.length).toBeCloseTo(0.3, 1)
    const gap = new Sampler(50, () => 0.8)
    expect([gap.take(), gap.take(), gap.take(), gap.take()]).toEqual([false, false, true, false])
  })

  it('plans no farther than numbers can count, and draws again there', () => {
    expect(count(new Sampler(1e-12), 1000)).toBe(0)
    expect(count(new Sampler(1e-300, () => 1 - 2 ** -53), 1000)).toBe(0)
  })
})
