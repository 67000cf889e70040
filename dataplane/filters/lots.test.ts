import { describe, expect, it } from 'vitest'
import { numbers } from './fixture.ts'
import { Lots } from './lots.ts'
import { Sampler } from './sampler.ts'

describe('lots', () => {
  it.each([[[3]], [[0, 20]], [[1, 2, 50]], [[0, 0]], [[100, 0]], [[100, 5]]])(
    '%j strike as samplers of their own would',
    (percents) => {
      const messages = 50_000
      const lots = new Lots(percents, numbers(7))
      const struck = percents.map(() => 0)
      for (let i = 0; i < messages; i++) {
        if (!lots.take()) continue
        expect(lots.hits).toContain(true)
        lots.hits.forEach((hit, which) => {
          if (hit) struck[which]!++
        })
      }
      percents.forEach((percent, which) => {
        const share = percent / 100
        const off = Math.abs(struck[which]! - messages * share)
        expect(off).toBeLessThanOrEqual(5 * Math.sqrt(messages * share * (1 - share)))
      })
    },
  )

  it('one lot strikes the very messages that a sampler takes', () => {
    const lots = new Lots([10], numbers(3))
    const sampler = new Sampler(10, numbers(3))
    for (let i = 0; i < 5000; i++) expect(lots.take()).toBe(sampler.take())
  })

  it('strike independently of one another', () => {
    const lots = new Lots([50, 50], numbers(11))
    let both = 0
    for (let i = 0; i < 40_000; i++) if (lots.take() && lots.hits[0] && lots.hits[1]) both++
    expect(Math.abs(both - 10_000)).toBeLessThan(5 * Math.sqrt(40_000 * 0.25 * 0.75))
  })
})
