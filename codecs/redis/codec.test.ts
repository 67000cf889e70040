import { describe, expect, test } from 'vitest'
import { FrameError } from '../contract.ts'
import { codec } from './codec.ts'

const length = (text: string) => {
  const b = Buffer.from(text)
  return codec.frameLength(b, 0, b.length)
}
const MiB = 1024 * 1024

describe('what a Redis peer may ask for', () => {
  test('a string up to 64 MiB with all around it, known from its first line', () => {
    const most = 64 * MiB - '$67108851\r\n'.length - '\r\n'.length
    expect(length(`$${most}\r\n`)).toBe(64 * MiB)
    expect(length(`$${most + 1}\r\n`)).toBe(FrameError.tooLong)
    expect(length('$999999999\r\n')).toBe(FrameError.tooLong)
  })

  test('an array of up to a million values, each of three bytes at least', () => {
    expect(length(`*${MiB}\r\n`)).toBe('*1048576\r\n'.length + 3 * MiB)
    expect(length(`*${MiB + 1}\r\n`)).toBe(FrameError.tooLong)
    expect(length(`%${MiB / 2}\r\n`)).toBe('%524288\r\n'.length + 3 * MiB)
    expect(length(`%${MiB / 2 + 1}\r\n`)).toBe(FrameError.tooLong)
  })

  test('arrays in arrays, 32 deep', () => {
    expect(length(`${'*1\r\n'.repeat(32)}:1\r\n`)).toBe(32 * 4 + 4)
    expect(length(`${'*1\r\n'.repeat(33)}:1\r\n`)).toBe(FrameError.malformed)
  })

  test('a line of up to 64 KiB', () => {
    expect(length(`+${'x'.repeat(64 * 1024 - 3)}\r\n`)).toBe(64 * 1024)
    expect(length(`+${'x'.repeat(64 * 1024)}`)).toBe(FrameError.tooLong)
    expect(length('x'.repeat(64 * 1024 - 1))).toBe(64 * 1024)
    expect(length('x'.repeat(64 * 1024))).toBe(FrameError.tooLong)
  })
})

test.each([
  ['-ERR no such key\r\n', 'ERR no such key'],
  ['!13\r\nSYNTAX broken\r\n', 'SYNTAX broken'],
])('the text of an error is all of it, and ends before its line does: %j', (reply, text) => {
  const b = Buffer.from(`+OK\r\n${reply}+next\r\n`)
  const { slot } = codec.fields.find((one) => one.slot === 3)!
  expect(codec.field(slot, b, 5, reply.length)).toBe(text)
})

test('a command on a line of its own is as long as its line, whatever stands behind it, and has its words', () => {
  const b = Buffer.from('GET  key\r\nPING\r\n')
  expect(codec.frameLength(b, 0, b.length)).toBe(10)
  expect(codec.frameLength(b, 10, b.length)).toBe(6)
  expect([0, 1, 2].map((slot) => codec.field(slot, b, 0, 10))).toEqual(['GET', 'key', undefined])
  expect(codec.field(0, b, 10, 6)).toBe('PING')
})

test.each(['+OK\r\n', ':1\r\n', '-ERR x\r\n', '$2\r\nhi\r\n', '_\r\n'])(
  '%j is no command and has no words',
  (reply) => {
    const b = Buffer.from(reply)
    expect(codec.frameLength(b, 0, b.length)).toBe(b.length)
    expect(codec.field(0, b, 0, b.length)).toBeUndefined()
  },
)
