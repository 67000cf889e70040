import { describe, expect, it } from 'vitest'
import { emptyFrame } from '../contract.ts'
import { checkProtocols } from '../document.ts'
import { parseHex } from '../tools/decode.ts'
import { check, compile } from './fixture.ts'

/** Frames of two bytes of length, a kind and flags; `more` and what else differs is filled in. */
const one = (more: string, fields = '{}', reply = '{error: close}') => `
frame: {length: {at: 0, type: u16, counts: all}}
message:
  kind: {at: 2, type: u8, is: {1: request, 2: response, 3: push}}
  flags: {at: 3, type: u8}
  more: ${more}
fields: ${fields}
reply: ${reply}
connections: [exclusive]
`
const errors = (spec: string) => check(spec).issues.map(({ path, message }) => `${path.join('.')}: ${message}`)

function moreOf(spec: string, hex: string, side: 'client' | 'upstream' = 'upstream'): number {
  const made = compile(spec)
  const codec = side === 'upstream' ? (made.upstream ?? made) : made
  const bytes = parseHex(hex)
  const frame = emptyFrame()
  expect(codec.inspect(bytes, 0, bytes.length, frame)).toBe(0)
  return frame.more
}

describe('more of a reply follows', () => {
  it.each([
    ['a bit that says so', '{flags: {mask: 4}}', { '0004 02 04': 1, '0004 02 05': 1, '0004 02 03': 0 }],
    ['no bit that says it is the last', '{flags: {mask: 0x80, equals: 0}}', { '0004 02 04': 1, '0004 02 80': 0 }],
    ['a number that counts down to 0', '{flags: {not: 0}}', { '0004 02 02': 1, '0004 02 00': 0 }],
    ['a number below another one', '{flags: {below: 3}}', { '0004 02 02': 1, '0004 02 03': 0, '0004 02 04': 0 }],
  ])('%s', (_, more, frames) => {
    for (const [hex, expected] of Object.entries(frames)) expect(moreOf(one(more), hex), hex).toBe(expected)
  })

  it('is said of replies alone', () => {
    const spec = one('{flags: 4}')
    expect(moreOf(spec, '0004 01 04')).toBe(0)
    expect(moreOf(spec, '0004 03 04')).toBe(0)
  })

  it('all conditions must hold', () => {
    const spec = one('{flags: {below: total - 1}, last: 0}', '{total: {at: 4, type: u8}, last: {at: 5, type: u8}}')
    expect(moreOf(spec, '0006 02 00 02 00')).toBe(1)
    expect(moreOf(spec, '0006 02 01 02 00')).toBe(0)
    expect(moreOf(spec, '0006 02 00 02 01')).toBe(0)
    // There is no number below 0 - 1.
    expect(moreOf(spec, '0006 02 00 00 00')).toBe(0)
  })

  it('may be said of a variant as a whole', () => {
    const spec = `
frame: {length: {at: 0, type: u16, counts: all}}
fields: {type: {at: 2, type: u8}}
variants:
  - {name: ask, from: client, message: {kind: request}}
  - {name: part, from: upstream, when: {type: 2}, message: {kind: response, more: true}}
  - {name: end, from: upstream, message: {kind: response}}
reply: {error: close}
connections: [exclusive]
`
    expect(moreOf(spec, '0003 02')).toBe(1)
    expect(moreOf(spec, '0003 03')).toBe(0)
    expect(moreOf(spec, '0003 02', 'client')).toBe(0)
    const { upstream, ...own } = compile(spec)
    expect([own.parted, upstream?.parted]).toEqual([undefined, true])
  })

  it('costs a layout nothing that has none: its codec says nothing', () => {
    const spec = one('{flags: 4}').replace(/ {2}more: .*\n/, '')
    expect(compile(spec).parted).toBeUndefined()
    expect(moreOf(spec, '0004 02 04')).toBe(0)
  })

  it.each([
    ['a field nobody knows', one('{last: 0}'), ['spec.message.more.last: there is no field "last"']],
    [
      'a field that replies do not have',
      one('{page: 0}', '{page: {at: 4, type: u8, when: {kind: request}}}'),
      ['spec.message.more.page: "page" is there in frames of the kind request only, and replies are none'],
    ],
    [
      'a text below something',
      one('{page: {below: 3}}', '{page: {at: 4, type: str, size: rest}}'),
      ['spec.message.more.page: "page" is no number, so it is below none'],
    ],
    [
      'a condition that always holds',
      one('{flags: {min: 0}}'),
      ['spec.message.more: this holds of every frame: none would ever be the last of a reply'],
    ],
    [
      'a condition that never holds',
      one('{flags: {mask: 3, equals: 0}, flag: {mask: 1}}', '{flag: {at: 3, type: u8, writable: false}}'),
      ['spec.message.more: this holds of no frame: every reply would be one frame'],
    ],
    ['every frame', one('true'), ['spec.message.more: no frame would ever be the last of a reply']],
    [
      'no replies at all',
      one('{flags: 4}').replace(/is: \{.*?\}/, 'is: {1: oneway}'),
      ['spec.message.more: no frame is a reply, so none can be a part of one'],
    ],
    [
      'an error reply of our own that would not end it',
      one('{flags: 4}', '{}', '{error: {from: hex 0004 02 04}}'),
      ['spec.reply.error: this makes a frame behind which more of the reply would follow: `more` holds of it'],
    ],
    [
      'a variant of requests',
      `
frame: {length: {at: 0, type: u16, counts: all}}
fields: {type: {at: 2, type: u8}}
variants:
  - {name: ask, from: client, message: {kind: request, more: {type: 2}}}
  - {name: part, from: upstream, when: {type: 2}, message: {kind: response, more: true}}
reply: {error: close}
connections: [exclusive]
`,
      [
        'spec.variants.0.message.more: no frame of this variant is a reply of the upstream, so none can be a part of one',
        'spec.variants.1.message.more: no variant has frames that are the last of a reply',
      ],
    ],
  ])('is refused with its place: %s', (_, spec, expected) => {
    expect(errors(spec)).toEqual(expected)
  })

  it('what is refused is told with its line', () => {
    const text = `apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: own}
spec:
  frame: {length: {at: 0, type: u16, counts: all}}
  message:
    kind: {at: 2, type: u8, is: {1: request, 2: response}}
    more:
      last: 0
  reply: {error: close}
`
    expect(checkProtocols(text)[0]!.issues).toMatchObject([{ line: 9, message: 'there is no field "last"' }])
  })
})

it('a frame that ends a request says which, by an id', () => {
  const spec = `
frame: {length: {at: 0, type: u8, counts: all}}
message: {kind: {at: 1, type: u8, is: {1: request, 2: response, 3: cancel}}, id: {at: 2, type: u32}}
reply: {error: close}`
  expect(compile(spec).cancels).toBe(true)
  expect(compile(spec.replace(', 3: cancel', '')).cancels).toBeUndefined()
  const said = (text: string) => check(text).issues.map(({ message }) => message)
  expect(said(spec.replace(', id: {at: 2, type: u32}', ''))).toEqual([expect.stringContaining('has to say which')])
  expect(said(`${spec}\nordered: true`)).toEqual([expect.stringContaining('has to say which')])
})
