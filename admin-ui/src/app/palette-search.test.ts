import { describe, expect, it } from 'vitest'
import { goalsFor } from './palette-search.ts'

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
