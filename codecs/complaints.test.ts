import { expect, test } from 'vitest'
import { checkProtocol, printIssue } from './tools/check.ts'

const good = `apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: own}
spec:
  frame:
    length: {at: 0, type: u32, counts: all}
    check: {at: 4, type: u16, equals: 0x1234}
  message:
    kind: {at: 6, type: u8, is: {1: request, 2: response}}
    id: {at: 8, type: u32}
    status: {at: 7, type: u8}
    error: {status: {not: 0}}
  fields:
    msgid: {at: 12, type: u32}
    name: {at: 16, type: str(u16)}
    uid: {after: name, type: u64, optional: true}
  reply:
    error: {from: request, bytes: 18, set: {kind: response, status: code}}
  connections: [shared]
`

const said = (text: string) =>
  checkProtocol(text)
    .protocols.flatMap(({ issues }) => issues)
    .map((issue) => printIssue('own.yaml', issue))
    .join('\n')

test('without a mistake nothing is said', () => expect(said(good)).toBe(''))

test.each([
  ['a type of C', 'type: u32, counts', 'type: uint32_t, counts', '6:27', 'no type "uint32_t"', 'did you mean "u32"?'],
  ['a type with its order', 'type: u16, eq', 'type: u16be, eq', '7:26', 'no type "u16be"', 'did you mean "u16"?'],
  ['a text without a length', 'str(u16)', 'string', '15:26', 'no type "string"', '"str" with a size'],
  ['a key left out', ', counts: all', '', '6:13', 'this is missing', 'all: the whole frame'],
  ['a key that is none', 'counts: all', 'counts: all, offset: 4', '6:53', 'there is no "offset"', 'at: the offset'],
  [
    'frames that end with a byte',
    'check: {',
    'delimiter: 10\n    check: {',
    '7:16',
    'no "delimiter"',
    'frame: {until: "\\n"}',
  ],
  [
    'what every object inherits',
    'counts: all',
    'counts: all, constructor: 4',
    '6:58',
    'there is no "constructor"',
    'known here: at, after',
  ],
  ['padding', 'type: str(u16)}', 'type: str(u16), padding: 4}', '15:45', 'no "padding"', 'align: 4'],
  ['byte order apart', 'at: 8, type: u32', 'at: 8, type: u32, endian: little', '10:36', 'no "endian"', 'u32le'],
  ['a word of a choice', '[shared]', '[Shared]', '19:17', '"Shared" is none of shared, bound', 'mean "shared"'],
  ['no list', '[shared]', 'shared', '19:16', 'a list belongs here', '[shared]'],
  ['a list for a map', '{1: request, 2: response}', '[request]', '9:33', 'a map belongs here', '{1: request'],
  ['a number in quotes', '0x1234', '"0x1234"', '7:39', 'this is the text "0x1234"', 'without quotes: 0x1234'],
  ['a size in words', 'equals: 0x1234}', 'equals: 0x1234}\n    max: 1 megabyte', '8:10', '"1 megabyte"', '64KiB'],
  ['less than nothing', 'msgid: {at: 12', 'msgid: {at: -4', '14:17', '-4 is less than 0', ''],
  ['a kind', '2: response', '2: reply', '9:33', 'there is no kind "reply"', 'known here: request'],
  ['a field', 'after: name', 'after: nmae', '16:18', 'there is no field "nmae"', 'did you mean "name"?'],
  ['a field without a place', '{at: 12, ', '{', '14:12', '"msgid" has no place', 'at: an offset'],
  ['a reply too short', 'bytes: 18', 'bytes: 12', '18:35', 'header takes 18', 'copy 18'],
  ['a reason', 'status: code}', 'status: code}, codes: {noroute: 4}', '18:93', 'there is no "noroute"', '"noRoute"'],
  ['two fields of a place', '{at: 12', '{at: 10', '14:12', '"msgid" overlaps "id"', 'writable: false'],
  ['the name', '{name: own}', '{name: my-own}', '3:18', 'small letters and digits', '<protocol>-<rest>'],
  ['an offset by a later field', '{at: 12', '{at: 4*msgsize', '14:17', 'no field "msgsize"', 'did you mean'],
])('a mistake is told with its place and what to do: %s', (_, from, to, place, what, hint) => {
  expect(good).toContain(from)
  const text = said(good.replace(from, to))
  expect(text).toContain(`own.yaml:${place}: error: `)
  expect(text).toContain(what)
  expect(text).toContain(hint)
})

test('a key nobody knows is a warning, as in documents of other kinds', () => {
  expect(said(good.replace('spec:', 'specs:'))).toMatch(
    /own\.yaml:5:3: warning: unknown field "specs" \(at specs\)\n.*did you mean "spec"\?/,
  )
})
