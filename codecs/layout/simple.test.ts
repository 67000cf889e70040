import { describe, expect, test } from 'vitest'
import { type Codec, emptyFrame, FrameError, FrameKind } from '../contract.ts'
import { bytes, compile } from './fixture.ts'

/** In the middle of a buffer whose other bytes would look like more of the frame. */
function around(frame: Uint8Array): Uint8Array {
  const all = new Uint8Array(frame.length + 16).fill(1)
  all.set(frame, 8)
  return all
}

function inspect(codec: Codec, frame: Uint8Array) {
  const out = emptyFrame()
  const code = codec.inspect(around(frame), 8, frame.length, out)
  return code < 0 ? code : { kind: out.kind, id: out.idLo, error: out.error }
}

describe.each([
  ['u8', '03'],
  ['u16', '0003'],
  ['u24', '000003'],
  ['u32', '00000003'],
  ['i32', '00000003'],
])('an id behind a text with a length of type %s', (type, length) => {
  const codec = compile(`
frame: {length: {at: 0, type: u16, counts: all}}
message:
  kind: {at: 2, type: u8, is: {1: request, 2: response, 3: response}}
  id: {after: name, type: u32}
  error: {kind: 3}
fields: {name: {at: 3, type: str(${type}), max: 5}}
reply: {error: close}
`)
  const frame = (kind: string, rest: string) => {
    const all = bytes(`0000 ${kind} ${rest}`)
    all[1] = all.length
    return all
  }
  const request = frame('01', `${length} 616263 00000007 ff`)

  test('is read and written', () => {
    expect(inspect(codec, request)).toEqual({ kind: FrameKind.request, id: 7, error: 0 })
    expect(codec.field(codec.slot('name'), around(request), 8, request.length)).toBe('abc')
    expect(codec.writeId?.(request, 0, request.length, 0x01020304, 0)).toBe(true)
    expect(request).toEqual(frame('01', `${length} 616263 01020304 ff`))
  })

  test('a reply of one kind is an error', () => {
    expect(inspect(codec, frame('02', `${length} 616263 00000007`))).toMatchObject({ error: 0 })
    expect(inspect(codec, frame('03', `${length} 616263 00000007`))).toMatchObject({ error: 1 })
  })

  test.each([
    ['longer than it may be', length.replace('3', '6')],
    ['longer than the frame', length.replace('3', '5')],
    ['of a negative length', length.replace(/^./, '8')],
  ])('a text %s: nothing is read or written', (_, wrong) => {
    const broken = frame('01', `${wrong} 616263 0000`)
    const before = broken.slice()
    expect(inspect(codec, broken)).toBeLessThan(0)
    expect(codec.field(codec.slot('name'), broken, 0, broken.length)).toBe(
      wrong === length.replace('3', '5') ? 'abc\0\0' : undefined,
    )
    expect(codec.writeId?.(broken, 0, broken.length, 1, 0)).toBe(false)
    expect(broken).toEqual(before)
  })

  test('a frame that is cut anywhere is never read beyond its end', () => {
    for (let n = 0; n < request.length - 1; n++) {
      const cut = request.slice(0, n)
      expect(inspect(codec, cut)).toBeLessThan(0)
      expect(codec.writeId?.(around(cut), 8, n, 1, 0)).toBe(false)
    }
  })
})

describe('variants', () => {
  const variant = (name: string, when: string) =>
    `  - {name: ${name}, when: ${when}, message: {kind: request}, fields: {${name}: {at: 4, type: u8}}}`
  const protocol = (...variants: string[]) =>
    compile(`
frame: {length: {at: 0, type: u8, counts: all}}
fields: {magic: {at: 1, type: u16, writable: false}, other: {at: 3, type: u8, writable: false}}
variants:
${variants.join('\n')}
reply: {error: close}
`)
  /** Names of the variants that a frame of each magic and other byte is. */
  const chosen = (codec: Codec, hex: string) => {
    const frame = bytes(`06 ${hex} 2a00`)
    const names = codec.fields.map(({ name }) => name).filter((name) => name.length === 1)
    return names.filter((name) => codec.field(codec.slot(name), frame, 0, frame.length) === 0x2a).join()
  }

  test('the first in order that fits is chosen, whatever its condition looks at', () => {
    const codec = protocol(
      variant('a', '{magic: 0x8001}'),
      variant('b', '{magic: 0xffff}'),
      variant('c', '{other: 7}'),
      variant('d', '{magic: 0x0001}'),
    )
    expect(['800100', '800107', 'ffff07', '000107', '000100'].map((hex) => chosen(codec, hex))).toEqual([...'aabcd'])
    const frame = bytes('06 0002 00 2a00')
    expect(codec.inspect(frame, 0, frame.length, emptyFrame())).toBe(FrameError.unknownVariant)
  })

  test('a first condition that names what it is not', () => {
    const codec = protocol(variant('a', '{magic: {not: 1}}'), variant('b', '{magic: 1}'))
    expect(['000200', '000100'].map((hex) => chosen(codec, hex))).toEqual(['a', 'b'])
  })

  test('a first condition of several values, of bits, or of two fields', () => {
    const codec = protocol(
      variant('a', '{magic: [1, 2]}'),
      variant('b', '{magic: {mask: 0x8000}}'),
      variant('c', '{magic: 3, other: 1}'),
      variant('d', '{magic: 3}'),
    )
    expect(['000100', '000200', '800100', '000301', '000302'].map((hex) => chosen(codec, hex))).toEqual([...'aabcd'])
  })
})
