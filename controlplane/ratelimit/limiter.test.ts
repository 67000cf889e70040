import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RateLimitSpec } from '../config/kinds/rate-limit.ts'
import type { ConfigObject } from '../config/object.ts'
import { counterKey, Limiter, type Outcome } from './limiter.ts'
import { MemoryStore } from './memory-store.ts'
import { Rules } from './rules.ts'
import { gcra, type Store } from './store.ts'

const document = (spec: Partial<RateLimitSpec>, name = 'api') =>
  ({ namespace: 'shop', name, spec: { shared: true, ...spec } }) as ConfigObject<RateLimitSpec>

const bucket = (maxTokens: number, tokensPerFill: number, fillInterval = '1s') => ({
  tokenBucket: { maxTokens, tokensPerFill, fillInterval },
})

const asks = (id: string, ...entries: readonly [string, string][]) => ({
  entries: [{ key: 'generic_key', value: id }, ...entries.map(([key, value]) => ({ key, value }))],
})

function limiter(objects: readonly ConfigObject<RateLimitSpec>[], store?: Store) {
  const clock = { now: 1000 }
  const counted: string[] = []
  const rules = new Rules(objects)
  const it = new Limiter({
    rules: () => rules,
    store: store ?? new MemoryStore(() => clock.now),
    now: () => clock.now,
    count: (rule, outcome: Outcome, hits) => counted.push(`${rule.id} ${outcome} ${hits}`),
  })
  return { limiter: it, clock, counted }
}

const broken: Store = {
  kind: 'redis',
  healthy: false,
  take: () => Promise.reject(new Error('gone')),
  stop: async () => {},
}

describe('the algorithm', () => {
  it('admits a burst, then the rate', () => {
    const take = { key: 'k', intervalUs: 100_000, burst: 3, hits: 1 }
    let fullAt = 0
    const admitted: number[] = []
    for (let now = 0; now < 1_000_000; now += 10_000) {
      const taken = gcra(fullAt, now, take)
      fullAt = taken.fullAt
      if (taken.allowed) admitted.push(now)
    }
    expect(admitted.length).toBe(3 + 9)
    expect(admitted.slice(0, 3)).toEqual([0, 10_000, 20_000])
  })

  it('never admits more than burst and rate allow in any window, and refuses only when it must', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1000, max: 1_000_000 }),
        fc.array(fc.record({ wait: fc.integer({ min: 0, max: 300_000 }), hits: fc.integer({ min: 1, max: 3 }) }), {
          maxLength: 60,
        }),
        (burst, intervalUs, steps) => {
          let now = 1e12
          let fullAt = 0
          const admitted: { at: number; hits: number }[] = []
          for (const { wait, hits } of steps) {
            now += wait
            const taken = gcra(fullAt, now, { key: '', intervalUs, burst, hits })
            fullAt = taken.fullAt
            if (taken.allowed) admitted.push({ at: now, hits })
            if (!taken.allowed && hits === 1) expect(taken.retryMs).toBeGreaterThan(0)
          }
          for (const [index, { at: from }] of admitted.entries()) {
            let sum = 0
            for (const { at, hits } of admitted.slice(index)) {
              sum += hits
              expect(sum).toBeLessThanOrEqual(burst + (at - from) / intervalUs + 1e-3)
            }
          }
        },
      ),
    )
  })

  it('a counter far in the future, as after a clock that was set back, closes the limit for no longer than it fills', () => {
    const take = { key: 'k', intervalUs: 1_000_000, burst: 5, hits: 1 }
    expect(gcra(1e15, 1e12, take)).toMatchObject({ allowed: false, resetMs: 5000, retryMs: 1000 })
  })
})

describe('rules', () => {
  it('are found by the id that generated configuration sends; conditions are not part of the key', () => {
    const rules = new Rules([document({ limits: [bucket(1, 1)] })])
    const found = rules.match('meshgate', asks('shop/api/0', ['header_match', 'no'], ['x-user', 'a']))
    expect(found).toMatchObject({ rule: { id: 'shop/api/0', burst: 1 }, values: ['x-user', 'a'] })
    expect(rules.match('meshgate', asks('shop/gone/0'))).toBeUndefined()
    expect(rules.match('other', asks('shop/api/0'))).toBeUndefined()
  })

  it('of a domain are found by their descriptor, entry by entry', () => {
    const limits = [
      { ...bucket(1, 1), descriptor: [{ key: 'user', value: 'root' }] },
      { ...bucket(2, 1), descriptor: [{ key: 'user' }] },
    ]
    const rules = new Rules([document({ shared: false, domain: 'mine', limits })])
    const match = (...entries: readonly [string, string][]) =>
      rules.match('mine', { entries: entries.map(([key, value]) => ({ key, value })) })?.rule.id
    expect(match(['user', 'root'])).toBe('shop/api/0')
    expect(match(['user', 'joe'])).toBe('shop/api/1')
    expect(match(['user', 'joe'], ['path', '/'])).toBeUndefined()
    expect(match(['path', '/'])).toBeUndefined()
  })

  it('that are not shared are not served', () => {
    expect(new Rules([document({ shared: false, limits: [bucket(1, 1)] })]).all).toEqual([])
  })
})

