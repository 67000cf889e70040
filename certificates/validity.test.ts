import { describe, expect, test } from 'vitest'
import { testCa } from '../test/helpers/certificates.ts'
import { aboutDates, bundleProblem, bundleValidity, certificatesIn, chainValidity } from './validity.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const about = (fromMs: number, untilMs: number) =>
  aboutDates(
    { from: Date.UTC(2030, 0, 1) + fromMs, until: Date.UTC(2030, 0, 1) + untilMs, subject: 'CN=shop' },
    Date.UTC(2030, 0, 1),
  )

describe('what is said of dates', () => {
  test('nothing while there is time: 15 days of a year, 5 hours of a day', () => {
    expect(about(-350 * DAY, 15 * DAY)).toBeUndefined()
    expect(about(-19 * HOUR, 5 * HOUR)).toBeUndefined()
  })
  test('14 days before the end, or with a sixth of a shorter life left', () => {
    expect(about(-350 * DAY, 14 * DAY)).toEqual({
      valid: true,
      text: 'the certificate of CN=shop expires in 14 days (2030-01-15 00:00 UTC)',
    })
    expect(about(-20.5 * HOUR, 3.5 * HOUR)?.text).toMatch(/expires in 3 hours \(2030-01-01 03:30 UTC\)/)
    expect(about(-60_000 * 59, 60_000)?.text).toMatch(/expires in 1 minute /)
  })
  test('that it is over, or has not begun', () => {
    expect(about(-9 * DAY, -3 * DAY)).toMatchObject({
      valid: false,
      text: expect.stringContaining('expired 3 days ago'),
    })
    expect(about(2 * HOUR, DAY)).toMatchObject({ valid: false, text: expect.stringContaining('it begins in 2 hours') })
  })
})

test('a chain ends with the first of its certificates, a bundle of authorities with the last', async () => {
  const [ca, longer] = [await testCa('first'), await testCa('second')]
  const short = await ca.issue('short', { validMs: HOUR })
  const ends = (pem: string) => certificatesIn(pem).map((one) => Date.parse(one.validTo))
  const both = `${short.cert}\n${longer.cert}`
  expect(chainValidity(certificatesIn(both))).toMatchObject({ until: Math.min(...ends(both)), subject: 'CN=short' })
  expect(bundleValidity(certificatesIn(both))).toMatchObject({ until: Math.max(...ends(both)), subject: 'CN=second' })
  expect(chainValidity([])).toBeUndefined()
})

test('a bundle that was half written is told apart from a whole one', async () => {
  const [a, b] = [await testCa('a'), await testCa('b')]
  expect(bundleProblem(`${a.cert}\n${b.cert}`)).toBeUndefined()
  expect(bundleProblem(`${a.cert}\n${b.cert.slice(0, 200)}`)).toBe(
    'holds 1 of 2 certificates that cannot be read; each begins on a line of its own',
  )
  expect(bundleProblem(a.cert + b.cert)).toMatch(/^holds 2 of 2 certificates that cannot be read/)
  expect(bundleProblem('')).toBe('holds no PEM certificate')
})
