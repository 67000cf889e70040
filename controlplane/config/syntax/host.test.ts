import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isIpAddress } from './address.ts'
import {
  fqdnProblem,
  gatewayDomainProblem,
  hostsOverlap,
  isSubsetOf,
  overlappingHosts,
  partialWildcardProblem,
  scopedHostProblems,
  wildcardDomainProblem,
} from './host.ts'

describe('host names', () => {
  it.each(['reviews', 'reviews.default.svc.cluster.local', 'Example.COM', 'a.b.', '1.a', 'a-b.c'])(
    '%s is a full name',
    (name) => expect(fqdnProblem(name)).toBeUndefined(),
  )
  it.each([
    '',
    '*',
    '*.a.b',
    'a..b',
    '-a.b',
    'a_b.c',
    'a.b.1',
    '10.0.0.1',
    'foo.ba!r',
    'a'.repeat(64),
    `${'a.'.repeat(128)}b`,
  ])('%s is none', (name) => expect(fqdnProblem(name)).toBeDefined())
  it.each(['*', '*.a.b', '*-api.a.b', '*a.b', 'a.b'])('%s may be a wildcard', (name) =>
    expect(wildcardDomainProblem(name)).toBeUndefined(),
  )
  it.each(['a.*.b', 'a*.b', '**.b', 'a.*'])('%s has its wildcard in the wrong place', (name) =>
    expect(wildcardDomainProblem(name)).toBeDefined(),
  )
  it('a wildcard within a label is partial', () => {
    expect(partialWildcardProblem('*-api.a.b')).toBeDefined()
    expect(partialWildcardProblem('*.a.b')).toBeUndefined()
    expect(partialWildcardProblem('*')).toBeUndefined()
  })
  it('generated SNI names are allowed at gateways that route by SNI', () => {
    const name = 'outbound_.15010_._.istiod.istio-system.svc.cluster.local'
    expect(gatewayDomainProblem(name, true)).toBeUndefined()
    expect(gatewayDomainProblem(name, false)).toBeDefined()
    expect(gatewayDomainProblem('outbound_.x_._.istiod', true)).toBeDefined()
  })
})

describe('hosts with a namespace', () => {
  it.each(['foo.bar.com', '1.1.1.1', 'ns1/foo.bar.com', '*/foo.bar.com', './foo.bar.com', '*', '*/*'])(
    'a gateway takes %s',
    (host) => expect(scopedHostProblems(host, 'gateway', isIpAddress)).toEqual([]),
  )
  it.each(['~/foo.bar.com', 'ns1/foo.*.bar.com', 'foo', 'NS_1/foo.bar', '/foo.bar', 'ns/'])(
    'a gateway refuses %s',
    (host) => expect(scopedHostProblems(host, 'gateway', isIpAddress)).not.toEqual([]),
  )
  it.each(['*/*', './*', '~/*', 'ns/*.foo.com', '~ns/foo.com', 'ns/foo.com'])('a sidecar takes %s', (host) =>
    expect(scopedHostProblems(host, 'sidecar', isIpAddress)).toEqual([]),
  )
  it.each(['foo.com', 'ns/foo', 'ns/1.1.1.1', 'ns/*foo.com'])('a sidecar refuses %s', (host) =>
    expect(scopedHostProblems(host, 'sidecar', isIpAddress)).not.toEqual([]),
  )
})

describe('hosts against each other', () => {
  it.each([
    ['foo.com', 'foo.com', true],
    ['foo.com', 'FOO.com', true],
    ['foo.com', '*.com', true],
    ['*.foo.com', '*.com', true],
    ['*.com', '*.foo.com', false],
    ['foo.com', '*.foo.com', false],
    ['foo.com', '*', true],
    ['*', 'foo.com', false],
  ])('%s is within %s: %s', (inner, outer, within) => expect(isSubsetOf(inner, outer)).toBe(within))

  const label = fc.constantFrom('a', 'b', 'c')
  const host = fc
    .tuple(fc.boolean(), fc.array(label, { minLength: 1, maxLength: 3 }))
    .map(([wild, labels]) => (wild ? `*.${labels.join('.')}` : labels.join('.')))

  it('finds exactly those entries of a list that overlap with another one', () => {
    fc.assert(
      fc.property(fc.array(host, { maxLength: 8 }), (hosts) => {
        const found = overlappingHosts(hosts)
        for (const [index, other] of found)
          expect(hostsOverlap(hosts[index]!, hosts[other]!) && other < index).toBe(true)
        const some = hosts.some((a, i) => hosts.some((b, j) => i < j && hostsOverlap(a, b)))
        expect(found.size > 0).toBe(some)
      }),
    )
  })

  it('takes a list of 100,000 hosts', () => {
    const hosts = Array.from({ length: 100_000 }, (_, index) => `h${index}.example.com`)
    expect(overlappingHosts([...hosts, '*.org', 'x.org']).size).toBe(1)
  })
})
