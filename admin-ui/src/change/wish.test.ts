import { describe, expect, it } from 'vitest'
import type { Plan } from '../api/schema.ts'
import { answerTo, meaningOf } from './wish.ts'

const plan: Plan = {
  plan: 'a1',
  base: 7,
  files: [{ file: 'a.yaml', change: 'changed', diff: '-weight: 10\n+weight: 25\n' }],
  diagnostics: [],
  newErrors: [],
  meaning: [
    {
      ...{
        object: 'VirtualService/default/a',
        topic: 'split',
        danger: false,
        text: { en: '10 → 25 %', zh: '10 → 25 %' },
      },
      place: { document: 'VirtualService/default/a', file: 'a.yaml', line: 3, column: 1 },
    },
  ],
  classes: [],
  proxies: ['sidecar~1'],
  services: ['a', 'b'],
  callers: [],
}
const seen = meaningOf(plan)
const later = (change: Partial<Plan>) =>
  answerTo({ seen }, { plan: { ...plan, ...change }, pending: false, failed: false })

describe('"apply", said while the plan is being made', () => {
  it('waits until the plan stands', () =>
    expect(answerTo({ seen }, { plan, pending: true, failed: false })).toBe('wait'))

  it('holds for a plan that says what was seen, whatever its number, its base and the proxies of the moment', () => {
    expect(later({ plan: 'b2', base: 8, proxies: ['sidecar~1', 'sidecar~2'], services: ['b', 'a'] })).toBe('apply')
  })

  it.each<[string, Partial<Plan>]>([
    ['other words', { meaning: [] }],
    ['another diff', { files: [] }],
    [
      'an error',
      { newErrors: [{ severity: 'error', code: 'X', message: 'm', file: 'a.yaml', line: 1, column: 1, path: '' }] },
    ],
    ['another service', { services: ['a', 'b', 'c'] }],
  ])('is asked about again when the plan has %s', (_, change) => expect(later(change)).toBe('ask'))

  it('is asked about when no plan was seen', () =>
    expect(answerTo({ seen: undefined }, { plan, pending: false, failed: false })).toBe('ask'))

  it('is moot when no plan can be made', () =>
    expect(answerTo({ seen }, { plan, pending: false, failed: true })).toBe('drop'))
})
