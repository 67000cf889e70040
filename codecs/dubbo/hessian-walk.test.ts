import { describe, expect, test } from 'vitest'
import { parseHex } from '../tools/decode.ts'
import { countTypes } from './attachments.ts'
import { skipValue } from './hessian-walk.ts'

/** Where the value ends that starts behind two other bytes and has two behind it; how many bytes that are, or -1. */
function size(hex: string, left = 100): number {
  const value = parseHex(hex)
  const b = Buffer.concat([Buffer.of(0x4e, 0x4e), value, Buffer.of(0x4e, 0x4e)])
  const end = skipValue(b, 2, b.length, { classes: [], left })
  return end < 0 ? -1 : end - 2
}

const text = (length: number) => '78'.repeat(length)
/** A list in a list in a list …: `depth` lists of one, around a null. */
const nested = (depth: number) => `${'79'.repeat(depth)}4e`

/** @see http://hessian.caucho.com/doc/hessian-serialization.html */
const values: readonly (readonly [what: string, hex: string])[] = [
  ['null', '4e'],
  ['true', '54'],
  ['false', '46'],
  ['int of one byte, least', '80'],
  ['int of one byte, most', 'bf'],
  ['int of two bytes', 'c0 00'],
  ['int of two bytes, most', 'cf ff'],
  ['int of three bytes', 'd0 0000'],
  ['int of three bytes, most', 'd7 ffff'],
  ['int of five bytes', '49 00040000'],
  ['long of one byte', 'd8'],
  ['long of one byte, most', 'ef'],
  ['long of two bytes', 'f0 00'],
  ['long of two bytes, most', 'ff ff'],
  ['long of three bytes', '38 0000'],
  ['long of three bytes, most', '3f ffff'],
  ['long of five bytes', '59 80000000'],
  ['long of nine bytes', '4c 0000000080000000'],
  ['double 0', '5b'],
  ['double 1', '5c'],
  ['double of one byte', '5d 80'],
  ['double of two bytes', '5e 8000'],
  ['double of four bytes', '5f 00002fda'],
  ['double of eight bytes', '44 4028800000000000'],
  ['date in milliseconds', '4a 000000d04b925880'],
  ['date in minutes', '4b 00e383f7'],
  ['string', `05 ${text(5)}`],
  ['longest short string', `1f ${text(31)}`],
  ['medium string', `31 00 ${text(256)}`],
  ['string in pieces', `52 0002 ${text(2)} 53 0001 ${text(1)}`],
  ['bytes', '23 010203'],
  ['no bytes', '20'],
  ['longest short bytes', `2f ${text(15)}`],
  ['medium bytes', `35 01 ${text(257)}`],
  ['bytes in pieces', '41 0002 0102 42 0001 03'],
  ['bytes in pieces, the last short', '41 0002 0102 21 03'],
  ['a reference', '51 90'],
  ['map', '48 90 0161 91 0162 5a'],
  ['map of a type', '4d 0174 90 0161 5a'],
  ['list of a type, open', '55 0174 90 91 5a'],
  ['list, open', '57 90 91 92 5a'],
  ['list of a type and a length', '56 0174 92 90 91'],
  ['list of a length', '58 92 90 91'],
  ['list of a length of two bytes', `58 c840 ${'90'.repeat(64)}`],
  ['list of a length of three bytes', '58 d40002 90 91'],
  ['list of a length of five bytes', '58 49 00000002 90 91'],
  ['short list of a type', '72 0174 90 91'],
  ['short list', '7a 90 91'],
  ['empty short list', '78'],
  ['short list of seven', `7f ${'90'.repeat(7)}`],
  ['object behind its definition', '43 0143 92 0161 0162 60 90 91'],
  ['object by a number that is no short one', '43 0143 91 0161 4f 90 90'],
  ['two objects of one class in a list', '7a 43 0143 91 0161 60 90 60 91'],
  ['nested as deep as may be', nested(64)],
]

describe('a Hessian value', () => {
  test.each(values)('is stepped over: %s', (_, hex) => {
    expect(size(hex)).toBe(parseHex(hex).length)
  })

  test.each(values)('that is cut off is none: %s', (_, hex) => {
    const value = parseHex(hex)
    // What follows is there in memory, as the next frame of a connection is.
    for (let end = 0; end < value.length; end++)
      expect(skipValue(value, 0, end, { classes: [], left: 1000 }), `after ${end} bytes`).toBe(-1)
  })

  test.each([
    ['a byte that starts none', '40'],
    ['the end of a list', '5a'],
    ['a list whose length is negative', '58 8f'],
    ['a list whose length is a text', '58 0161'],
    ['an object of a class that is not defined', '60 90'],
    ['an object of a class by a negative number', '43 0143 90 4f 8f'],
    ['bytes in pieces that go on as a string', '41 0001 01 0161'],
    ['a definition whose names are numbers', '43 0143 91 90 60 90'],
    ['lists nested too deeply', nested(65)],
  ])('%s is none', (_, hex) => {
    expect(size(hex)).toBe(-1)
  })

  test('of more parts than are allowed is none', () => {
    expect(size('7f 90909090909090', 8)).toBe(8)
    expect(size('7f 90909090909090', 7)).toBe(-1)
    expect(size('43 0143 92 0161 0162 60 90 91', 7)).toBe(9 + 2)
    expect(size('43 0143 92 0161 0162 60 90 91', 6)).toBe(-1)
  })
})

test.each([
  ['', 0],
  ['I', 1],
  ['IJ', 2],
  ['Ljava/lang/String;', 1],
  ['Ljava/lang/String;I[J', 3],
  ['[[Ljava/lang/Object;Z', 2],
  ['ILjava/lang/String', 2],
  ['L', 1],
  ['[', 0],
])('the descriptor "%s" names %d types, whatever follows it', (descriptor, count) => {
  for (const behind of ['', ';I', 'II']) {
    const b = Buffer.from(`${descriptor}${behind}`)
    expect(countTypes(b, 0, descriptor.length)).toBe(count)
  }
})
