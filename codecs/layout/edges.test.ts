import { describe, expect, test } from 'vitest'
import { emptyFrame, FrameError } from '../contract.ts'
import { splitStream } from '../survive.ts'
import { check, compile, field } from './fixture.ts'

describe('at the edges of widths', () => {
  test('a text behind a length of four bytes has as many as all four say, and is written so', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u32, counts: all}, max: 32MiB}
message: {kind: {at: 4, type: u8, is: {1: request, 2: response}}}
fields: {text: {at: 5, type: str(u32)}, after: {after: text, type: u8}}
reply: {error: close}
`)
    const frame = Buffer.from('0000000a 01 00000000 07'.replaceAll(' ', ''), 'hex')
    for (const length of [1, 255, 256, 65_535, 65_536, 0x20304, 0x1000005]) {
      const value = 'y'.repeat(length)
      const changed = codec.mutate!(frame, 0, frame.length, [{ slot: codec.slot('text'), value }])!
      expect(codec.frameLength(changed, 0, changed.length)).toBe(changed.length)
      expect((field(codec, 'text', changed) as string).length).toBe(length)
      expect(field(codec, 'after', changed)).toBe(7)
    }
  })

  test('a length behind a number that is there only under a condition counts from where that ends', () => {
    const codec = compile(`
frame: {length: end(size) + size, max: 1KiB}
message: {kind: {at: 0, type: u8, is: {1: oneway, 2: heartbeat}}}
fields: {size: {at: 1, type: u8, when: {kind: oneway}}}
reply: {error: close}
`)
    const bytes = Uint8Array.of(1, 2, 7, 8, 2)
    expect(codec.frameLength(bytes, 0, 5)).toBe(4)
    expect(codec.frameLength(bytes, 4, 5)).toBe(1)
  })

  test('a field within a padded one grows and shrinks, and the padding behind the outer one follows', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}}
fields:
  block: {at: 3, type: bytes(u8), align: 4, writable: false}
  name: {in: block, at: 0, type: str(u8)}
  after: {after: block, type: u8}
reply: {error: close}
`)
    const slot = codec.slot('name')
    // The block takes 4 bytes: its own length, that of the name, and two letters.
    let frame: Uint8Array = Buffer.from('0008 01 03 02 6162 09'.replaceAll(' ', ''), 'hex')
    for (const value of ['abc', 'a', 'abcdef', 'abcdefg', '', 'abcde', 'ab']) {
      const changed = codec.mutate!(frame, 0, frame.length, [{ slot, value }])!
      expect(changed, value).toBeDefined()
      expect(changed.length).toBe(3 + Math.ceil((2 + value.length) / 4) * 4 + 1)
      expect(codec.frameLength(changed, 0, changed.length)).toBe(changed.length)
      expect([field(codec, 'name', changed), field(codec, 'after', changed)]).toEqual([value, 9])
      frame = changed
    }
  })

  test('an error is told by the bits of a masked byte, whatever the others are', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message:
  kind: {at: 2, type: u8, is: {1: request, 2: response}}
  flags: {at: 3, type: u8, mask: 0xf0}
  error: {flags: 0x10}
reply: {error: close}
`)
    const out = emptyFrame()
    const errorOf = (flags: number) => {
      expect(codec.inspect(Uint8Array.of(0, 4, 2, flags), 0, 4, out)).toBe(0)
      return out.error
    }
    for (let low = 0; low < 16; low++)
      expect([errorOf(0x10 | low), errorOf(low), errorOf(0x30 | low), errorOf(0xf0 | low)]).toEqual([1, 0, 0, 0])
  })

  test('of two ids the one that grows keeps its own value, and the other differs from it as it did', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message:
  kind: {at: 2, type: u8, is: {1: request, 2: response}}
  id: [{at: 7, type: leb128}, {at: 3, type: u32}]
reply: {error: close}
connections: [shared]
`)
    const out = emptyFrame()
    const frame = Buffer.from('0008 01 00000005 05'.replaceAll(' ', ''), 'hex')
    for (const [lo, hi] of [
      [9, 0],
      [9, 0x55],
      [300, 0x55],
      [0x7fffffff, 1],
    ] as const) {
      const changed = codec.spliceId!(frame, 0, frame.length, lo, hi)!
      expect(codec.inspect(changed, 0, changed.length, out)).toBe(0)
      expect([out.idLo, out.idHi]).toEqual([lo, hi])
    }
  })

  test('a reply whose length takes more bytes than that of the request is whole, and a field the request lacks is 0 in it', () => {
    const codec = compile(`
frame: {check: {at: 0, type: u8, equals: 0x7e}, length: {at: 1, type: leb128, counts: rest}}
message:
  kind: {after: length, type: u8, is: {1: request, 2: response}}
  id: {after: kind, type: u32}
fields: {extra: {after: id, type: u16, optional: true}}
reply: {error: {from: request, bytes: end(id), set: {kind: response}, body: "u16 extra, str(u16) message"}}
`)
    const out = emptyFrame()
    for (const [request, extra] of [
      ['7e05 01 00000007', 0],
      ['7e07 01 00000007 1234', 0x1234],
    ] as const) {
      const frame = Buffer.from(request.replaceAll(' ', ''), 'hex')
      for (const size of [0, 110, 130, 20_000]) {
        const reply = codec.reply!('error', frame, 0, frame.length, 1, 'm'.repeat(size))!
        expect(codec.frameLength(reply, 0, reply.length)).toBe(reply.length)
        expect(codec.inspect(reply, 0, reply.length, out)).toBe(0)
        expect([out.kind, out.idLo, field(codec, 'extra', reply)]).toEqual([2, 7, extra])
      }
    }
  })

  test('a length of ASN.1 takes up to four bytes behind the one that counts them', () => {
    const codec = compile(`
frame: {length: {at: 1, type: ber, counts: rest}, max: 32MiB}
message: {kind: {at: 0, type: u8, is: {1: request, 2: response}}}
reply: {error: close}
`)
    const length = (hex: string) => {
      const start = Buffer.from(hex, 'hex')
      return codec.frameLength(start, 0, start.length)
    }
    expect(length('017f')).toBe(2 + 0x7f)
    expect(length('018180')).toBe(3 + 0x80)
    expect(length('01820100')).toBe(4 + 0x100)
    expect(length('0183010000')).toBe(5 + 0x10000)
    expect(length('018401000000')).toBe(6 + 0x1000000)
    // Of five bytes the highest would be lost, and the length be another.
    for (const wrong of ['01850000000005', '01850100000005', '0180', '01ff'])
      expect(length(wrong), wrong).toBe(FrameError.malformed)
  })

  test('a last text that says more bytes than its frame has makes the frame malformed', () => {
    for (const type of ['u8', 'u16', 'u24', 'u32', 'i32', 'u16le', 'leb128']) {
      const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}}
fields: {text: {at: 3, type: str(${type})}}
reply: {error: close}
`)
      const prefix = { u8: '02', leb128: '02', u16: '0002', u16le: '0200', u24: '000002' }[type] ?? '00000002'
      const inspected = (letters: string) => {
        const frame = Buffer.from(`000001${prefix}${letters}`, 'hex')
        frame.writeUInt16BE(frame.length)
        // What follows is there in memory, as the next frame of a connection is.
        const more = Buffer.concat([frame, Buffer.alloc(8, 0x78)])
        return codec.inspect(more, 0, frame.length, emptyFrame())
      }
      expect([type, inspected('6162'), inspected('61'), inspected('')]).toEqual([
        type,
        0,
        FrameError.malformed,
        FrameError.malformed,
      ])
    }
  })

  test('a checksum whose place is not in the frame is not written', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}, checksum: {type: sum8, at: place, from: 6}}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}, id: {at: 4, type: u16}}
fields: {place: {at: 3, type: u8, writable: false}}
reply: {error: close}
connections: [shared]
`)
    for (const place of [0, 5, 6, 8, 9, 10, 12, 255]) {
      const frame = Buffer.from(
        `000a01${place.toString(16).padStart(2, '0')}0007 01010101 0909`.replaceAll(' ', ''),
        'hex',
      )
      const before = Buffer.from(frame)
      expect(codec.writeId!(frame, 0, 10, 8, 0)).toBe(true)
      before[5] = 8
      if (place >= 6 && place < 10) before[place] = place - 6
      expect([place, frame.toString('hex')]).toEqual([place, before.toString('hex')])
    }
  })

  test.each([
    ['one of 8 bytes', '{at: 2, type: u64, equals: 7}', '0000000000000007', ['0000000100000007', '0000000000000008']],
    ['bits of one', '{at: 2, type: u8, mask: 0x0f, equals: 7}', 'f7', ['f8']],
    ['several of one', '{at: 2, type: u8, equals: [7, 9]}', '09', ['08', '00']],
    [
      'one of 4 bytes with the highest bit',
      '{at: 2, type: u32, equals: 0x80000001}',
      '80000001',
      ['00000001', '80000002'],
    ],
    ['of two places', '[{at: 2, type: u8, equals: 7}, {at: 3, type: u8, equals: 8}]', '0708', ['0709', '0608']],
  ])('a fixed value: %s', (_, check, right, wrong) => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}, check: ${check}}
