import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HeaderReader, HeadersUnreadable, MOST_HEADERS, writeHeaders } from './hpack.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

describe('examples of RFC 7541, appendix C', () => {
  const request = (path: string, ...more: [string, string][]) => [
    [':method', 'GET'],
    [':scheme', path === '/index.html' ? 'https' : 'http'],
    [':path', path],
    [':authority', 'www.example.com'],
    ...more,
  ]

  test.each([
    [
      'plain (C.3)',
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
    ],
    [
      'Huffman (C.4)',
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
    ],
  ])('%s: three requests of one connection', (_name, blocks) => {
    const reader = new HeaderReader()
    expect(blocks.map((block) => reader.read(hex(block)))).toEqual([
      request('/'),
      request('/', ['cache-control', 'no-cache']),
      request('/index.html', ['custom-key', 'custom-value']),
    ])
  })
})

test('what is written is read back, at any length', () => {
  const name = fc.stringMatching(/^[a-z-]{1,40}$/)
  const value = fc.string({ unit: 'grapheme-ascii', maxLength: 400 })
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (headers) => {
      expect(new HeaderReader().read(writeHeaders(headers))).toEqual(headers)
    }),
  )
})

test('the table forgets its oldest entries when it is full, and all of them when it is made empty', () => {
  const reader = new HeaderReader()
  const indexed = (name: string, value: string) => {
    const block = writeHeaders([[name, value]])
    block[0] = 0x40
    return block
  }
  reader.read(indexed('first', 'x'.repeat(3000)))
  reader.read(indexed('second', 'y'.repeat(1100)))
  expect(reader.read(Buffer.of(0x80 | 62))).toEqual([['second', 'y'.repeat(1100)]])
  expect(() => reader.read(Buffer.of(0x80 | 63))).toThrow(HeadersUnreadable)
  reader.read(Buffer.of(0x20))
  expect(() => reader.read(Buffer.of(0x80 | 62))).toThrow('there is no entry 62')
})

test.each([
  ['a table larger than offered', '3fe2 1f'],
  ['a table that changes after a header', '8220'],
  ['entry 0', '80'],
  ['an entry that is not there', 'be'],
  ['a number without end', 'ffff ffff ffff ff'],
  ['a text that goes on behind the block', '0005 61'],
  ['a block that ends within a header', '40'],
  ['Huffman padding of zeros', '0001 6181 18'],
  ['Huffman padding of a whole byte', '0001 6182 ffff'],
  ['the end of a Huffman string within it', '0001 6184 ffff ffff'],
])('%s is refused', (_what, block) => {
  expect(() => new HeaderReader().read(hex(block))).toThrow(HeadersUnreadable)
})

test('a short block cannot unfold into endless headers', () => {
  const reader = new HeaderReader()
  const long = writeHeaders([['x', 'y'.repeat(3900)]])
  long[0] = 0x40
  reader.read(long)
  expect(() => reader.read(Buffer.alloc(MOST_HEADERS / 3900 + 1, 0x80 | 62))).toThrow('bytes of headers')
})

test('any bytes are read or refused, nothing else', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 5 }), (blocks) => {
      const reader = new HeaderReader()
      try {
        for (const block of blocks) reader.read(Buffer.from(block))
      } catch (error) {
        if (!(error instanceof HeadersUnreadable)) throw error
      }
    }),
    { numRuns: 2000 },
  )
})

test('connections that say the same hold the same headers, and those that say others get theirs, however many', () => {
  const indexed = (value: string) => {
    const block = writeHeaders([['user-agent', value]])
    block[0] = 0x40
    return block
  }
  const NEWEST = hex('be')
  const all = Array.from({ length: 2500 }, (_, index) => {
    const reader = new HeaderReader()
    reader.read(indexed(`agent ${index}`))
    return reader
  })
  expect(all.map((reader) => reader.read(NEWEST)[0]![1])).toEqual(all.map((_, index) => `agent ${index}`))
  const [one, other] = [new HeaderReader(), new HeaderReader()]
  expect(one.read(indexed('same'))[0]).toBe(other.read(indexed('same'))[0])
  expect(one.read(NEWEST)).toEqual([['user-agent', 'same']])
})
