import { describe, expect, test } from 'vitest'
import { checkProtocol } from './check.ts'
import { decodeFrames, parseHex } from './decode.ts'
import { codecOf } from './fixture.ts'
import { newProtocol } from './new.ts'
import { newVectors } from './new-vectors.ts'
import type { AnswerTexts } from './questions.ts'
import { parseVectors, runVectors } from './vectors.ts'

/** What a person would answer who has the specification open. */
const real: Readonly<Record<string, readonly [answers: AnswerTexts, frames: number]>> = {
  'ISO 8583 behind two bytes of length': [
    {
      length: 'u16@0',
      counts: 'rest',
      kind: 'ascii(4)@2',
      kinds: '0100=request, 0200=request, 0800=request, 0110=response, 0210=response, 0810=response',
      fields: 'bitmap=bytes[8]@6',
    },
    2,
  ],
  'ISO 8583 in digits, all else a request': [
    {
      length: 'ascii(4)@0',
      kind: 'bcd(2)@4',
      kinds: '110=response, *=request',
      fields: 'mti=bcd(2)@4, code=bcd(3)@14',
    },
    2,
  ],
  FIX: [
    {
      length: 'dec(6)@end(begin) + 2',
      counts: 'rest+8',
      magic: 'u16@0=0x383d',
      kind: 'type',
      kinds: 'A=handshake, *=push',
      fields: String.raw`begin=until(\x01)@2, tags=map(until(=), until(\x01))[length]@end(length) + 1, type=tags[35], sender=tags[49], target=tags[56]`,
    },
    2,
  ],
  'Modbus/TCP': [
    {
      length: 'u16@4',
      counts: 'rest',
      kind: 'either',
      id: 'u16@0',
      fields: 'unit=u8@6, function=u8@7&0x7f',
      status: 'u8@7&0x80',
      error: 'u8',
      header: '8',
    },
    1,
  ],
  SMPP: [
    {
      kind: 'u32@4&0x80000000',
      kinds: '0=request, 0x80000000=response',
      id: 'u32@12',
      fields: 'command=u32@4&0xff, service=cstr@16:request, system=cstr@16:response',
      status: 'u32@8',
      error: 'yes',
      header: '16',
    },
    2,
  ],
  Diameter: [
    {
      length: 'u24@1',
      magic: 'u8@0=1',
      kind: 'u8@4&0x80',
      kinds: '0x80=request, 0=response',
      id: 'u32@12',
      fields: 'command=u24@5, application=u32@8, endToEnd=u32@16',
    },
    2,
  ],
  'HL7 by MLLP': [
    {
      length: String.raw`until(\x1c\r)`,
      opens: '0x0b',
      kind: 'either',
      ordered: 'yes',
      fields: 'words=list(until(|))@0, sender=words[2], type=words[8]',
    },
    1,
  ],
  SLIP: [
    {
      length: String.raw`until(\xc0)`,
      opens: '0xc0',
      escape: 'slip',
      kind: 'u8@0',
      id: 'u16@1',
      fields: 'topic=str(u8)@id',
      checksum: 'crc16-xmodem',
      error: 'u16',
    },
    2,
  ],
  HDLC: [
    { length: 'until(~)', opens: '~', escape: 'hdlc', kind: 'u8@0', id: 'u16@1', checksum: 'crc16-ccitt', error: 'u8' },
    2,
  ],
  'DLE stuffing': [
    {
      length: String.raw`until(\x10\x03)`,
      opens: String.raw`\x10\x02`,
      escape: 'dle',
      kind: 'u8@0',
      kinds: '16=request, 17=response',
      id: 'u8@1',
    },
    2,
  ],
  'escapes of its own': [
    { length: 'until(;)', escape: '0x5c 0x73=0x3b 0x5c=0x5c', kind: 'u8@0', id: 'u8@1', error: 'u8' },
    2,
  ],
  'a header that says how long the body is, a frame that ends a request, texts of fixed size': [
    {
      order: 'little',
      length: '24 + size',
      kind: 'u16@0',
      kinds: '1=request, 2=response, 9=cancel',
      id: 'u32@4',
      fields: 'size=u32@8, name=str[12]@12',
    },
    3,
  ],
  'entries and an end, as LDAP answers a search': [
    {
      length: 'leb128@0',
      kind: 'u8@length',
      kinds: '1=request, 2=response, 3=response, 4=cancel',
      id: 'leb128@kind',
      fields: 'query=str(u8)@id:request, text=str(u8)@status:response',
      status: 'u8@id:response',
      more: 'kind=2',
      error: 'u8',
    },
    4,
  ],
  'pages with a number': [{ kind: 'u8@4', id: 'u32@5', more: 'u16@9<u16@11' }, 3],
  'pages that count down': [{ kind: 'u8@4', id: 'u32@5', more: 'u16@9!=0' }, 3],
  'headers with a count': [
    {
      kind: 'u8@4',
      id: 'u32@5',
      fields: 'headers=map(str(u16), str(u16))[u16]@id, service=headers[service]',
      error: 'yes',
    },
    2,
  ],
  'tags of numbers, little-endian': [
    { order: 'little', kind: 'u8@4', id: 'u32@5', fields: 'tags=map(u16, bytes(u16))@id, user=tags[7]' },
    2,
  ],
  'lines that begin with a word': [
    {
      length: String.raw`until(\r\n)`,
      kind: 'verb',
      kinds: 'SAY=request, JOIN=request, OK=response, ERR=response, *=push',
      fields: String.raw`verb=until(\s)@0, seq=dec(9)@verb, rest=str@seq`,
    },
    3,
  ],
  'a greeting, codes of three digits': [
    {
      length: String.raw`until(\r\n)`,
      sides: 'yes',
      status: 'dec(3)@0=220|250|354',
      first: 'server',
      ordered: 'yes',
      fields: String.raw`verb=until(\s)@0`,
    },
    2,
  ],
  'replies laid out otherwise, of several frames': [
    {
      sides: 'yes',
      id: 'u32@8',
      replyId: 'u32@4',
      status: 'u16@8',
      fields: 'api=u16@4, text=str@11:response',
      more: 'u8@10=1',
    },
    3,
  ],
  'an error of requests that replies lay out otherwise': [
    {
      kind: 'u8@4',
      kinds: '1=request, *=response',
      id: 'u32@5',
      fields: 'method=str(u16)@id:request, text=str(u8)@status:response, pad=u16@text:response',
      status: 'u8@id:response',
      error: 'u8',
    },
    2,
  ],
  'texts behind little-endian lengths': [
    {
      order: 'little',
      length: 'u16@0',
      kind: 'u8@2',
      id: 'u32@3',
      fields: 'method=str(u16)@id, body=bytes@method',
      error: 'yes',
    },
    2,
  ],
  'messages that nobody answers': [{ kind: 'push', fields: 'topic=str(u8)@4' }, 1],
  nothing: [{}, 2],
}

