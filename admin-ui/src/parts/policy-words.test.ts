import { describe, expect, it } from 'vitest'
import { conditionText, faultFacts } from './policy-words.ts'

describe('a condition in short', () => {
  it.each([
    ['headers.x-test.exact slow', 'x-test = slow'],
    ['uri.prefix /v2, headers.x-user.regex ^a', 'path ^= /v2, x-user ~ ^a'],
    ['method.exact GET or queryParams.a.exact 1', 'method = GET or ?a = 1'],
    ['withoutHeaders.x.exact 1', 'not x = 1'],
    ['port 80', 'port 80'],
    ['', ''],
  ])('%s', (written, said) => expect(conditionText(written)).toBe(said))
})

describe('a fault', () => {
  const value = (name: string, text: string) => ({ name, value: text })

  it('delays, aborts, or both', () => {
    expect(
      faultFacts([
        value('delay.fixedDelay', '1s'),
        value('delay.percentage.value', '50'),
        value('abort.grpcStatus', 'UNAVAILABLE'),
      ]),
    ).toEqual({
      delay: { time: '1s', percent: '50' },
      abort: { kind: 'grpc', status: 'UNAVAILABLE', percent: undefined },
    })
  })

  it('of another form has no facts', () => expect(faultFacts([value('other', '1')])).toBeUndefined())
})
