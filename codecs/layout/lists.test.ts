import { describe, expect, test } from 'vitest'
import { type Codec, emptyFrame, type FieldValue, frameErrorName } from '../contract.ts'
import { parseHex } from '../tools/decode.ts'
import { check, compile } from './fixture.ts'

/** Lists that say where they end, entries that are laid out as frames, items told by their place. */

const head = `
frame: {length: {at: 0, type: u16, counts: all}, max: 1KiB}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}}
reply: {error: close}
fields:`

const bytes = (hex: string) => parseHex(hex)
const plain = (hex: string) => hex.replaceAll(' ', '')
const show = (value: FieldValue | undefined) =>
  value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
const read = (codec: Codec, name: string, frame: Uint8Array) =>
  show(codec.field(codec.slot(name), frame, 0, frame.length))
const inspected = (codec: Codec, frame: Uint8Array) =>
  frameErrorName(codec.inspect(frame, 0, frame.length, emptyFrame()))
function written(codec: Codec, frame: Uint8Array, name: string, value: FieldValue | undefined) {
  const made = codec.mutate?.(frame, 0, frame.length, [{ slot: codec.slot(name), value }])
  return made && Buffer.from(made).toString('hex')
}
const messages = (text: string) =>
  check(text)
    .issues.map(({ path, message }) => `${path.slice(1).join('.')}: ${message}`)
    .join('\n')

