import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { asError, errorCode, errorText } from './thrown.ts'

const unreadable = {
  toString() {
    throw new Error('no text')
  },
}

describe('what was thrown', () => {
  it('an error stays the error it is', () => {
    const error = new RangeError('too far')
    expect(asError(error)).toBe(error)
    expect(errorText(error)).toBe('too far')
  })

  it.each<[unknown, string]>([
    ['a text', 'a text'],
    [undefined, 'undefined'],
    [null, 'null'],
    [42n, '42'],
    [Symbol('one'), 'Symbol(one)'],
    [Object.create(null), '[object Object]'],
    [unreadable, '[object Object]'],
  ])('%o is told as text', (thrown, text) => {
    expect(errorText(thrown)).toBe(text)
    expect(asError(thrown).message).toBe(text)
  })

  it('a code is that of the system or of Node, and nothing else', () => {
    const failure = (work: () => unknown): unknown => {
      try {
        return work()
      } catch (error) {
        return error
      }
    }
    expect(errorCode(failure(() => readFileSync('/no/such/file')))).toBe('ENOENT')
    expect(errorCode(failure(() => new URL('no address')))).toBe('ERR_INVALID_URL')
    expect(errorCode(new Error('without'))).toBeUndefined()
    expect(errorCode(Object.assign(new Error('of gRPC'), { code: 14 }))).toBeUndefined()
    expect(errorCode('ENOENT')).toBeUndefined()
    expect(errorCode(null)).toBeUndefined()
  })
})