message: {kind: request}
reply: {error: close}
`)
    const length = (hex: string) => {
      const frame = Buffer.from(`0020${hex}`, 'hex')
      return codec.frameLength(frame, 0, frame.length)
    }
    expect(length(right)).toBe(32)
    for (const hex of wrong) expect(length(hex), hex).toBe(FrameError.badMagic)
  })

  test('frames of one byte each', () => {
    const codec = compile(`
frame: {length: 1}
message: {kind: {at: 0, type: u8, is: {1: request, 2: response}}}
reply: {error: close}
`)
    expect(
      splitStream(codec, [Uint8Array.of(1), Uint8Array.of(2, 1)]).frames.map(({ at, kind }) => [at, kind]),
    ).toEqual([
      [0, 1],
      [1, 2],
      [2, 1],
    ])
  })

  test('a body is filled up to a multiple of 2 to 256 bytes', () => {
    const layout = (align: string) => `
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}}
reply: {error: {from: request, bytes: 3, set: {kind: response}, body: "str(u8) message, align ${align}"}}
`
    const request = Buffer.from('000301', 'hex')
    for (const align of [2, 3, 256]) {
      const reply = compile(layout(String(align))).reply!('error', request, 0, 3, 1, 'no')!
      expect(reply.length).toBe(3 + Math.ceil(3 / align) * align)
    }
    for (const align of ['0', '1', '257', '2.5', 'x'])
      expect(check(layout(align)).issues.map(({ message }) => message)).toContain(
        `"${align}" is no number of bytes to fill the body up to`,
      )
  })

  test('a value of a map that is null is empty where its type knows null, and breaks the map where it does not', () => {
    const values = (type: string, region: string) => {
      const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}}
fields: {map: {at: 3, type: map, size: rest, keys: str(u8), values: ${type}}}
reply: {error: close}
`)
      const frame = Buffer.from(`000001${region.replaceAll(' ', '')}`, 'hex')
      frame.writeUInt16BE(frame.length)
      return [field(codec, 'map.a', frame), field(codec, 'map.b', frame)]
    }
    expect(values('str(u8-1)?', '0161 00 0162 0378 79')).toEqual(['', 'xy'])
    expect(values('str(u8-1)', '0161 00 0162 0378 79')).toEqual([undefined, undefined])
    expect(values('str(i16)?', '0161 ffff 0162 0002 7879')).toEqual(['', 'xy'])
    expect(values('str(i16)', '0161 ffff 0162 0002 7879')).toEqual([undefined, undefined])
    expect(values('str(i16)?', '0161 fffe 0162 0002 7879')).toEqual(['', 'xy'])
  })
})