describe('keys', () => {
  it('of different values are different', () => {
    const values = fc.array(fc.string({ maxLength: 300 }), { maxLength: 4 })
    fc.assert(
      fc.property(values, values, (a, b) => {
        expect(counterKey('r', a) === counterKey('r', b)).toBe(JSON.stringify(a) === JSON.stringify(b))
      }),
    )
    expect(counterKey('r', ['x'.repeat(10_000)]).length).toBeLessThan(100)
  })
})

describe('decisions', () => {
  it('each value of `per` has a counter of its own', async () => {
    const { limiter: limits } = limiter([document({ limits: [bucket(1, 1)] })])
    const ask = async (user: string) => (await limits.decide('meshgate', [asks('shop/api/0', ['x-user', user])])).over
    expect([await ask('a'), await ask('b'), await ask('a'), await ask('b')]).toEqual([false, false, true, true])
  })

  it('one descriptor that is over refuses the request; what nothing limits does not', async () => {
    const { limiter: limits } = limiter([document({ limits: [bucket(1, 1), bucket(100, 1)] })])
    const both = [asks('shop/api/0'), asks('shop/api/1'), asks('shop/unknown/0')]
    expect((await limits.decide('meshgate', both)).over).toBe(false)
    const second = await limits.decide('meshgate', both)
    expect(second.descriptors.map(({ over }) => over)).toEqual([true, false, false])
    expect(second.over).toBe(true)
  })

  it('hits are added; a request for more than is left takes nothing', async () => {
    const { limiter: limits } = limiter([document({ limits: [bucket(10, 1)] })])
    const ask = async (hits: number) => (await limits.decide('meshgate', [asks('shop/api/0')], hits)).descriptors[0]!
    expect(await ask(7)).toMatchObject({ over: false, remaining: 3 })
    expect(await ask(4)).toMatchObject({ over: true, remaining: 3 })
    expect(await ask(3)).toMatchObject({ over: false, remaining: 0 })
    const [seen] = (await limits.decide('meshgate', [{ ...asks('shop/api/0'), hits: 0 }])).descriptors
    expect(seen).toMatchObject({ over: false, remaining: 0 })
  })

  it('an empty counter is not asked again before it can have a token', async () => {
    let asked = 0
    const memory = new MemoryStore(() => clock.now)
    const counting: Store = {
      kind: 'memory',
      healthy: true,
      take: (takes) => {
        asked++
        return memory.take(takes)
      },
      stop: async () => {},
    }
    const { limiter: limits, clock, counted } = limiter([document({ limits: [bucket(1, 1)] })], counting)
    for (let index = 0; index < 50; index++) await limits.decide('meshgate', [asks('shop/api/0')])
    expect(asked).toBe(2)
    expect(counted.filter((one) => one.includes('over_limit_local')).length).toBe(48)
    clock.now += 1001
    expect((await limits.decide('meshgate', [asks('shop/api/0')])).over).toBe(false)
  })

  it('little left is counted as near the limit', async () => {
    const { limiter: limits, counted } = limiter([document({ limits: [bucket(10, 1)] })])
    for (let index = 0; index < 10; index++) await limits.decide('meshgate', [asks('shop/api/0')])
    expect(counted.filter((one) => one.includes(' ok ')).length).toBe(8)
    expect(counted.filter((one) => one.includes(' near_limit ')).length).toBe(2)
  })

  it('a rule in shadow refuses nothing and says what it would have', async () => {
    const { limiter: limits, counted } = limiter([document({ limits: [{ ...bucket(1, 1), shadow: true }] })])
    for (let index = 0; index < 3; index++)
      expect((await limits.decide('meshgate', [asks('shop/api/0')])).over).toBe(false)
    expect(counted).toEqual(['shop/api/0 near_limit 1', 'shop/api/0 shadow 1', 'shop/api/0 shadow 1'])
  })

  it('while nothing can be counted each rule decides by its onFailure', async () => {
    const limits = [bucket(1, 1), { ...bucket(1, 1), onFailure: 'deny' as const }]
    const { limiter: one, counted } = limiter([document({ limits })], broken)
    expect((await one.decide('meshgate', [asks('shop/api/0')])).over).toBe(false)
    expect((await one.decide('meshgate', [asks('shop/api/1')])).over).toBe(true)
    expect(counted).toEqual(['shop/api/0 failed_open 1', 'shop/api/1 failed_closed 1'])
  })
})
