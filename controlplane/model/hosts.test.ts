import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compareSpecificity,
  expandShortName,
  exportedTo,
  hostIntersection,
  hostsOverlap,
  hostWithin,
  inScopedHosts,
  parseScopedHost,
} from './hosts.ts'

describe('hosts of rules', () => {
  it.each([
    ['a.b', 'a.b', true],
    ['a.b', '*', true],
    ['x.a.b', '*.a.b', true],
    ['*.x.a.b', '*.a.b', true],
    ['a.b', '*.a.b', false],
    ['*.a.b', 'x.a.b', false],
    ['xa.b', '*.a.b', false],
  ])('%s within %s: %s', (name, pattern, expected) => expect(hostWithin(name, pattern)).toBe(expected))

  it('an intersection is the narrower of the two, whichever comes first', () => {
    const host = fc.constantFrom('*', '*.b', '*.a.b', 'a.b', 'x.a.b', 'c')
    fc.assert(
      fc.property(host, host, (a, b) => {
        const both = hostIntersection(a, b)
        expect(both).toBe(hostIntersection(b, a))
        expect(both !== undefined).toBe(hostsOverlap(a, b))
        if (both !== undefined) expect(hostWithin(both, a) && hostWithin(both, b)).toBe(true)
      }),
    )
  })

  it('sorts exact names before wildcards and long before short', () => {
    expect(['*', 'b', '*.b', '*.a.b', 'a.b'].sort(compareSpecificity)).toEqual(['a.b', 'b', '*.a.b', '*.b', '*'])
  })

  it('expands a name without a dot, and only that', () => {
    expect(expandShortName('reviews', 'shop', 'cluster.local')).toBe('reviews.shop.svc.cluster.local')
    expect(expandShortName('reviews.shop', 'other', 'cluster.local')).toBe('reviews.shop')
    expect(expandShortName('*', 'shop', 'cluster.local')).toBe('*')
  })

  it('exportTo: everybody, the own namespace, a named one, nobody', () => {
    expect(exportedTo(['*'], 'a', 'b')).toBe(true)
    expect(exportedTo(['.'], 'a', 'b')).toBe(false)
    expect(exportedTo(['.'], 'a', 'a')).toBe(true)
    expect(exportedTo(['b'], 'a', 'b')).toBe(true)
    expect(exportedTo(['~'], 'a', 'a')).toBe(false)
  })

  it('scoped hosts: own namespace, any, none', () => {
    expect(parseScopedHost('./*', 'shop')).toEqual({ namespace: 'shop', host: '*' })
    expect(parseScopedHost('reviews.com', 'shop')).toEqual({ namespace: '*', host: 'reviews.com' })
    expect(inScopedHosts([parseScopedHost('~/*', 'shop')], 'shop', 'a')).toBe(false)
    expect(inScopedHosts([parseScopedHost('*/*.com', 'shop')], 'shop', 'a.com')).toBe(true)
  })
})
