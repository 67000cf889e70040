import { expect, it, describe as suite } from 'vitest'
import { codec } from '../../codecs/game/codec.ts'
import { encode } from '../../test/dataplane/game.ts'
import type { GlobalRateLimit } from '../configuration.ts'
import { Answers, answerKey } from './answers.ts'
import { compileLimits, describe } from './descriptors.ts'

const told = (sets: GlobalRateLimit['sets'], frame: object) => {
  const [limit] = compileLimits(codec, [{ domain: 'd', cluster: 'c', sets }])
  const bytes = encode(frame)
  return describe(limit!, bytes, 0, bytes.length, '10.0.0.9')
}

suite('what a service is told of a message', () => {
  it('values, fields as text, and the address of the client, in order', () => {
    const entries = [
      { key: 'rule', value: 'r' },
      { key: 'uid', field: 'uid' },
      { key: 'from', sourceIp: true as const },
    ]
    expect(told([[{ entries }]], { uid: 2n ** 63n })).toEqual({
      denyOnFailure: false,
      descriptors: [
        {
          entries: [
            { key: 'rule', value: 'r' },
            { key: 'uid', value: '9223372036854775808' },
            { key: 'from', value: '10.0.0.9' },
          ],
        },
      ],
    })
  })

  it('of each set the first descriptor whose match holds, alone', () => {
    const to = (value: string, msgid?: string) => ({
      entries: [{ key: 'k', value }],
      ...(msgid && { match: [{ field: 'msgid', exact: msgid }] }),
      ...(value === 'b' && { denyOnFailure: true }),
    })
    const sets = [[to('a', '1'), to('b', '2'), to('rest')], [to('c', '2')]]
    const values = (msgid: number) => told(sets, { msgid })?.descriptors.map(({ entries }) => entries[0]!.value)
    expect([values(1), values(2), values(3)]).toEqual([['a'], ['b', 'c'], ['rest']])
    expect(told(sets, { msgid: 2 })?.denyOnFailure).toBe(true)
    expect(told(sets, { msgid: 1 })?.denyOnFailure).toBe(false)
  })

  it('a field the message has not: no descriptor, or one without the entry', () => {
    const entries = (skipIfAbsent: boolean) => [
      { key: 'k', value: 'v' },
      { key: 'f', field: 'nowhere', skipIfAbsent },
    ]
    expect(told([[{ entries: entries(false) }]], {})).toBeUndefined()
    expect(told([[{ entries: entries(true) }]], {})?.descriptors).toEqual([{ entries: [{ key: 'k', value: 'v' }] }])
  })
})

suite('answers that may be used again', () => {
  it('so often as the service said, until the time it said, a second at most', () => {
    const answers = new Answers()
    answers.keep('a', true, 2, 500, 0)
    expect([answers.use('a', 1), answers.use('a', 2), answers.use('a', 3)]).toEqual([true, true, undefined])
    answers.keep('a', false, 9, 500, 0)
    expect([answers.use('a', 499), answers.use('a', 500)]).toEqual([false, undefined])
    answers.keep('a', true, 9, 1e9, 0)
    expect([answers.use('a', 999), answers.use('a', 1000)]).toEqual([true, undefined])
  })

  it('a clock that is ahead of ours keeps nothing, and the memory is bounded', () => {
    const answers = new Answers()
    answers.keep('a', true, 9, -5, 0)
    answers.keep('b', true, 9, Number.NaN, 0)
    expect(answers.size).toBe(0)
    for (let i = 0; i < 20_000; i++) answers.keep(`${i}`, true, 1, 100, 0)
    expect(answers.size).toBe(10_000)
    expect([answers.use('0', 1), answers.use('19999', 1)]).toEqual([undefined, true])
  })

  it('keys of different descriptors differ whatever their values hold', () => {
    const key = (domain: string, ...entries: [string, string][]) =>
      answerKey(domain, { entries: entries.map(([k, value]) => ({ key: k, value })) })
    const keys = [
      key('d', ['a', 'b'], ['c', 'd']),
      key('d', ['a', 'b"\n"c""d']),
      key('d\n"a"', ['b', 'c']),
      key('d', ['a', 'bc'], ['', 'd']),
    ]
    expect(new Set(keys).size).toBe(keys.length)
  })
})