describe.each(Object.entries(real))('%s', (_, [answers, frames]) => {
  test('the document is in order, and what is offered in its comments, too', () => {
    codecOf(answers)
    const lines = newProtocol(answers).split('\n')
    const offered = lines.filter((line) => /^ {4}# (headers|words): /.test(line))
    for (const one of offered) {
      const text = lines.map((line) => (line === one || line.startsWith('  # fields:') ? line.replace('# ', '') : line))
      const { protocols, errors } = checkProtocol(text.join('\n'))
      expect(errors, text.join('\n') + JSON.stringify(protocols[0]!.issues)).toBe(0)
    }
  })

  test('frames that are made of the answers are what the document reads', () => {
    const codec = codecOf(answers)
    const file = parseVectors(newVectors(answers, codec)!)
    expect(file.vectors).toHaveLength(frames)
    for (const { name, failures } of runVectors(codec, file)) expect(failures, name).toEqual([])
    const errors = file.vectors.flatMap(({ replies = [] }) => replies)
    expect(errors.length > 0).toBe(codec.replies.includes('error'))
    for (const { hex } of errors) {
      const { frames: made, stopped } = decodeFrames(codec.upstream ?? codec, parseHex(hex))
      expect([made.length, made[0]!.problem, stopped]).toEqual([1, undefined, undefined])
      expect(['response', 'either']).toContain(made[0]!.kind)
    }
  })
})

describe('bytes of real programs', () => {
  test('FIX: a Logon of QuickFIX/J, a message of its session', () => {
    const codec = codecOf(real['FIX']![0])
    const logon = Buffer.from(
      '8=FIX.4.4|9=70|35=A|34=1|49=FIRM0|52=20261123-01:26:07.385|56=EXCHA|98=0|108=1|141=Y|10=192|'.replaceAll(
        '|',
        '\x01',
      ),
    )
    const [frame, ...others] = decodeFrames(codec, logon).frames
    expect([frame!.kind, frame!.length, others]).toEqual(['handshake', logon.length, []])
    expect(codec.field(codec.slot('target'), logon, 0, logon.length)).toBe('EXCHA')
  })

  test('SMPP: a short message of smpplib, what the proxy says when it cannot', () => {
    const codec = codecOf(real['SMPP']![0])
    const bytes = parseHex(
      '0000002a 00000004 00000000 00000001 00 00 00 31303000 00 00 3437393000 00 00 00 00 00 00 00 00 00 02 6869',
    )
    expect(decodeFrames(codec, bytes).frames).toMatchObject([{ kind: 'request', id: 1n, length: 42 }])
    const reply = codec.reply!('error', bytes, 0, bytes.length, 0x58, '')!
    expect(Buffer.from(reply).toString('hex')).toBe('00000010800000040000005800000001')
  })

  test('HL7: an admission', () => {
    const codec = codecOf(real['HL7 by MLLP']![0])
    const bytes = Buffer.from('\x0bMSH|^~\\&|LAB|CITY|EHR|HOME|20261123||ADT^A01|17|P|2.5\rPID||||42\r\x1c\r')
    expect(decodeFrames(codec, bytes).frames).toMatchObject([{ kind: 'either', length: bytes.length }])
    expect(['sender', 'type'].map((name) => codec.field(codec.slot(name), bytes, 0, bytes.length))).toEqual([
      'LAB',
      'ADT^A01',
    ])
  })

  test('Modbus/TCP: a request, an exception, and the exception that the proxy makes', () => {
    const codec = codecOf(real['Modbus/TCP']![0])
    const [request, exception] = [parseHex('0001 0000 0006 11 03 006b 0003'), parseHex('0001 0000 0003 11 83 02')]
    expect(decodeFrames(codec, request).frames).toMatchObject([{ kind: 'either', id: 1n, error: false }])
    expect(decodeFrames(codec, exception).frames).toMatchObject([{ error: true }])
    expect(Buffer.from(codec.reply!('error', request, 0, request.length, 2, '')!).toString('hex')).toBe(
      '000100000003118302',
    )
  })

  test('SLIP: an id whose bytes are escaped', () => {
    const codec = codecOf(real['SLIP']![0])
    const bytes = parseHex('c0 01 dbdc dbdd 01 61 0000 c0')
    expect(decodeFrames(codec, bytes).frames).toMatchObject([{ kind: 'request', id: 0xc0dbn }])
  })
})
