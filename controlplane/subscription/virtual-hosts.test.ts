import { expect, test } from 'vitest'
import { fakeResource } from '../../test/helpers/fake-mesh.ts'
import type { InterestChange } from './interest.ts'
import { NameSet } from './name-set.ts'
import { withKnownHosts } from './virtual-hosts.ts'

/** Names with a `w` fit a wildcard alone; of the others there is a virtual host. */
const log = {
  onDemand: { virtualHosts: { stranger: (name: string) => name.startsWith('w') } },
  virtualHost: (name: string) => (name.startsWith('w') ? undefined : fakeResource('vhds', name, '1')),
} as never

/** What a client follows after a request, and how many strangers are among it. */
function after(
  before: ReadonlySet<string>,
  strangers: number,
  added: readonly string[],
  dropped: readonly string[] = [],
) {
  const left = [...before].filter((name) => !dropped.includes(name))
  const interestOf = (names: readonly string[]) => ({
    wildcard: false,
    legacy: false,
    names: NameSet.of(new Set(names)),
  })
  const change: InterestChange = {
    before: interestOf([...before]),
    interest: interestOf([...left, ...added]),
    added,
    dropped,
    asked: added,
    askedAll: false,
  }
  const made = withKnownHosts(change, log, undefined, undefined, strangers)
  return {
    names: [...added, ...left].filter((name) => made.change.interest.names.has(name)),
    strangers: made.strangers,
  }
}

test('of authorities that anybody can make up a client follows two thousand, until it lets go of some; those declared do not count', () => {
  const many = Array.from({ length: 2000 }, (_, n) => `w${n}`)
  const full = after(new Set(), 0, [...many, 'declared'])
  expect([full.names.length, full.strangers]).toEqual([2001, 2000])
  const held = new Set(full.names)
  expect(after(held, 2000, ['w-more', 'other']).names).not.toContain('w-more')
  expect(after(held, 2000, ['w-more', 'other'])).toMatchObject({
    names: expect.arrayContaining(['other']),
    strangers: 2000,
  })
  const fewer = after(held, 2000, ['w-more', 'w-another'], ['w7'])
  expect([fewer.names.includes('w-more'), fewer.names.includes('w-another'), fewer.strangers]).toEqual([
    true,
    false,
    2000,
  ])
})

test('an authority with a star, or longer than any, is not followed', () => {
  expect(after(new Set(), 0, ['a*', `w${'x'.repeat(1024)}`, `w${'x'.repeat(1023)}`, 'fine']).names).toEqual([
    `w${'x'.repeat(1023)}`,
    'fine',
  ])
})