describe('items of a list', () => {
  const codec = compile(`${head}
  path: {at: 3, type: list, items: str(u8), ends: ""}
  top: {in: path, key: -1}
  type: {after: path, type: u16}
  rest: {after: type, type: list, size: rest, items: bytes(u16), count: u8, optional: true}`)
  const frame = bytes('0014 01 0161 03626364 0165 00 0007 02 0001 78 0000')

  test('are told by their place, from either end', () => {
    const names = [
      'path.0',
      'path.1',
      'path.2',
      'path.3',
      'path.-1',
      'path.-3',
      'path.-4',
      'top',
      'type',
      'rest.0',
      'rest.-1',
      'rest.2',
    ]
    expect(names.map((name) => read(codec, name, frame))).toEqual([
      'a', 'bcd', 'e', undefined, 'e', 'a', undefined, 'e', 7, '78', '', undefined,
    ]) // biome-ignore format: one line a list
    expect(codec.slot('path.x')).toBe(-1)
    expect(codec.slot('path.1.0')).toBe(-1)
  })

  test('are written in their place; none comes, goes or becomes the end', () => {
    expect(written(codec, frame, 'path.1', 'x')).toBe(plain('0012 01 0161 0178 0165 00 0007 02 0001 78 0000'))
    expect(written(codec, frame, 'rest.-1', bytes('0102'))).toBe(
      plain('0016 01 0161 03626364 0165 00 0007 02 0001 78 0002 0102'),
    )
    expect(written(codec, frame, 'path.1', '')).toBeUndefined()
    expect(written(codec, frame, 'path.1', undefined)).toBeUndefined()
    expect(written(codec, frame, 'path.3', 'x')).toBeUndefined()
  })

  test('a list without its end, or with an item that goes beyond the frame, makes the frame malformed', () => {
    expect(inspected(codec, frame)).toBeUndefined()
    expect(inspected(codec, bytes('0008 01 0161 03 6263'))).toBe('malformed')
    expect(inspected(codec, bytes('0007 01 0161 0162'))).toBe('malformed')
  })

  test('words with blanks between them; the last needs none', () => {
    const words = compile(String.raw`
frame: {until: "\r\n", max: 64}
message: {kind: push}
fields:
  words: {at: 0, type: list, size: rest, items: until(\s)}
  last: {in: words, key: -1}
reply: {error: close}`)
    const line = (text: string) => new Uint8Array(Buffer.from(`${text}\r\n`))
    expect(['words.0', 'words.1', 'last'].map((name) => read(words, name, line('PUB a 12')))).toEqual([
      'PUB',
      'a',
      '12',
    ])
    expect(['words.0', 'words.1', 'last'].map((name) => read(words, name, line('')))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(Buffer.from(written(words, line('PUB a 12'), 'last', '7')!, 'hex').toString()).toBe('PUB a 7\r\n')
    expect(Buffer.from(written(words, line('PUB a 12'), 'words.1', 'b.c')!, 'hex').toString()).toBe('PUB b.c 12\r\n')
    expect(written(words, line('PUB a 12'), 'words.1', 'b c')).toBeUndefined()
  })
})

describe('the length of a frame as a word of its first line', () => {
  const codec = compile(String.raw`
frame: {length: end(head) + size + 2, max: 1KiB}
message: {kind: oneway}
fields:
  head: {at: 0, type: until(\r\n), max: 64, writable: false}
  words: {in: head, at: 0, type: list, size: rest, items: until(\s)}
  subject: {in: words, key: 1}
  sizeText: {in: words, key: -1, writable: false}
  size: {in: sizeText, at: 0, type: dec(4), writable: false}
  body: {after: head, type: bytes, size: size}
reply: {error: close}`)
  const frame = (text: string) => new Uint8Array(Buffer.from(text))

  test('the last one, whatever stands before it', () => {
    for (const text of ['PUB a 3\r\nxyz\r\n', 'PUB a b.c 3\r\nxyz\r\n']) {
      const b = frame(text)
      expect(codec.frameLength(b, 0, b.length)).toBe(b.length)
      expect([read(codec, 'subject', b), read(codec, 'body', b)]).toEqual(['a', '78797a'])
      for (let end = 0; end < text.indexOf('\n'); end++) expect(codec.frameLength(b, 0, end)).toBe(Math.max(2, end + 1))
    }
    expect(frameErrorName(codec.frameLength(frame('PUB a x\r\n'), 0, 9))).toBe('malformed')
    expect(frameErrorName(codec.frameLength(frame('PUB a 9999\r\n'), 0, 12))).toBe('tooLong')
  })
})

describe('maps', () => {
  test('end with a key, and what follows is found', () => {
    const codec = compile(`${head}
  tags: {at: 3, type: map, keys: u16, values: bytes(u8), ends: 0xffff}
  more: {after: tags, type: map, keys: str(u8), values: str(u8), ends: ""}
  level: {after: more, type: u8}`)
    const frame = bytes('0015 01 0001 02 6162 0002 00 ffff 016b 0176 00 09'.concat(' 0000'))
    expect(['tags.1', 'tags.2', 'more.k', 'level'].map((name) => read(codec, name, frame))).toEqual([
      '6162',
      '',
      'v',
      9,
    ])
    expect(written(codec, frame, 'tags.3', bytes('07'))).toBe(
      plain('0019 01 0001 02 6162 0002 00 0003 01 07 ffff 016b 0176 00 09 0000'),
    )
    expect(written(codec, frame, 'more.k', undefined)).toBe(plain('0011 01 0001 02 6162 0002 00 ffff 00 09 0000'))
    expect(inspected(codec, bytes('0008 01 0001 02 6162'))).toBe('malformed')
  })

  test('with keys without regard to case', () => {
    const codec = compile(String.raw`
frame: {length: end(head) + size, max: 1KiB}
message: {kind: either}
fields:
  head: {at: 0, type: until(\r\n\r\n), max: 200, writable: false}
  lines: {in: head, at: 0, type: map, size: rest, keys: until(:\s), values: until(\r\n), anyCase: true}
  sizeText: {in: lines, key: content-length, writable: false}
  size: {in: sizeText, at: 0, type: dec(4), writable: false}
  user: {in: lines, key: user}
reply: {error: close}
ordered: true`)
    const b = new Uint8Array(Buffer.from('Content-LENGTH: 2\r\nUSER: ann\r\n\r\nok'))
    expect(codec.frameLength(b, 0, b.length)).toBe(b.length)
    expect([read(codec, 'user', b), read(codec, 'lines.User', b)]).toEqual(['ann', 'ann'])
    expect(Buffer.from(written(codec, b, 'user', 'bob')!, 'hex').toString()).toBe(
      'Content-LENGTH: 2\r\nUSER: bob\r\n\r\nok',
    )
  })

  test('a key that is written keeps the case it has', () => {
    const codec = compile(`${head}
  tags: {at: 3, type: map, size: rest, keys: str(u8), values: str(u8), anyCase: true}
  name: {in: tags, key: name}`)
    const frame = bytes('000a 01 044e616d65 0161')
    expect(read(codec, 'name', frame)).toBe('a')
    expect(written(codec, frame, 'name', 'b')).toBe(plain('000a 01 044e616d65 0162'))
    expect(written(codec, bytes('0003 01'), 'name', 'b')).toBe(plain('000a 01 046e616d65 0162'))
  })
})

describe('entries that are laid out as frames', () => {
  const spec = `${head}
  avps:
    at: 3
    type: map
    size: rest
    entry:
      length: {at: 5, type: u24, counts: all}
      align: 4
      key: {at: 0, type: u32, is: {1: user, 2: team}}
      fields:
        flags: {at: 4, type: u8}
        vendor: {at: 8, type: u32, when: {flags: {mask: 0x80}}}
      value: {after: vendor}
      when: {flags: {mask: 0x80, equals: 0}}
      set: {flags: 0x40}
  theirs:
    at: 3
    type: map
    size: rest
    entry:
      length: {at: 5, type: u24, counts: all}
      align: 4
      key: {at: 0, type: u32}
      fields:
        flags: {at: 4, type: u8}
        vendor: {at: 8, type: u32}
      value: {after: vendor, type: str}
      when: {flags: {mask: 0x80}, vendor: 10415}
      set: {flags: 0xc0, vendor: 10415}`
  const codec = compile(spec)
  const user = '00000001 40 00000b 616e6e 00'
  const theirs = '00000001 c0 00000f 000028af 786e6e 00'
  const frame = bytes(`001f 01 ${user} ${theirs}`)

  test('are found by number or name, those of another vendor apart', () => {
    const names = ['avps.1', 'avps.user', 'avps.2', 'theirs.1', 'theirs.2']
    expect(names.map((name) => read(codec, name, frame))).toEqual(['616e6e', '616e6e', undefined, 'xnn', undefined])
    expect([codec.slot('avps.nobody'), codec.slot('avps.0x100000000')]).toEqual([-1, -1])
  })

  test('change, come and go with their length and padding', () => {
    const text = (value: string) => new Uint8Array(Buffer.from(value))
    expect(written(codec, frame, 'avps.user', text('anna'))).toBe(
      plain(`001f 01 00000001 40 00000c 616e6e61 ${theirs}`),
    )
    expect(written(codec, frame, 'theirs.1', 'y')).toBe(plain(`001f 01 ${user} 00000001 c0 00000d 000028af 79 000000`))
    expect(written(codec, frame, 'avps.1', undefined)).toBe(plain(`0013 01 ${theirs}`))
    expect(written(codec, frame, 'avps.team', text('ab'))).toBe(
      plain(`002b 01 ${user} ${theirs} 00000002 40 00000a 6162 0000`),
    )
    expect(written(codec, frame, 'theirs.5', 'z')).toBe(
      plain(`002f 01 ${user} ${theirs} 00000005 c0 00000d 000028af 7a 000000`),
    )
  })

  test('the last may lack its padding; a list that is broken has none of them', () => {
    const bare = bytes('000e 01 00000001 40 00000b 616e6e')
    expect(read(codec, 'avps.user', bare)).toBe('616e6e')
    expect(written(codec, bare, 'avps.user', bytes('78'))).toBe(plain('000c 01 00000001 40 000009 78'))
    for (const wrong of [
      '00000001 40 00000c 616e6e',
      '00000001 40 000000 616e6e',
      '00000001 40 000007 616e6e',
      `${user} 0001`,
    ])
      expect(
        read(codec, 'avps.user', bytes(`00${(3 + bytes(wrong).length).toString(16).padStart(2, '0')} 01 ${wrong}`)),
      ).toBeUndefined()
  })

  test('end with the entry that says so; bytes that have no length stand for themselves', () => {
    const options = compile(`${head}
  options:
    at: 3
    type: map
    entry:
      length: end(size) + size
      key: {at: 0, type: u8}
      fields: {size: {at: 1, type: u8, when: {key: {not: [0, 255]}}}}
      value: {after: size, type: str, size: size}
      ends: {key: 255}
  level: {after: options, type: u8}`)
    const frame = bytes('000d 01 00 0c 02 6162 00 35 00 ff 09')
    expect(inspected(options, frame)).toBeUndefined()
    expect(['options.12', 'options.53', 'level'].map((name) => read(options, name, frame))).toEqual(['ab', '', 9])
    expect(written(options, frame, 'options.12', 'xyz')).toBe(plain('000e 01 00 0c 03 78797a 00 35 00 ff 09'))
    expect(written(options, frame, 'options.12', undefined)).toBe(plain('0009 01 00 00 35 00 ff 09'))
    expect(inspected(options, bytes('0008 01 00 0c 02 6162'))).toBe('malformed')
  })

  test('keys may be texts', () => {
    const texts = compile(`${head}
  tags:
    at: 3
    type: map
    size: rest
    anyCase: true
    entry: {length: {at: 0, type: u16, counts: rest}, key: {at: 2, type: str(u8)}, value: {after: key, type: str}}`)
    const frame = bytes('000c 01 0007 044e616d65 6162')
    expect(read(texts, 'tags.name', frame)).toBe('ab')
    expect(written(texts, frame, 'tags.NAME', 'x')).toBe(plain('000b 01 0006 044e616d65 78'))
    expect(written(texts, bytes('0003 01'), 'tags.a', 'x')).toBe(plain('0008 01 0003 0161 78'))
  })
})

describe('refused', () => {
  const entry = (text: string) => `${head}\n  tags: {at: 3, type: map, size: rest, entry: {${text}}}`
  test.each([
    [
      'an item that is no text',
      `${head}\n  list: {at: 3, type: list, items: u8, size: rest}`,
      'fields.list.items: the list "list" needs items',
    ],
    [
      'a list without items',
      `${head}\n  list: {at: 3, type: list, size: rest}`,
      'fields.list: the list "list" needs items',
    ],
    [
      'a list with keys',
      `${head}\n  list: {at: 3, type: list, items: str(u8), keys: u8, size: rest}`,
      'fields.list.keys: the list "list" can have no "keys"',
    ],
    [
      'a list without an end',
      `${head}\n  list: {at: 3, type: list, items: str(u8)}`,
      'fields.list: "list" has no size',
    ],
    [
      'a list that ends with a word',
      `${head}\n  list: {at: 3, type: list, items: str(u8), ends: end}`,
      'fields.list.ends: the list "list" can only end with an empty item',
    ],
    [
      'words that end with an empty one',
      `${head}\n  list: {at: 3, type: list, items: 'until(,)', ends: ""}`,
      'fields.list.ends: "list" has items with a delimiter',
    ],
    [
      'a key no map can have',
      `${head}\n  tags: {at: 3, type: map, keys: u8, values: str(u8), ends: 300}`,
      'fields.tags.ends: 300 can be no key of "tags"',
    ],
    [
      'an end beside a count',
      `${head}\n  tags: {at: 3, type: map, keys: u8, values: str(u8), ends: 0, count: u8}`,
      'fields.tags.ends: "tags" has "count"',
    ],
    [
      'an end between delimiters',
      `${head}\n  tags: {at: 3, type: map, keys: until(=), values: until(;), ends: x}`,
      'fields.tags.ends: the keys of "tags" have a delimiter',
    ],
    [
      'letters of numbers',
      `${head}\n  tags: {at: 3, type: map, size: rest, keys: u8, values: str(u8), anyCase: true}`,
      'fields.tags.anyCase: the keys of "tags" are numbers',
    ],
    [
      'a place that is none',
      `${head}\n  list: {at: 3, type: list, items: str(u8), size: rest}\n  one: {in: list, key: first}`,
      'fields.one.key: "first" can be no key of "list"',
    ],
    [
      'keys beside an entry',
      `${head}\n  tags: {at: 3, type: map, size: rest, keys: u8, entry: {length: 4, key: {at: 0, type: u8}, value: {at: 1}}}`,
      'fields.tags.keys: "tags", whose entries are laid out, can have no "keys"',
    ],
    [
      'an entry that grows by itself',
      entry('length: {at: 5, type: u64, counts: all}, key: {at: 0, type: u8}, value: {at: 13}'),
      'fields.tags.entry.length.type: a length field of 64 bits is wider than any entry may be long',
    ],
    [
      'a field nobody declared',
      entry('length: {at: 1, type: u8, counts: all}, key: {at: 0, type: u8}, value: {at: 2}, when: {flags: 1}'),
      'fields.tags.entry.when.flags: there is no field "flags"',
    ],
    [
      'a second key',
      entry(
        'length: {at: 1, type: u8, counts: all}, key: {at: 0, type: u8}, value: {at: 2}, fields: {key: {at: 0, type: u8}}',
      ),
      'fields.tags.entry.fields.key: an entry has a "key" already',
    ],
    [
      'a value that is a number',
      entry('length: {at: 1, type: u8, counts: all}, key: {at: 0, type: u8}, value: {at: 2, type: u8}'),
      'fields.tags.entry.value.type: the value of an entry is text or bytes',
    ],
    [
      'an entry made of nothing',
      entry(
        'length: {at: 1, type: u8, counts: all}, key: {at: 0, type: u8}, value: {at: 2}, when: {key: 9}, set: {key: 300}',
      ),
      'fields.tags.entry.set: no new entry can be made',
    ],
    [
      'an entry of a map that has none',
      `${head}\n  tags: {at: 3, type: map, size: rest, entry: others}`,
      'fields.tags.entry: "others" is no map with an `entry` of its own',
    ],
  ])('%s', (_, text, message) => {
    expect(messages(text)).toContain(message)
  })
})
