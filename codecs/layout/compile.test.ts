import { describe, expect, test } from 'vitest'
import { type Codec, emptyFrame } from '../contract.ts'
import { checkProtocols } from '../document.ts'
import { bytes, check, compile, field, good, refusal } from './fixture.ts'

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
