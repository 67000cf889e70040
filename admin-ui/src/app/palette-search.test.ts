import { describe, expect, it } from 'vitest'
import { goalsFor, typedAhead } from './palette-search.ts'

const goal = (label: string, description = '') => ({ id: label, label, description })
const goals = [
  goal('Services', ''),
  goal('sidecar~reviews', 'Proxy · reviews.default'),
  goal('old-reviews.default.svc.cluster.local', 'Service · default'),
  goal('reviews.default.svc.cluster.local', 'Service · default'),
  goal('cart', 'VirtualService · default · reviews.yaml'),
]
const found = (query: string, most = 12) => goalsFor(goals, query, most).map(({ label }) => label)

describe('what the palette finds', () => {
  it('names that begin with the query come before those that have it, and these before descriptions', () =>
    expect(found('Reviews')).toEqual([
      'reviews.default.svc.cluster.local',
      'sidecar~reviews',
      'old-reviews.default.svc.cluster.local',
      'cart',
    ]))

  it('every word must be somewhere', () => expect(found('virtualservice cart')).toEqual(['cart']))

  it('everything without a query, and never more than there is room for', () => {
    expect(found('')).toHaveLength(goals.length)
    expect(found('', 2)).toEqual(['Services', 'sidecar~reviews'])
  })
})

it('what is typed before the field of the palette has the focus is its query, as far as it is text', () => {
  const NONE = { ctrlKey: false, metaKey: false, altKey: false, isComposing: false }
  const after = (query: string, key: string, more: Partial<typeof NONE> = {}) =>
    typedAhead(query, { ...NONE, key, ...more })
  expect(['r', 'e', '服'].reduce((query, key) => (after(query, key) as { query: string }).query, '')).toBe('re服')
  expect(after('re', 'Backspace')).toEqual({ query: 'r' })
  expect(after('', 'Backspace')).toEqual({ query: '' })
  expect([after('re', 'Enter'), after('re', 'Escape')]).toEqual(['go', 'close'])
  const others = [
    after('re', 'Tab'),
    after('re', 'Shift'),
    after('re', 'k', { ctrlKey: true }),
    after('re', 'a', { isComposing: true }),
  ]
  expect(others).toEqual([undefined, undefined, undefined, undefined])
})
