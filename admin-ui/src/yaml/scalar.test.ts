import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { blockScalar, plainIsSafe, renderScalar } from './scalar.ts'
import { nasty } from './testing/generate.ts'

const readers = [
  ['YAML 1.2', (text: string) => parse(text)],
  ['YAML 1.1', (text: string) => parse(text, { version: '1.1' })],
] as const

describe('a string written as a scalar', () => {
  for (const [name, read] of readers) {
    it.each(nasty)(`is the same string for a reader of ${name}: %j`, (value) => {
      for (const quote of ['single', 'double'] as const) {
        expect(read(`a: ${renderScalar(value, { flow: false, quote })}\n`)).toEqual({ a: value })
        expect(read(`[${renderScalar(value, { flow: true, quote })}, 1]`)).toEqual([value, 1])
        expect(read(`${renderScalar(value, { flow: false, quote })}: 1\n`)).toEqual({ [value]: 1 })
        expect(read(`{${renderScalar(value, { flow: true, quote })}: 1}`)).toEqual({ [value]: 1 })
        expect(read(`a: ${renderScalar(value, { flow: false, quote, keep: 'single' })}\n`)).toEqual({ a: value })
      }
    })
  }

  it.each([
    'y',
    'n',
    'Yes',
    'NO',
    'on',
    'OFF',
    'true',
    'False',
    'null',
    '~',
    '<<',
    '=',
    '0',
    '-1',
    '+1',
    '017',
    '0o17',
    '0x1f',
    '0b11',
    '1_000',
    '1.',
    '.5',
    '1.5e3',
    '12:30',
    '190:20:30.15',
    '.inf',
    '-.Inf',
    '.NaN',
    '2001-12-14',
    '2001-12-14t21:59:43.10-05:00',
  ])('%s is quoted: one of the two YAML versions reads it as something else', (value) => {
    expect(plainIsSafe(value, false)).toBe(false)
  })

  it.each([
    'reviews',
    'v1',
    'reviews.default.svc.cluster.local',
    '/a/b?c=d',
    '10.0.0.1',
    '10.0.0.1:8080',
    'a b',
    '5xx',
    '1s',
    '100ms',
    'x-y',
    'a#b',
    "it's",
  ])('%s needs no quotes', (value) => {
    expect(plainIsSafe(value, false)).toBe(true)
  })

  it('single quotes give way to double ones only where an escape is needed', () => {
    expect(renderScalar("it's", { flow: false, quote: 'double', keep: 'single' })).toBe("'it''s'")
    expect(renderScalar('a\u0007', { flow: false, quote: 'double', keep: 'single' })).toBe('"a\\x07"')
  })
})

describe('numbers, booleans and null are always plain', () => {
  it.each([
    [1, '1'],
    [-0, '-0'],
    [1.5, '1.5'],
    [1e21, '1e+21'],
    [Infinity, '.inf'],
    [-Infinity, '-.inf'],
    [NaN, '.nan'],
    [true, 'true'],
    [null, 'null'],
  ] as const)('%s', (value, text) => {
    expect(renderScalar(value, { flow: false, quote: 'double', keep: 'single' })).toBe(text)
    expect(parse(text)).toBe(value)
  })
})

describe('a string of several lines', () => {
  it.each([
    ['a\nb', '|-'],
    ['a\nb\n', '|'],
    ['a\n\n  b\n', '|'],
  ])('%j is a block scalar %s', (value, header) => {
    expect(blockScalar(value)?.header).toBe(header)
  })

  it.each(['a\n\n', '\na', ' a\nb', 'a\n \nb', 'a\r\nb', 'a\n\u0000', 'a\n\tb', 'a \nb'])(
    '%j keeps to quotes',
    (value) => {
      expect(blockScalar(value)).toBeUndefined()
    },
  )

  it('is folded only where no line must stay as it is', () => {
    expect(blockScalar('a\nb\n', 'folded')).toEqual({ header: '>', lines: ['a', '', 'b'] })
    expect(blockScalar('a\n b\n', 'folded')?.header).toBe('|')
  })
})
