import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignDomains, type DomainClaim, shortNames } from './domains.ts'

describe('short names', () => {
  it.each([
    ['reviews.shop.svc.cluster.local', 'shop', ['reviews', 'reviews.shop', 'reviews.shop.svc']],
    ['reviews.shop.svc.cluster.local', 'other', ['reviews.shop', 'reviews.shop.svc']],
    ['www.example.com', 'shop', []],
    ['*.shop.svc.cluster.local', 'shop', []],
    ['a.b.shop.svc.cluster.local', 'shop', []],
    ['reviews.shop.svc.other.domain', 'shop', []],
  ])('of %s seen from %s', (hostname, namespace, expected) => {
    expect(shortNames(hostname, namespace, 'cluster.local')).toEqual(expected)
  })
})

describe('domains', () => {
  it('a full name wins over a short form, whoever comes first; among equals the first', () => {
    const claims: DomainClaim[][] = [
      [
        { domain: 'a.long', rank: 0 },
        { domain: 'a', rank: 1 },
      ],
      [
        { domain: 'A', rank: 0 },
        { domain: 'x', rank: 1 },
      ],
      [{ domain: 'X', rank: 1 }],
    ]
    expect(assignDomains(claims)).toEqual([['a.long'], ['A', 'x'], []])
  })

  it('no domain is ever given twice and none is lost', () => {
    const claim = fc.record({
      domain: fc.constantFrom('a', 'A', 'b', 'b:80', '*', 'c', '*.c', 'C:80'),
      rank: fc.constantFrom(0 as const, 1 as const, 2 as const),
    })
    fc.assert(
      fc.property(fc.array(fc.array(claim)), (claims) => {
        const given = assignDomains(claims)
          .flat()
          .map((domain) => domain.toLowerCase())
        const wanted = new Set(claims.flat().map(({ domain }) => domain.toLowerCase()))
        expect(given).toHaveLength(new Set(given).size)
        expect(new Set(given)).toEqual(wanted)
      }),
    )
  })
})
