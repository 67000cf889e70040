import { describe, expect, test } from 'vitest'
import { ConnectionError, ERROR, FLAG, FRAME, type Frame } from './frames.ts'
import { HeaderBlock } from './header-block.ts'
import { MOST_HEADERS } from './hpack.ts'

function frame(type: number, flags: number, payload: string | Buffer, stream = 1): Frame {
  return { type, flags, stream, payload: Buffer.from(payload) }
}

function codeOf(run: () => unknown): number | undefined {
  try {
    run()
  } catch (error) {
    if (error instanceof ConnectionError) return error.code
    throw error
  }
  return undefined
}

describe('a header block', () => {
  test('of one frame is what lies between padding and behind its priority', () => {
    const plain = new HeaderBlock(frame(FRAME.headers, FLAG.endHeaders, 'block', 3))
    expect(plain).toMatchObject({ stream: 3, end: false, itself: false, whole: true })
    expect(String(plain.bytes)).toBe('block')
    const flags = FLAG.endHeaders | FLAG.endStream | FLAG.padded | FLAG.priority
    const full = new HeaderBlock(frame(FRAME.headers, flags, '\x02\x00\x00\x00\x05wblock\x00\x00', 3))
    expect(full).toMatchObject({ stream: 3, end: true, itself: false, whole: true })
    expect(String(full.bytes)).toBe('block')
  })

  test('of several frames is whole with the one that says so', () => {
    const block = new HeaderBlock(frame(FRAME.headers, FLAG.endStream, 'one '))
    expect(block.whole).toBe(false)
    block.add(frame(FRAME.continuation, 0, 'two '))
    expect(block.whole).toBe(false)
    block.add(frame(FRAME.continuation, FLAG.endHeaders, 'three'))
    expect(block).toMatchObject({ whole: true, end: true })
    expect(String(block.bytes)).toBe('one two three')
  })

  test('says that its stream depends on itself, whether exclusively or not', () => {
    const of = (dependency: string) =>
      new HeaderBlock(frame(FRAME.headers, FLAG.priority, Buffer.from(`${dependency}10`, 'hex'), 7)).itself
    expect([of('00000007'), of('80000007'), of('00000005')]).toEqual([true, true, false])
  })

  test('is refused with more padding or less priority than bytes, of a stream no client opens, and without end', () => {
    const start = (flags: number, payload: string, stream = 1) =>
      codeOf(() => new HeaderBlock(frame(FRAME.headers, flags, payload, stream)))
    expect(start(FLAG.padded, '\x03ab')).toBe(ERROR.protocol)
    expect(start(FLAG.padded, '\x02ab')).toBeUndefined()
    expect(start(FLAG.padded, '')).toBe(ERROR.protocol)
    expect(start(FLAG.priority, 'four')).toBe(ERROR.protocol)
    expect([start(0, '', 0), start(0, '', 2)]).toEqual([ERROR.protocol, ERROR.protocol])
    const block = new HeaderBlock(frame(FRAME.headers, 0, 'x'))
    block.add(frame(FRAME.continuation, 0, Buffer.alloc(MOST_HEADERS - 64)))
    expect(codeOf(() => block.add(frame(FRAME.continuation, 0, Buffer.alloc(64))))).toBe(ERROR.enhanceYourCalm)
  })

  test('is refused when it goes on in frames that carry nothing', () => {
    const block = new HeaderBlock(frame(FRAME.headers, 0, 'x'))
    const codes = Array.from({ length: 2000 }, () => codeOf(() => block.add(frame(FRAME.continuation, 0, ''))))
    expect(codes).toContain(ERROR.enhanceYourCalm)
  })
})
