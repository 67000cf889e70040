import { describe, expect, test } from 'vitest'
import { emptyFrame, FrameKind } from '../contract.ts'
import { parseHex } from '../tools/decode.ts'
import { check, compile } from './fixture.ts'

/** Both sides' frames begin alike: only who sent them says what is behind the length. */
const spec = `
frame: {length: {at: 0, type: u16, counts: all}, max: 1KiB}
variants:
  - name: ask
    from: client
    message:
      kind: {at: 2, type: u8, is: {1: request, 2: heartbeat}}
      id: {at: 4, type: u16}
    fields:
      name: {at: 6, type: str(u8), when: {kind: request}}
  - name: answer
    from: upstream
    message:
      kind: {at: 4, type: u8, is: {1: response, 2: heartbeatReply, 3: heartbeat}}
      id: {at: 2, type: u16}
      status: {at: 5, type: u8}
      error: {status: {not: 0}}
reply:
  error: {from: hex 0006 0000 01 00, set: {status: code}}
connections: [shared]
`
const ask = parseHex('000a 01 00 0007 03 626f62')
const answer = parseHex('0006 0007 01 05')

const errorsOf = (text: string) => check(text).issues.map(({ path, message }) => `${path.join('.')}: ${message}`)

describe('variants for frames of one side', () => {
  test('each side is read by its own', () => {
    const codec = compile(spec)
    const frame = emptyFrame()
    expect(codec.inspect(ask, 0, ask.length, frame)).toBe(0)
    expect(frame).toMatchObject({ kind: FrameKind.request, idLo: 7, status: 0 })
    expect(codec.field(codec.slot('name'), ask, 0, ask.length)).toBe('bob')
    expect(codec.slot('status')).toBe(-1)
    const upstream = codec.upstream!
    expect(upstream.inspect(answer, 0, answer.length, frame)).toBe(0)
    expect(frame).toMatchObject({ kind: FrameKind.response, idLo: 7, status: 5, error: 1 })
    expect(upstream.slot('name')).toBe(-1)
    expect(codec.headerMin).toBe(6)
    expect([codec.idBits, upstream.idBits]).toEqual([16, 16])
  })

  test('ids are written where each side has them', () => {
    const codec = compile(spec)
    const [ours, theirs] = [ask.slice(), answer.slice()]
    expect(codec.writeId?.(ours, 0, ours.length, 0x1234, 0)).toBe(true)
    expect(codec.upstream?.writeId?.(theirs, 0, theirs.length, 0x1234, 0)).toBe(true)
    expect([ours, theirs].map((bytes) => Buffer.from(bytes).toString('hex'))).toEqual([
      '000a010012340362' + '6f62',
      '000612340105',
    ])
  })

  test('an error reply is made of what the client asked, and laid out as what it gets', () => {
    const codec = compile(spec)
    const reply = codec.reply?.('error', ask, 0, ask.length, 9, '')
    expect(Buffer.from(reply!).toString('hex')).toBe('000600070109')
    expect(codec.upstream?.replies).toEqual([])
  })

  test('heartbeats of both sides are answered, each in the layout of who asked; a ping is for the upstream', () => {
    const codec = compile(
      spec
        .replace(
          '    fields:',
          '    reply: {heartbeat: {from: hex 0006 0000 02 00}, ping: {from: hex 0006 02 00 0000}}\n    fields:',
        )
        .replace(
          '      error: {status: {not: 0}}',
          '      error: {status: {not: 0}}\n    reply: {heartbeat: {from: hex 0006 02 00 0000}}',
        ),
    )
    const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex')
    const [beat, theirs] = [parseHex('0006 02 00 0005'), parseHex('0006 0009 03 00')]
    expect(hex(codec.reply?.('heartbeat', beat, 0, beat.length, 0, ''))).toBe('000600050200')
    expect(hex(codec.upstream?.reply?.('heartbeat', theirs, 0, theirs.length, 0, ''))).toBe('000602000009')
    expect(hex(codec.reply?.('ping', new Uint8Array(0), 0, 0, 0, ''))).toBe('000602000000')
  })

  test('a variant for neither side is for both', () => {
    const codec = compile(
      spec
        .replace('    from: upstream\n', '')
        .replace('    from: client\n', '    from: client\n    when: {flag: 0}\n')
        .replace('variants:', 'fields: {flag: {at: 3, type: u8, writable: false}}\nvariants:'),
    )
    expect(codec.upstream).toBeDefined()
    const frame = emptyFrame()
    expect(codec.inspect(answer, 0, answer.length, frame)).toBe(0)
    expect(frame.kind).toBe(FrameKind.response)
  })

  test.each([
    [
      'no variant for a side',
      spec.replaceAll('from: upstream', 'from: client'),
      'spec.variants: no variant is for frames of the upstream',
    ],
    [
      'a side without an id',
      spec.replace('      id: {at: 2, type: u16}\n', ''),
      'shared connections need a message id, and there is none in the variant "answer"',
    ],
    [
      'an error reply to an upstream',
      spec.replace(
        '      error: {status: {not: 0}}',
        '      error: {status: {not: 0}}\n    reply: {error: {from: hex 0006 0000 01 00}}',
      ),
      '"error" is not made of what an upstream sends',
    ],
    [
      'an error reply laid out as a request',
      spec.replace('from: hex 0006 0000 01 00', 'from: hex 000a 01 00 0007 03 626f62'),
      'this makes a frame the protocol itself refuses',
    ],
    ['another side', spec.replace('from: upstream', 'from: server'), 'spec.variants.1.from'],
  ])('refused: %s', (_, text, message) => {
    expect(check(text).codec).toBeUndefined()
    expect(errorsOf(text).join('\n')).toContain(message)
  })
})

