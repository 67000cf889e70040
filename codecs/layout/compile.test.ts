import { describe, expect, test } from 'vitest'
import { type Codec, emptyFrame } from '../contract.ts'
import { checkProtocols } from '../document.ts'
import { check, compile } from './fixture.ts'

const good = `
frame: {length: {at: 0, type: u32, counts: all}, max: 64KiB}
message:
  kind: {at: 4, type: u8, is: {1: request, 2: response}}
  id: {at: 8, type: u32}
fields: {msgid: {at: 12, type: u32}}
reply: {error: close}
`

/** The first error, as `path: message`. */
function refusal(spec: string): string {
  const { codec, issues } = check(spec)
  expect(codec).toBeUndefined()
  const error = issues.find(({ severity }) => severity === 'error')
  return `${error?.path.join('.')}: ${error?.message}`
}

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replace(/\s/g, ''), 'hex'))
const field = (codec: Codec, name: string, frame: Uint8Array) => codec.field(codec.slot(name), frame, 0, frame.length)

test('values may be called what every object inherits', () => {
  const spec = good.replace(
    'msgid: {at: 12, type: u32}',
    'state: {at: 12, type: u32, is: {7: constructor, 8: valueOf}}',
  )
  const codec = compile(spec)
  expect(codec.fields[codec.slot('state')]?.values).toEqual({ constructor: 7, valueOf: 8 })
  expect(refusal(spec.replace('id: {at: 8', 'error: {state: toString}\n  id: {at: 8'))).toMatch(
    'is no value of "state"',
  )
})

describe('the example of the design', () => {
  const text = `
apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: game}
spec:
  frame:
    length: {at: 0, type: u32, counts: all}            # total length, itself included
    check:  {at: 4, type: u16, equals: 0x4d47}
    max: 1MiB
  message:
    kind: {at: 6, type: u8, is: {1: request, 2: response, 3: oneway, 4: heartbeat, 5: push}}
    id:   {at: 12, type: u32}
  fields:
    msgid: {at: 8, type: u32}
    uid:   {at: 16, type: u64}
  reply:
    error:     {from: request, bytes: 24, set: {kind: response, flags: 0x80}, body: u32 code}
    heartbeat: {from: request, bytes: 24, set: {kind: heartbeat}}
  connections: [shared, bound, exclusive]
`
  const [document] = checkProtocols(text)
  const codec = document!.codec!
  const request = bytes('0000001d 4d47 01 00 000186a0 00000007 0000000000000009 68656c6c6f')

  test('works as written', () => {
    expect(document?.issues).toEqual([])
    expect([codec.headerMin, codec.maxFrame, codec.idBits, codec.modes]).toEqual([
      24,
      1048576,
      32,
      ['shared', 'bound', 'exclusive'],
    ])
    expect(codec.frameLength(request, 0, request.length)).toBe(29)
    expect([field(codec, 'msgid', request), field(codec, 'uid', request)]).toEqual([100000, 9n])
  })

  test('flags are the byte behind kind, and the bit that our error reply sets marks error replies', () => {
    const frame = emptyFrame()
    const reply = codec.reply!('error', request, 0, request.length, 99, '')!
    expect(Buffer.from(reply).toString('hex')).toBe('0000001c4d470280000186a0000000070000000000000009' + '00000063')
    expect(codec.inspect(reply, 0, reply.length, frame)).toBe(0)
    expect(frame).toMatchObject({ kind: 2, error: 1, idLo: 7 })
    const normal = reply.slice()
    normal[7] = 0
    codec.inspect(normal, 0, normal.length, frame)
    expect(frame.error).toBe(0)
  })
})

