import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Resource } from '../xds/resource.ts'
import { TypeLog } from './type-log.ts'

const POOL = Array.from({ length: 48 }, (_, index) => `cluster-${index}`)
/** Lists as requests share them: long ones are remembered with what was found under their names. */
const LISTS = [POOL, POOL.slice(0, 40), POOL.slice(8), POOL.slice(0, 3), POOL.slice(2, 5)]

function log() {
  const reads: string[] = []
  const version = new Map(POOL.map((name) => [name, 1]))
  const resource = (name: string): Resource => ({
    type: 'eds',
    name,
    version: `${version.get(name)}`,
    bytes: Buffer.from(name),
    origins: [],
    children: [],
  })
  const source = {
    names: () => POOL.slice(0, 20),
    get(name: string) {
      reads.push(name)
      return resource(name)
    },
    keep: (published: Resource) => published,
    forget() {},
    forgetOthers() {},
  }
  return { log: new TypeLog('eds', source), reads, version }
}

describe('names that many clients list', () => {
  test('are read once, and again when nobody asked for one of them meanwhile', () => {
    const { log: one, reads } = log()
    one.follow(POOL)
    one.follow(POOL)
    expect(reads).toHaveLength(POOL.length)
    one.unfollow(POOL)
    expect(one.wouldRead(false, POOL)).toBe(false)
    one.unfollow([POOL[7]!])
    expect(one.wouldRead(false, POOL)).toBe(true)
    expect(one.unread(false, POOL)).toEqual([POOL[7]])
    one.follow(POOL)
    expect(reads).toHaveLength(POOL.length + 1)
  })

  test('are followed exactly as long as somebody asks for them, whatever comes in between', () => {
    const step = fc.oneof(
      fc.record({ follow: fc.nat(LISTS.length - 1) }),
      fc.record({ leave: fc.nat(20) }),
      fc.record({ change: fc.nat(POOL.length - 1) }),
      fc.constantFrom('all' as const, 'none' as const),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { log: one, version } = log()
        const held: (readonly string[])[] = []
        let wildcards = 0
        for (const step of steps) {
          if (step === 'all') {
            wildcards++
            one.followAll()
          } else if (step === 'none') {
            if (wildcards > 0) {
              wildcards--
              one.unfollowAll()
            }
          } else if ('follow' in step) {
            const list = LISTS[step.follow]!
            held.push(list)
            one.follow(list)
          } else if ('leave' in step) one.unfollow(held.splice(step.leave % (held.length + 1), 1)[0] ?? [])
          else {
            version.set(POOL[step.change]!, version.get(POOL[step.change]!)! + 1)
            one.refresh('publish')
            one.trim(one.position)
          }
          const wild = wildcards > 0 ? POOL.slice(0, 20) : []
          const followed = POOL.filter((name) => wild.includes(name) || held.some((list) => list.includes(name)))
          expect(POOL.filter((name) => one.follows(name))).toEqual(followed)
          if (typeof step === 'object' && 'change' in step)
            expect(followed.filter((name) => one.get(name)?.version !== `${version.get(name)}`)).toEqual([])
          const unread = LISTS.map((list) => list.filter((name) => !followed.includes(name)))
          expect(LISTS.map((list) => one.unread(false, list))).toEqual(unread)
          expect(LISTS.map((list) => one.wouldRead(false, list))).toEqual(unread.map(({ length }) => length > 0))
        }
      }),
      { numRuns: 60 },
    )
  })
})