describe('what a reply must have', () => {
  const two = `
frame: {length: {at: 0, type: u16, counts: all}}
fields: {verb: {at: 2, type: u8, is: {1: ask, 0x81: told}, writable: false}}
variants:
  - name: ask
    when: {verb: ask}
    message: {kind: request, id: {at: 3, type: u8}}
    fields: {name: {at: 4, type: str(u8)}, body: {after: name, type: str(u16)}}
    reply: {error: REPLY}
  - name: told
    when: {verb: told}
    message: {kind: response, id: {at: 3, type: u8}, status: {at: 4, type: u8}, error: {status: {not: 0}}}
`
  const request = parseHex('000a 01 07 01 78 0002 6162')

  test('it may be shorter than its request where it sets what makes it one of another variant', () => {
    const codec = compile(two.replace('REPLY', '{from: request, bytes: 4, set: {verb: told}, body: u8 code}'))
    const reply = codec.reply?.('error', request, 0, request.length, 9, '')
    expect(Buffer.from(reply!).toString('hex')).toBe('000581070' + '9')
  })

  test('what its body puts behind the copy counts', () => {
    const codec = compile(two.replace('REPLY', '{from: request, bytes: 4, body: "str(u8) message, u16 0"}'))
    const reply = codec.reply?.('error', request, 0, request.length, 9, 'no')
    expect(Buffer.from(reply!).toString('hex')).toBe('00090107026e6f0000')
    expect(errorsOf(two.replace('REPLY', '{from: request, bytes: 4, body: "str(u8) message"}')).join()).toContain(
      'the reply copies 4 bytes of the request and puts 1 behind them, its header takes 7',
    )
  })
})

test('a maximum that one variant cannot reach is no mistake where it is for all of them', () => {
  const text = (max: string) => `
frame: {length: {at: 1, type: u16, counts: all}, max: 4KiB}
fields: {first: {at: 0, type: u8, writable: false}}
variants:
  - {name: fixed, when: {first: 1}, frame: {length: 8${max}}, message: {kind: handshake}}
  - {name: other, message: {kind: push}}
reply: {error: close}
`
  expect(check(text('')).issues).toEqual([])
  expect(errorsOf(text(', max: 1KiB'))).toEqual([
    'spec.variants.0.frame.max: the maximum 1024 is never reached: the length fields say at most 8',
  ])
})