describe('refused at load, with path and reason', () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [
      'a length field wider than a frame may be',
      good.replace('type: u32, counts', 'type: u64, counts'),
      /spec.frame.length.type: a length field of 64 bits is wider/,
    ],
    ['a maximum no proxy can hold', good.replace('64KiB', '2GiB'), /spec.frame.max: the maximum 2147483648 is above/],
    [
      'a minimum above the maximum',
      good.replace('max: 64KiB', 'max: 64, min: 100'),
      /spec.frame.min: the minimum 100 is above the maximum 64/,
    ],
    [
      'a minimum of a condition above its maximum',
      `${good}variants: [{name: a, when: {msgid: {min: 5, max: 4}}}]`,
      /the minimum 5 is above the maximum 4/,
    ],
    [
      'a maximum below the header',
      good.replace('64KiB', '10'),
      /spec.frame.max: the header of 16 bytes is above the maximum 10/,
    ],
    [
      'a minimum below the header',
      good.replace('max: 64KiB', 'min: 8'),
      /spec.frame.min: a frame length of 8 is below the header, which ends at 16/,
    ],
    [
      'lengths that cannot reach the header',
      good.replace('length: {at: 0, type: u32, counts: all}', 'length: 8'),
      /at most 8, below its header of 16/,
    ],
    [
      'shared connections without an id',
      `${good.replace(/ {2}id: .*\n/, '')}connections: [shared]`,
      /spec.connections.0: shared connections need a message id/,
    ],
    [
      'shared connections with an id that only some frames have',
      `${good.replace('{at: 8, type: u32}', '{at: 8, type: u32, when: {msgid: 1}}')}connections: [bound, shared]`,
      /spec.connections.1: shared connections need an id that can be written/,
    ],
    [
      'shared connections with an id nobody may write',
      `${good.replace('{at: 8, type: u32}', '{at: 8, type: u32, writable: false}')}connections: [shared]`,
      /cannot/,
    ],
    [
      'a variant behind one that always matches',
      `${good}variants: [{name: a}, {name: b, when: {msgid: 1}}]`,
      /spec.variants.1.when: the variant "b" is never reached/,
    ],
    [
      'a variant whose values earlier ones used up',
      `${good}variants: [{name: a, when: {kind: [1, 2]}}, {name: b, when: {kind: {max: 2, min: 1}}}]`,
      /the variant "b" is never reached/,
    ],
    [
      'a variant against the magic number',
      `${good.replace('max: 64KiB', 'check: {at: 5, type: u8, equals: 7}')}variants: [{name: a, when: {check: 8}}, {name: b}]`,
      /the variant "a" is never reached/,
    ],
    [
      'overlapping fields that can be written',
      good.replace('msgid: {at: 12', 'msgid: {at: 10'),
      /spec.fields.msgid: "msgid" overlaps "id", and both can be written/,
    ],
    [
      'fields that share bits of a byte',
      `${good}`.replace('fields: {', 'fields: {a: {at: 5, type: u8, mask: 0x0f}, b: {at: 5, type: u8, mask: 0x18}, '),
      /"b" overlaps "a"/,
    ],
    [
      'a fixed field behind one whose length varies',
      good.replace('fields: {', 'fields: {name: {at: 16, type: str(u16)}, x: {at: 40, type: u8}, '),
      /"x" overlaps "name"/,
    ],
    [
      'an offset that depends on a later field',
      good.replace('fields: {', 'fields: {n: {at: 100, type: u16}, x: {at: 20 + n, type: u8}, '),
      /spec.fields.x.at: the offset depends on a later field: "n" ends at 102/,
    ],
    [
      'offsets in a circle',
      good.replace('fields: {', 'fields: {a: {after: b, type: str(u8)}, b: {after: a, type: str(u8)}, '),
      /depends on a later field: .*a → b → a/,
    ],
    [
      'a size that depends on a later field',
      good.replace('fields: {', 'fields: {t: {at: 16, type: bytes, size: n}, n: {at: 50, type: u8}, '),
      /the size depends on a later field/,
    ],
    [
      'an offset below zero',
      good.replace('fields: {', 'fields: {x: {at: 2 - 4, type: u8}, '),
      /spec.fields.x.at: the offset can be below zero/,
    ],
    [
      'a field that does not exist',
      good.replace('fields: {', 'fields: {x: {after: msgidd, type: u8}, '),
      /spec.fields.x.after: there is no field "msgidd"/,
    ],
    [
      'a type that does not exist',
      good.replace('fields: {', 'fields: {x: {at: 16, type: uint32}, '),
      /spec.fields.x.type: there is no type "uint32"/,
    ],
    [
      'a kind that does not exist',
      good.replace('2: response', '2: reply'),
      /spec.message.kind.is.2: there is no kind "reply"/,
    ],
    [
      'a value outside its mask',
      good.replace('type: u8, is', 'type: u8, mask: 0x01, is'),
      /the value 0x2 has bits outside the mask 0x1/,
    ],
    [
      'a value the field cannot have',
      `${good}variants: [{name: a, when: {kind: 300}}]`,
      /300 can never be in "kind", its largest value is 255/,
    ],
    [
      'a length inside what it counts',
      good
        .replace('length: {at: 0, type: u32, counts: all}', 'length: 20 + n')
        .replace('fields: {', 'fields: {box: {at: 16, type: bytes, size: 4}, n: {in: box, at: 0, type: u16}, '),
      /cannot depend on "n"/,
    ],
    [
      'a fixed value behind something as long as a number says',
      good
        .replace('fields: {', 'fields: {n: {at: 14, type: u16}, ')
        .replace('max: 64KiB', 'max: 64KiB, check: {at: 16 + n, type: u8, equals: 206}'),
      /spec.frame.check: a fixed value cannot stand behind something/,
    ],
    [
      'a size divided that need not be whole',
      good.replace('fields: {', 'fields: {w: {at: 5, type: u8, mask: 0x0f}, x: {at: 16 + w/4, type: u8}, '),
      /spec.fields.x.at: "w" divided by 4 need not be a whole number/,
    ],
    [
      'connections to share where bits of the id say what a message is',
      `${good}connections: [shared]`.replace(
        /kind: .*\n/,
        'kind: [{is: response, when: {id: {mask: 0x80}}}, {is: request}]\n',
      ),
      /spec.connections.0: what a message is hangs on bits or a range of its id \({"mask":128}\)/,
    ],
    [
      'a reply shorter than the header',
      good.replace('error: close', 'error: {from: request, bytes: 8}'),
      /spec.reply.error.bytes: the reply copies 8 bytes of the request, its header takes 16/,
    ],
    [
      'a literal reply the protocol itself refuses',
      good.replace('error: close', 'error: {from: hex 0000000c02000000 00000000}'),
      /spec.reply.error: this makes a frame the protocol itself refuses: belowHeader/,
    ],
    [
      'a reply that sets an unknown field',
      good.replace('error: close', 'error: {set: {sort: 1}}'),
      /spec.reply.error.set.sort: there is no field "sort"/,
    ],
    [
      'a handshake on shared connections',
      `${good.replace('2: response', '2: response, 3: handshake')}connections: [shared]`,
      /a handshake belongs to one connection/,
    ],
    [
      'an upstream that speaks first on shared connections',
      `${good}connections: [bound, shared]\nspeaksFirst: upstream`,
      /spec.connections.1: what an upstream says first belongs to one client: shared connections have none/,
    ],
    [
      'a magic number where shared connections write ids',
      `${good.replace('max: 64KiB', 'max: 64KiB, check: {at: 8, type: u16, equals: 0x1234}')}connections: [bound, shared]`,
      /spec.connections.1: "check" lies in the id and says what the frame is/,
    ],
    [
      'a kind where shared connections write ids',
      `${good.replace('kind: {at: 4', 'kind: {writable: false, at: 11')}connections: [shared]`,
      /spec.connections.0: "kind" lies in the id and says what the frame is/,
    ],
    [
      'a variant chosen by another name of the id on shared connections',
      `${good.replace('fields: {', 'fields: {who: {at: 8, type: u8, writable: false}, ')}connections: [shared]
variants: [{name: a, when: {who: 3}}, {name: b}]`,
      /spec.connections.0: "who" lies in the id and says what the frame is in the variant "a"/,
    ],
    [
      'a checksum on the length',
      good.replace('max: 64KiB', 'max: 64KiB, checksum: {type: crc16-modbus, at: 2}'),
      /spec.frame.checksum: the checksum overlaps "length"/,
    ],
    [
      'a checksum on the kind',
      good.replace('max: 64KiB', 'max: 64KiB, checksum: {type: sum8, at: 4}'),
      /spec.frame.checksum: the checksum overlaps "kind"/,
    ],
    [
      'a checksum on a field that can be written',
      good.replace('max: 64KiB', 'max: 64KiB, checksum: {type: crc32, at: 14}'),
      /spec.frame.checksum: the checksum overlaps "msgid"/,
    ],
    [
      'a checksum of nothing',
      good.replace('max: 64KiB', 'max: 64KiB, checksum: {type: crc32, at: 16, from: 20}'),
      /spec.frame.checksum.at: the checksum stands at 16 and covers nothing/,
    ],
    [
      'a field of no bits',
      good.replace('{at: 12, type: u32}', '{at: 12, type: u32, mask: 0}'),
      /spec.fields.msgid.mask: 0 is less than 1/,
    ],
    [
      'bits a field has not',
      `${good}variants: [{name: a, when: {kind: {mask: 0x100}}}, {name: b}]`,
      /spec.variants.0.when.kind.mask: the mask 0x100 is above 0xff/,
    ],
    [
      'a variant behind the same bits of a wide number',
      `${good}variants: [{name: a, when: {msgid: {mask: 1, equals: 1}}}, {name: b, when: {msgid: [3, 5]}}, {name: c}]`,
      /spec.variants.1.when: the variant "b" is never reached/,
    ],
    [
      'a variant behind all that bits of a wide number can be',
      `${good}variants: [{name: a, when: {msgid: {mask: 0x80000001}}}, {name: b, when: {msgid: {mask: 0x80000001, equals: 0}}}, {name: c}]`,
      /spec.variants.2.when: the variant "c" is never reached/,
    ],
    ['a misspelt key', good.replace('max:', 'maks:'), /spec.frame.maks: there is no "maks" here/],
    ['a missing kind', good.replace(/ {2}kind: .*\n/, ''), /nothing says what kind a message is/],
    [
      'taking a field away from a length',
      good.replace('length: {at: 0, type: u32, counts: all}', 'length: 20 - n'),
      /a field may not be taken away/,
    ],
  ]

  test.each(cases)('%s', (_, spec, reason) => {
    expect(refusal(spec)).toMatch(reason)
  })

  test('the good document itself is accepted', () => {
    expect(compile(good).maxFrame).toBe(65536)
  })

  test('values and bits up to the highest of a number are reached', () => {
    const top = good.replace('{at: 12, type: u32}', '{at: 12, type: u32, mask: 0xff000000}')
    compile(`${top}variants: [{name: a, when: {msgid: 0x81000000}}, {name: b}]`)
    compile(`${good}variants: [{name: a, when: {msgid: {mask: 0xff000000, equals: 0x81000000}}}, {name: b}]`)
    compile(`${good}variants: [{name: a, when: {msgid: {mask: 1}}}, {name: b, when: {msgid: [4, 5]}}, {name: c}]`)
  })

  test('hints name what was probably meant', () => {
    const { issues } = check(good.replace('max:', 'maks:'))
    expect(issues[0]?.hint).toBe('did you mean "max"?')
  })

  test('places are those of the text', () => {
    const [document] = checkProtocols(
      `kind: Protocol\napiVersion: meshgate.io/v1\nmetadata: {name: x}\nspec:\n  frame:\n    length: {at: 0, type: u65, counts: all}\n  message: {kind: request}\n`,
    )
    expect(document?.issues[0]).toMatchObject({ line: 6, column: 27, path: ['spec', 'frame', 'length', 'type'] })
  })

  test('maxFrame has a value even when nobody gives one', () => {
    expect(compile(good.replace(', max: 64KiB', '')).maxFrame).toBe(1024 * 1024)
    expect(compile(good.replace(', max: 64KiB', '').replace('type: u32, counts', 'type: u16, counts')).maxFrame).toBe(
      65535,
    )
  })
})