test('a change in front of what the length counts changes no number', () => {
  const codec = compile(`
frame: {length: end(size) + size, max: 1KiB}
message: {kind: push}
fields:
  name: {at: 0, type: str(u8)}
  size: {after: name, type: u16, writable: false}
  body: {after: size, type: bytes, size: rest}
reply: {error: close}
`)
  const frame = Uint8Array.of(1, 65, 0, 2, 66, 66)
  const set = (name: string, value: string | Uint8Array) =>
    codec.mutate?.(frame, 0, 6, [{ slot: codec.slot(name), value }])
  expect(set('name', 'abc')).toEqual(Uint8Array.of(3, 97, 98, 99, 0, 2, 66, 66))
  expect(set('body', Uint8Array.of(7))).toEqual(Uint8Array.of(1, 65, 0, 1, 7))
})

test('an entry of a map that is not there is not there', () => {
  const codec = compile(`
frame: {length: {at: 0, type: u8, counts: all}}
message: {kind: push}
fields:
  size: {at: 1, type: u8, writable: false}
  tlv: {at: 2, type: map, size: size, keys: u8, values: bytes(u8), when: {size: {min: 3}}}
  seven: {in: tlv, key: 7}
  number: {in: seven, at: 0, type: u8}
reply: {error: close}
`)
  const fields = (...bytes: number[]) =>
    ['seven', 'number', 'tlv.7'].map((name) => field(codec, name, Uint8Array.from(bytes)))
  expect(fields(5, 3, 7, 1, 9)).toEqual([Uint8Array.of(9), 9, Uint8Array.of(9)])
  expect(fields(4, 2, 7, 0)).toEqual([undefined, undefined, undefined])
})

