import { describe, expect, test } from 'vitest'
import { decodeFrames, parseHex } from './decode.ts'
import { codecOf } from './fixture.ts'
import { newProtocol } from './new.ts'
import type { AnswerTexts } from './questions.ts'

describe('protocol new', () => {
  test('the answers that describe the game give its layout', () => {
    const codec = codecOf({
      magic: 'u16@4=0x4d47',
      kind: 'u8@6',
      kinds: '1=request, 2=response, 3=oneway, 4=heartbeat, 5=push',
      id: 'u32@12',
      fields: 'msgid=u32@8, uid=u64@16',
      error: 'yes',
    })
    expect([codec.headerMin, codec.modes]).toEqual([24, ['shared', 'bound', 'exclusive']])
    const bytes = parseHex('0000001d4d470100000186a000000007000000000000000968656c6c6f')
    expect(codec.field(codec.slot('uid'), bytes, 0, bytes.length)).toBe(9n)
    expect(codec.reply!('error', bytes, 0, bytes.length, 5, '')!.length).toBe(28)
  })

  test('an answer to a heartbeat is one where the protocol tells them apart', () => {
    const codec = codecOf({ kind: 'u8@4', kinds: '1=request, 2=response, 3=heartbeat, 4=heartbeatReply' })
    const bytes = parseHex('00000005 03')
    const reply = codec.reply!('heartbeat', bytes, 0, bytes.length, 0, '')!
    expect(Buffer.from(reply).toString('hex')).toBe('0000000504')
  })

  test('a varint length, little-endian numbers, a text as method: places are the fields they come behind', () => {
    const codec = codecOf({
      order: 'little',
      length: 'leb128@0',
      kind: 'u8@length',
      id: 'u32@kind',
      fields: 'method=str(u16)@id, body=bytes@method',
      error: 'u16',
      header: 'method',
    })
    const bytes = parseHex('0e 01 07000000 0500 68656c6c6f 0900')
    const [frame] = decodeFrames(codec, bytes).frames
    expect(frame).toMatchObject({ length: 15, kind: 'request', id: 7n })
    expect(codec.field(codec.slot('method'), bytes, 0, 15)).toBe('hello')
    const reply = codec.reply!('error', bytes, 0, 15, 0x1234, '')!
    expect(Buffer.from(reply).toString('hex')).toBe('0e0207000000050068656c6c6f3412')
  })

  test('a length of an error reply that needs another width of varint is put right', () => {
    const codec = codecOf({
      length: 'leb128@0',
      kind: 'u8@length',
      id: 'u32@kind',
      fields: 'method=str(u8)@id, body=bytes@method',
      error: 'yes',
    })
    const body = '00'.repeat(200)
    const bytes = parseHex(`ce01 01 00000007 00 ${body}`)
    expect(decodeFrames(codec, bytes).frames).toHaveLength(1)
    const reply = codec.reply!('error', bytes, 0, bytes.length, 5, '')!
    expect(decodeFrames(codec, reply)).toMatchObject({ frames: [{ kind: 'response', id: 7n, length: reply.length }] })
    expect(decodeFrames(codec, reply).stopped).toBeUndefined()
  })

  test('bits of a byte, magic behind a varint, a status', () => {
    const codec = codecOf({
      length: 'mqtt@0',
      magic: 'u8@length=0x51',
      kind: 'u8@check&0x03',
      kinds: '0x01=request, 2=response, 3=heartbeat',
      id: 'u16@kind',
      status: 'u8@id',
      fields: 'topic=str(u8)@status',
      connections: 'exclusive',
      error: 'yes',
    })
    expect(codec.modes).toEqual(['exclusive'])
    const bytes = parseHex('07 51 81 0007 00 01 61')
    expect(decodeFrames(codec, bytes).frames[0]).toMatchObject({ kind: 'request', id: 7n })
    const reply = codec.reply!('error', bytes, 0, bytes.length, 5, '')!
    expect(decodeFrames(codec, reply).frames[0]).toMatchObject({ kind: 'response', status: 5, error: true })
  })

  test('frames that end with a delimiter, and words up to others', () => {
    const codec = codecOf({
      length: String.raw`until(\r\n)`,
      fields: String.raw`verb=until(\s)@0, topic=until(:)@verb, text=str@topic`,
      ordered: 'yes',
    })
    const bytes = new Uint8Array(Buffer.from("SAY it's:here\r\nBYE\r\n"))
    expect(decodeFrames(codec, bytes)).toMatchObject({ frames: [{ length: 15, kind: 'either' }, { length: 5 }] })
    expect(['verb', 'topic', 'text'].map((name) => codec.field(codec.slot(name), bytes, 0, 15))).toEqual([
      'SAY',
      "it's",
      'here',
    ])
  })

  test('a length in digits, and a kind in front of an apostrophe', () => {
    const codec = codecOf({ length: 'dec(4)@0', kind: 'ascii(1)@end(length) + 1', fields: "who=until(')@kind" })
    const bytes = new Uint8Array(Buffer.from("9:1ann'more"))
    expect(decodeFrames(codec, bytes).frames).toMatchObject([{ length: 10, kind: 'request' }])
    expect(codec.field(codec.slot('who'), bytes, 0, 10)).toBe('ann')
  })

  test('bytes that every frame ends with', () => {
    const codec = codecOf({ counts: 'rest+1', suffix: '0xce', fields: 'body=bytes@5' })
    const good = parseHex('00000003 01 6869 ce')
    expect(decodeFrames(codec, good).frames).toMatchObject([{ length: 8, kind: 'request' }])
    expect(Buffer.from(codec.field(codec.slot('body'), good, 0, 8) as Uint8Array).toString()).toBe('hi')
    expect(decodeFrames(codec, parseHex('00000003 01 6869 cf')).stopped).toEqual({ at: 0, error: 'badEnd' })
    const two = codecOf({ suffix: String.raw`\x55\xaa` })
    expect(decodeFrames(two, parseHex('00000007 01 55aa')).frames).toMatchObject([{ length: 7 }])
  })

  test('sides that nothing tells apart are variants', () => {
    const codec = codecOf({
      sides: 'yes',
      id: 'u32@8',
      replyId: 'u32@4',
      status: 'u16@8',
      fields: 'api=u16@4',
    })
    expect(codec.modes).toContain('shared')
    const request = parseHex('0000000c 0003 0001 00000007')
    expect(decodeFrames(codec, request).frames).toMatchObject([{ kind: 'request', id: 7n }])
    expect(codec.field(codec.slot('api'), request, 0, 12)).toBe(3)
    const reply = parseHex('0000000a 00000007 0005')
    expect(decodeFrames(codec.upstream!, reply).frames).toMatchObject([
      { kind: 'response', id: 7n, status: 5, error: true },
    ])
  })

  test('replies of several frames', () => {
    const more = 'u8@6&0x80=0x80'
    const codec = codecOf({ id: 'u8@5', fields: 'name=str(u8)@7', more })
    const bytes = parseHex('00000008 02 07 80 00 00000008 02 07 00 00')
    expect(decodeFrames(codec, bytes).frames.map((frame) => frame.more)).toEqual([true, false])
    const sides = codecOf({ sides: 'yes', id: 'u8@4', more: 'u8@5=1' })
    expect([sides.parted, sides.upstream?.parted]).toEqual([undefined, true])
  })

  test.each([
    ['replies in order, no id', { ordered: 'yes', kind: 'either' }],
    ['a server that speaks first', { first: 'server', id: 'u32@5' }],
    ['digits as length', { length: 'ascii(4)@0', counts: 'rest', kind: 'u8@length' }],
    ['nothing', {}],
  ])('%s', (_, answers) => {
    codecOf(answers)
  })

  test.each([
    [{ length: 'u33@0' }, /^length \(.*"u33@0": there is no type "u33"/],
    [{ length: 'str(u8)@0' }, /this is a number/],
    [{ length: String.raw`until(\q)` }, /1 to 16 bytes/],
    [{ sides: 'perhaps' }, /yes or no/],
    [{ suffix: 'x'.repeat(17) }, /1 to 16 bytes/],
    [{ more: 'u8@6' }, /as u8@5&0x80=0x80/],
    [{ length: String.raw`until(\n)`, escape: 'sleep' }, /slip, hdlc or dle/],
    [{ length: String.raw`until(\n)`, opens: ''.padEnd(17, 'x') }, /1 to 16 bytes/],
    [{ kind: 'verb' }, /no field "verb" to route by/],
    [{ kind: 'u8@4', kinds: 'A=request' }, /"A": values of u8 are numbers/],
    [{ fields: 'first=words[0]' }, /no list or map "words"/],
    [{ fields: 'words=list@8' }, /say of what: list\(str\(u8\)\)/],
    [{ fields: 'words=list(string)@8' }, /no type "string"; did you mean "str\(u16\)"/],
    [{ fields: 'text=str@8, tail=u8@text' }, /"tail" stands behind "text", which goes up to the end/],
    [{ kind: 'either', fields: 'q=u8@4:request' }, /nothing in a frame says its kind/],
    [{ fields: 'q=u8@5:push' }, /"kinds" has no push/],
    [{ status: 'u8' }, /write a type and a place/],
    [{ kinds: '1=reqest' }, /there is no kind "reqest"; did you mean "request"/],
    [{ fields: 'id=u8@0' }, /"id" is asked for on its own/],
    [{ lenght: 'u8@0' }, /no question "lenght"; did you mean "length"/],
    [{ connections: 'pooled' }, /"pooled": one or more of shared, bound, exclusive/],
  ] as readonly [AnswerTexts, RegExp][])('a wrong answer is refused with the question: %o', (answers, message) => {
    expect(() => newProtocol(answers)).toThrow(message)
  })
})