describe('what the language can say', () => {
  const layout = (fields: string, more = '') =>
    compile(
      `frame: {length: {at: 0, type: u16, counts: all}${more}}\nmessage: {kind: request}\nreply: {error: close}\nfields: {${fields}}`,
    )
  const one = (type: string, hex: string, rest = '') => {
    const codec = layout(`x: {at: 2, type: "${type}"${rest}}`)
    const frame = bytes(`0000${hex}`)
    frame[1] = frame.length
    return field(codec, 'x', frame)
  }

  test.each([
    ['u8', 'ff', 255],
    ['i8', 'ff', -1],
    ['u16', '8001', 32769],
    ['i16le', 'feff', -2],
    ['u24', '010203', 66051],
    ['i24', 'fffffe', -2],
    ['u24le', '010203', 197121],
    ['u32', 'fffffffe', 4294967294],
    ['i32le', 'feffffff', -2],
    ['u64', 'fffffffffffffffe', 18446744073709551614n],
    ['i64', 'fffffffffffffffe', -2n],
    ['u64le', '0100000000000080', 9223372036854775809n],
    ['leb128', 'ac02', 300],
    ['leb128', 'ffffffff0f', 4294967295],
    ['leb128(64)', 'ffffffffffffffffff01', 18446744073709551615n],
    ['zigzag', '03', -2],
    ['zigzag(64)', 'ffffffffffffffffff01', -9223372036854775808n],
    ['mqtt', 'c102', 321],
    ['ascii(4)', '30313233', 123],
    ['bcd(2)', '1234', 1234],
    ['str(u8)', '0568656c6c6f', 'hello'],
    ['str(u16le)', '0200 6869', 'hi'],
    ['str(leb128)', '026869', 'hi'],
    ['str(i16)?', '0002 6869', 'hi'],
    ['str(i16)?', 'ffff', undefined],
    ['str(leb128-1)?', '036869', 'hi'],
    ['str(leb128-1)?', '00', undefined],
    ['hessian', '0268c3a9', 'hé'],
    ['hessian', `3020${'61'.repeat(32)}`, 'a'.repeat(32)],
  ])('%s %s', (type, hex, value) => {
    expect(one(type, hex)).toEqual(value)
  })

  test.each([
    ['leb128', 'ffffffffff0f'],
    ['mqtt', 'ffffffff01'],
    ['ascii(2)', '3a30'],
    ['bcd(1)', '1a'],
    ['str(u8)', '0561'],
    ['str(i32)', 'ffffffff'],
    ['hessian', '5201'],
  ])('a broken %s is no field: %s', (type, hex) => {
    expect(one(type, hex, ', optional: true')).toBeUndefined()
  })

  test('bit masks and names of values', () => {
    const codec = layout(
      'mode: {at: 2, type: u8, mask: 0x30, is: {0x10: fast, 0x20: safe}}, low: {at: 2, type: u8, mask: 0x0f}',
    )
    const frame = bytes('0003 2a')
    expect([field(codec, 'mode', frame), field(codec, 'low', frame)]).toEqual([0x20, 10])
    const changed = codec.mutate!(frame, 0, 3, [{ slot: codec.slot('mode'), value: 'fast' }])!
    expect(changed[2]).toBe(0x1a)
  })

  test('a map of pairs: entries by name, also names first asked for later', () => {
    const codec = layout(
      'size: {at: 2, type: u8, writable: false}, headers: {at: 3, type: map, size: size, keys: str(u8), values: str(u8)}, tag: {in: headers, key: tag}',
    )
    const whole = bytes('000d 0a 03746167 0162 016b 0176')
    expect(field(codec, 'tag', whole)).toBe('b')
    const slot = codec.slot('headers.k')
    expect(codec.fields[slot]?.name).toBe('headers.k')
    expect(codec.field(slot, whole, 0, whole.length)).toBe('v')
    expect(codec.slot('headers.k')).toBe(slot)
    const longer = codec.mutate!(whole, 0, whole.length, [
      { slot, value: 'value' },
      { slot: codec.slot('headers.new'), value: '1' },
    ])!
    expect(Buffer.from(longer).toString('hex')).toBe(
      '0017' + '14' + '03746167' + '0162' + '016b' + '0576616c7565' + '036e6577' + '0131',
    )
    const without = codec.mutate!(longer, 0, longer.length, [{ slot, value: undefined }])!
    expect(field(codec, 'headers.k', without)).toBeUndefined()
    expect(codec.frameLength(without, 0, without.length)).toBe(without.length)
  })

  test('a reply sets what it copies, or what its body has for certain; behind that nothing', () => {
    const layout = (error: string) => `
frame: {length: {at: 0, type: u16, counts: all}}
message:
  kind: {at: 2, type: u8, is: {1: request, 2: response}}
  id: {after: kind, type: leb128}
  status: {after: id, type: u8, when: {kind: response}}
reply: {error: {from: request, bytes: end(id), ${error}}}`
    expect(refusal(layout('set: {kind: response, status: code}, body: str message'))).toBe(
      'spec.reply.error.set.status: "status" stands behind what the reply copies of the request, so it cannot be set there',
    )
    for (const error of [
      'set: {kind: response, status: code}, body: [u8 0]',
      'set: {kind: response}, body: [u8 code]',
    ]) {
      const codec = compile(layout(error))
      const made = codec.reply?.('error', bytes('0005 01 ac02'), 0, 5, 7, '')
      expect(made && Buffer.from(made).toString('hex')).toBe('000602ac0207')
    }
  })

  test('what a field has of its own it is not given: a size beside a length in front, a size that is an offset', () => {
    const layout = (fields: string) => good.replace('fields: {msgid: {at: 12, type: u32}}', `fields: {${fields}}`)
    expect(refusal(layout('name: {at: 12, type: str(u8), size: 4}'))).toBe(
      'spec.fields.name.size: "name" carries its own length, it can have no size',
    )
    expect(refusal(layout('a: {at: 12, type: str(u8)}, b: {after: a, type: bytes, size: end(a)}'))).toBe(
      'spec.fields.b.size: a size counts bytes; end(…) is an offset',
    )
  })

  test('a reply of its own bytes counts none of the request, and codes are written in as many bytes as their type has', () => {
    const layout = (error: string) => good.replace('reply: {error: close}', `reply: {error: {${error}}}`)
    expect(refusal(layout('from: hex 00000010 02 000000 00000000 00000000, bytes: 4'))).toBe(
      'spec.reply.error.bytes: "bytes" counts bytes of the request; this starts with hex',
    )
    const request = bytes('00000010 01 000000 00000007 00000001')
    const reply = (body: string, code: number) => {
      const codec = compile(layout(`from: request, set: {kind: response}, body: ${body}`))
      const made = codec.reply?.('error', request, 0, request.length, code, '')
      return made && Buffer.from(made.subarray(16)).toString('hex')
    }
    expect([reply('u32 code', -1), reply('u32 code', 2 ** 32 - 1), reply('i32 code', -2)]).toEqual([
      'ffffffff',
      'ffffffff',
      'fffffffe',
    ])
    expect([reply('u16 code', 65_535), reply('u16 code', 65_536), reply('u8 code', 256)]).toEqual([
      'ffff',
      undefined,
      undefined,
    ])
  })

  test('bits that are divided leave out what would not be whole', () => {
    const layout = (mask: string) => `
frame: {length: {at: 2, type: u16, counts: all}}
message: {kind: {at: 1, type: u8, is: {1: request, 2: response}}}
fields: {words: {at: 0, type: u8, mask: ${mask}}, name: {at: 4 + words/4, type: u8}}
reply: {error: close}`
    for (const mask of ['0xf0', '0xfc']) expect(check(layout(mask)).issues).toEqual([])
    expect(refusal(layout('0xf1'))).toContain('"words" divided by 4 need not be a whole number')
    expect(refusal(layout('0xf2'))).toContain('"words" divided by 4 need not be a whole number')
  })

  test('who writes a type of another language is told ours, who writes none at all is told all', () => {
    const hint = (type: string) =>
      check(good.replace('{at: 12, type: u32}', `{at: 12, type: ${type}}`)).issues.find(
        ({ path }) => path.at(-1) === 'type',
      )?.hint
    expect(hint('varint')).toBe('did you mean "leb128"?')
    expect(hint('wombat')).toMatch(/^types are: .*u8/)
  })

  test('a broken pair keeps the others of its map from being read', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: {at: 2, type: u8, is: {1: request}}}
fields:
  tlv: {at: 3, type: map, size: rest, keys: u16, values: str(u8)}
  user: {in: tlv, key: 258}
reply: {error: close}`)
    expect(field(codec, 'user', bytes('000a 01 0102 03 616e6e'))).toBe('ann')
    expect(field(codec, 'user', bytes('000b 01 0102 03 616e6e 03'))).toBeUndefined()
    expect(field(codec, 'user', bytes('000d 01 0102 03 616e6e 0300 02'))).toBeUndefined()
  })

  test('a varint of MQTT holds 28 bits and is not written with more; ids that cannot be written are not counted', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: {at: 2, type: u8, is: {1: request}}}
fields: {left: {at: 3, type: mqtt}}
reply: {error: close}`)
    const write = (value: number) => {
      const made = codec.mutate!(bytes('0004 01 05'), 0, 4, [{ slot: codec.slot('left'), value }])
      return made && Buffer.from(made).toString('hex')
    }
    expect([write(2 ** 28 - 1), write(2 ** 28), write(-1)]).toEqual(['000701ffffff7f', undefined, undefined])
    expect([codec.idBits, codec.idCount]).toEqual([0, undefined])
  })

  test('a trace may be the first field of all', () => {
    const { codec, issues } = check(`
frame: {until: "\\n"}
message: {kind: either}
fields: {trace: {at: 0, type: until(\\s)}, text: {after: trace, type: str, size: rest, optional: true}}
trace: trace
ordered: true
reply: {error: close}
connections: [bound]`)
    expect([issues.filter(({ severity }) => severity === 'error'), codec?.trace, codec?.slot('trace')]).toEqual([
      [],
      0,
      0,
    ])
  })

  test('maps whose keys are numbers: tags, lengths and values', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: {at: 2, type: u8, is: {1: request}}}