test('a variant of another length is not chosen by what need not be whole yet', () => {
  const { issues } = check(`
frame: {length: {at: 2, type: u8, counts: all}}
message: {kind: push}
fields: {sort: {at: 0, type: leb128, writable: false}}
variants:
  - {name: long, when: {sort: 200}, frame: {length: {at: 2, type: u16, counts: all}}}
  - {name: short}
reply: {error: close}
`)
  expect(issues.map(({ message }) => message)).toContainEqual(
    expect.stringContaining('the frame\'s length hangs on "sort"'),
  )
})

describe('what is too large by one', () => {
  test('a reply of the longest frame there is', () => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}, max: 4}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}}
reply: {error: {from: request, bytes: 4, set: {kind: response}}}
`)
    const request = Uint8Array.of(0, 4, 1, 7)
    expect(codec.reply!('error', request, 0, 4, 1, '')).toEqual(Uint8Array.of(0, 4, 2, 7))
  })

  test.each([
    ['ascii(2)', 99, 100],
    ['bcd(1)', 99, 100],
    ['bcd(2)', 9999, 10_000],
  ])('%s', (type, most, more) => {
    const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}}
fields: {number: {at: 3, type: ${type}}}
reply: {error: close}
`)
    const frame = Uint8Array.of(0, 8, 1, 0x30, 0x30, 0, 0, 0)
    const set = (value: number | bigint) =>
      codec.mutate!(frame, 0, frame.length, [{ slot: codec.slot('number'), value: value as number }])
    expect(field(codec, 'number', set(most)!)).toBe(most)
    expect(set(more)).toBeUndefined()
    expect(set(2 ** 32)).toBeUndefined()
  })

  test('a field number of protobuf', () => {
    const of = (tag: number) =>
      check(`
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: request}
fields: {head: {at: 2, type: bytes, size: rest, writable: false}, type: {in: head, pb: ${tag}, type: uint32}}
reply: {error: close}`).issues.map(({ message }) => message)
    expect(of(2 ** 29 - 1)).toEqual([])
    expect(of(2 ** 29)).toContain(`${2 ** 29} is no path of protobuf field numbers`)
  })
})

test('a rule of kinds with a condition that is none is told, and nothing else', () => {
  const { issues } = check(`
frame: {length: {at: 0, type: u16, counts: all}}
message: {kind: [{is: oneway, when: {nothing: 1}}, {is: request}]}
reply: {error: close}`)
  expect(issues.map(({ path, severity }) => [path.join('.'), severity])).toEqual([
    ['spec.message.kind.0.when.nothing', 'error'],
  ])
})
