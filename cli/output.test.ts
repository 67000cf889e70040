import { describe, expect, test } from 'vitest'
import { age, paint, table, wantsColour } from './output.ts'
import { type Log, logPrinted, prettyLine } from './run/log.ts'

describe('tables', () => {
  test('columns are as wide as what is seen in them', () => {
    const rows = [
      ['a', paint('SYNCED', 'green', true), 'x'],
      ['longer', paint('NACK', 'red', true), 'y'],
    ]
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with ESC
    expect(table(['name', 'state', 'last'], rows).replaceAll(/\x1b\[\d+m/g, '')).toBe(
      'NAME    STATE   LAST\na       SYNCED  x\nlonger  NACK    y\n',
    )
  })
})

test.each([
  [0, '0ms'],
  [999, '999ms'],
  [1_000, '1s'],
  [59_999, '59s'],
  [60_000, '1m'],
  [200_000, '3m20s'],
  [3_600_000, '1h'],
  [3_660_000, '1h1m'],
  [47 * 3_600_000, '47h'],
  [48 * 3_600_000, '2d'],
])('an age of %i ms is %s', (milliseconds, text) => {
  expect(age(milliseconds)).toBe(text)
})

describe('colours', () => {
  test('only on a terminal, never with NO_COLOR', () => {
    expect(wantsColour({ isTTY: true }, {})).toBe(true)
    expect(wantsColour({ isTTY: false }, {})).toBe(false)
    expect(wantsColour({ isTTY: true }, { NO_COLOR: '1' })).toBe(false)
    expect(wantsColour({ isTTY: false }, { FORCE_COLOR: '1' })).toBe(true)
  })
})

test('a log line for people has clock, level, text and the rest', () => {
  const line = JSON.stringify({ level: 40, time: '2026-01-02T03:04:05.678Z', msg: 'careful', port: 80, what: 'x' })
  expect(prettyLine(line, false)).toMatch(/^\d\d:04:05 warn {2}careful {2}port=80 what=x$/)
})

test('a complaint in a log line has its place first, as in any other output', () => {
  const line = (about: object) =>
    JSON.stringify({ level: 50, time: '2026-01-02T03:04:05.678Z', code: 'A', ...about, msg: 'no such host' })
  const place = { file: 'a.yaml', line: 3, column: 7 }
  expect(prettyLine(line({ ...place, path: 'spec.hosts', hint: 'Declare it.' }), false)).toMatch(
    /error a\.yaml:3:7: no such host → Declare it\. {2}code=A path=spec\.hosts$/,
  )
  expect(prettyLine(line({ ...place, path: '' }), false)).toMatch(/a\.yaml:3:7: no such host {2}code=A$/)
  expect(prettyLine(line({ file: 'b' }), false)).toMatch(/error no such host {2}code=A file=b$/)
})

test('an error in a log line is its words; where it came from only when the program is at fault', () => {
  const line = (err: object) => JSON.stringify({ level: 50, time: '2026-01-02T03:04:05.678Z', msg: 'not saved', err })
  const stack = 'Error: no space is left\n    at somewhere'
  expect(prettyLine(line({ type: 'Error', message: 'no space is left', stack }), false)).toMatch(
    /not saved {2}err=no space is left$/,
  )
  expect(prettyLine(line({ type: 'TypeError', message: 'x is undefined', stack }), false)).toContain('at somewhere')
})

test('what a program prints as a line of such a log is one, with its level; anything else is a text', () => {
  const told: unknown[] = []
  const tell = (level: string) => (fields: object, text: string) => told.push([level, fields, text])
  const log = { debug: tell('debug'), info: tell('info'), warn: tell('warn'), error: tell('error') } as unknown as Log
  const about = { program: 'edge' }
  logPrinted(log, about, '{"level":50,"time":"2026-01-02T03:04:05.678Z","port":80,"msg":"no port"}', 'info')
  for (const line of ['hello', '{"level":', '{"level":"x"}']) logPrinted(log, about, line, 'warn')
  expect(told).toEqual([
    ['error', { program: 'edge', port: 80 }, 'no port'],
    ['warn', about, 'hello'],
    ['warn', about, '{"level":'],
    ['warn', about, '{"level":"x"}'],
  ])
})