fields:
  tlv: {at: 3, type: map, size: rest, keys: u16le, values: str(u8)}
  user: {in: tlv, key: 258}
  gold: {in: tlv, key: 3}
  coins: {in: gold, at: 0, type: u16}
reply: {error: close}`)
    const whole = bytes('000e 01 0201 03 616e6e 0300 02 0539')
    expect(field(codec, 'user', whole)).toBe('ann')
    expect(field(codec, 'tlv.0x102', whole)).toBe('ann')
    expect(field(codec, 'coins', whole)).toBe(1337)
    expect(field(codec, 'tlv.7', whole)).toBeUndefined()
    expect(codec.slot('tlv.seven')).toBe(-1)
    expect(codec.slot('tlv.65536')).toBe(-1)
    const slot = codec.slot('tlv.258')
    const bob = codec.mutate!(whole, 0, whole.length, [{ slot, value: 'robert' }])!
    expect(field(codec, 'user', bob)).toBe('robert')
    expect(field(codec, 'coins', bob)).toBe(1337)
    const added = codec.mutate!(whole, 0, whole.length, [{ slot: codec.slot('tlv.9'), value: 'x' }])!
    expect(Buffer.from(added).toString('hex')).toBe('001201020103616e6e030002053909000178')
    const without = codec.mutate!(whole, 0, whole.length, [{ slot, value: undefined }])!
    expect(Buffer.from(without).toString('hex')).toBe('0008010300020539')
  })

  test('ids of every width can be shared, also of digits; some are reserved because the document names them', () => {
    const layout = (type: string, kind = '{at: 2, type: u8, is: {1: request, 2: response}}') => `
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: ${kind}, id: {at: 3, type: ${type}}}
reply: {error: close}
connections: [shared, bound]`
    const about = ({ modes, idBits, idCount, reservedIds }: Codec) => [modes[0], idBits, idCount, reservedIds]
    expect(about(compile(layout('u24')))).toEqual(['shared', 24, undefined, undefined])
    expect(about(compile(layout('ascii(3)')))).toEqual(['shared', 9, 1000, undefined])
    expect(about(compile(layout('u8, reserved: [255, 7]')))).toEqual(['shared', 8, undefined, [255, 7]])
    const rules =
      '[{is: oneway, when: {id: 0}}, {is: push, when: {id: [0xffff]}}, {is: response, when: {b: 2}}, {is: request}]'
    const named = `${layout('i16', rules)}\nfields: {b: {at: 2, type: u8}}`.replace('0xffff', '-1')
    expect(about(compile(named))).toEqual(['shared', 16, undefined, [0, -1]])
    expect(check(layout('ascii(1), reserved: [1, 2, 3, 4, 5, 6, 7, 8, 9]')).issues[0]?.message).toMatch(
      /every id is reserved/,
    )
    const digits = compile(layout('ascii(9)'))
    const frame = bytes('000c 01 303030303030303432')
    expect(digits.writeId!(frame, 0, frame.length, 123_456_789, 0)).toBe(true)
    expect(Buffer.from(frame.subarray(3)).toString()).toBe('123456789')
  })

  test('a checksum is made anew when a frame is changed', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}, checksum: {type: crc32, at: end(body)}}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}, id: {at: 3, type: u32}}
fields: {n: {at: 7, type: u8, writable: false}, body: {at: 8, type: bytes, size: n, writable: false}}
reply: {error: close}
connections: [shared]`)
    const frame = bytes('000e 01 00000007 02 6869 00000000')
    expect(codec.writeId!(frame, 0, frame.length, 8, 0)).toBe(true)
    // CRC-32 of what stands before it by another implementation.
    expect(Buffer.from(frame.subarray(10)).toString('hex')).toBe(crc(frame.subarray(0, 10)))
  })

  test('a checksum ends the frames of our own, too, in the byte order it says', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u16le, counts: rest, plus: 4}, checksum: {type: crc32le, at: 2 + length}}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}, id: {at: 3, type: u16}}
