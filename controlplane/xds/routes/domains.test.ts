import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignDomains, claim, shortNames } from './domains.ts'

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
    const claims = [[claim('a.long', 0), claim('a', 1)], [claim('A', 0), claim('x', 1)], [claim('X', 1)]]
    expect(assignDomains(claims)).toEqual([['a.long'], ['A', 'x'], []])
  })

  it('no domain is ever given twice and none is lost', () => {
    const domain = fc.constantFrom('a', 'A', 'b', 'b:80', '*', 'c', '*.c', 'C:80')
    const anyClaim = fc
      .tuple(domain, fc.constantFrom(0 as const, 1 as const, 2 as const))
      .map(([name, rank]) => claim(name, rank))
    fc.assert(
      fc.property(fc.array(fc.array(anyClaim)), (claims) => {
        const given = assignDomains(claims)
          .flat()
          .map((name) => name.toLowerCase())
        const wanted = new Set(claims.flat().map(({ key }) => key))
        expect(given).toHaveLength(new Set(given).size)
        expect(new Set(given)).toEqual(wanted)
      }),
    )
  })
})
