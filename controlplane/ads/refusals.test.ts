import { expect, test } from 'vitest'
import { RequestTooLarge } from '../subscription/read-names.ts'
import { WireError } from '../subscription/wire.ts'
import { INTERNAL, refusalOf, tooManyMissing, tooManyNames } from './refusals.ts'
import { STATUS } from './transport.ts'

test('what a client did wrong is told to it in its words', () => {
  expect(refusalOf(new RequestTooLarge('more than 3 names'))).toEqual({
    reason: 'limit',
    status: { code: STATUS.resourceExhausted, message: 'more than 3 names' },
  })
  expect(refusalOf(new WireError('cut off'))).toEqual({
    reason: 'malformed',
    status: { code: STATUS.invalidArgument, message: 'cut off' },
  })
})

test('what went wrong here is not told to a client', () => {
  expect(refusalOf(new Error('secret path'))).toBeUndefined()
  expect(refusalOf(undefined)).toBeUndefined()
  expect(INTERNAL.status.code).toBe(STATUS.internal)
})

test('a limit is named with what was asked of it', () => {
  expect(tooManyNames(7).status).toMatchObject({
    code: STATUS.resourceExhausted,
    message: expect.stringContaining('more than 7 names'),
  })
  expect(tooManyMissing(5, 9).status).toMatchObject({
    code: STATUS.resourceExhausted,
    message: expect.stringMatching(/asks for 5 names that do not exist.*may ask for 9;/),
  })
})