fields: {n: {at: 5, type: u8, when: {kind: request}}}
reply: {error: {from: request, bytes: 5, set: {kind: response}, body: u8 code}}
connections: [bound]`)
    const request = bytes('0400 01 0007 02 00000000')
    const reply = codec.reply!('error', request, 0, request.length, 9, '')!
    expect(Buffer.from(reply.subarray(0, 6)).toString('hex')).toBe('040002000709')
    expect(Buffer.from(reply.subarray(6).toReversed()).toString('hex')).toBe(crc(reply.subarray(0, 6)))
    expect(codec.frameLength(reply, 0, reply.length)).toBe(reply.length)
  })

  test('conditions on fields, present and absent', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message:
  kind:
    - {is: heartbeat, when: {tag: absent}}
    - {is: push, when: {tag: [a, b]}}
    - {is: request}
fields: {tag: {at: 2, type: str(u8), optional: true}}
reply: {error: close}`)
    const kinds = ['0002', '0004 01 61', '0004 01 63'].map((hex) => {
      const frame = emptyFrame()
      const data = bytes(hex)
      codec.inspect(data, 0, data.length, frame)
      return frame.kind
    })
    expect(kinds).toEqual([4, 6, 1])
  })
})

/** Bitwise, to be independent of the library the codec uses. */
function crc(data: Uint8Array): string {
  let c = 0xffffffff
  for (const byte of data) {
    c ^= byte
    for (let i = 0; i < 8; i++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1
  }
  return ((c ^ 0xffffffff) >>> 0).toString(16).padStart(8, '0')
}
