import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { protocolFile, shippedCodec } from '../load.ts'
import { checkProtocol, printIssue, printSummary } from './check.ts'
import { decodeFrames, parseHex, printDecoded } from './decode.ts'
import { parseVectors, runVectors } from './vectors.ts'

const game = await shippedCodec('game')
const request = '0000001d4d470100000186a000000007000000000000000968656c6c6f'

describe('decode', () => {
  test('prints every field with its place, bytes and value', () => {
    const bytes = parseHex(request)
    expect(printDecoded(decodeFrames(game, bytes), bytes)).toBe(
      [
        '@0 29 bytes  request id 7',
        '      0..4     0000001d          length 29 0x1d',
        '      4..6     4d47              check  19783 0x4d47',
        '      6..7     01                kind   1 request',
        '      7..8     00                flags  0',
        '      8..12    000186a0          msgid  100000 0x186a0',
        '     12..16    00000007          id     7',
        '     16..24    0000000000000009  uid    9',
        '     24..29    68656c6c6f        body   5 bytes 68656c6c6f',
      ].join('\n'),
    )
  })

  const document = `{apiVersion: meshgate.io/v1, kind: Protocol, metadata: {name: quiz}, spec: {frame: {length: {at: 0, type: u16, counts: all}},
    message: {kind: {at: 4, type: u8, is: {1: request, 2: response}}}, fields: {op: {at: 5, type: u8}}, connections: [bound]}}`

  test('bytes that no field has are shown where they stand, as words where they are words', () => {
    const { codec } = checkProtocol(document).protocols[0]!
    const bytes = parseHex('000a beef 01 07 61 6e 6e 21')
    expect(printDecoded(decodeFrames(codec!, bytes), bytes).split('\n')).toEqual([
      '@0 10 bytes  request',
      '      0..2     000a              length 10 0xa',
      '      2..4     beef              ?      2 bytes beef',
      '      4..5     01                kind   1 request',
      '      5..6     07                op     7',
      '      6..10    616e6e21          ?      4 bytes 616e6e21 "ann!"',
    ])
  })

  test('leaves the bytes as they are, and shows little-endian lengths of texts in front of them', () => {
    const { codec } = checkProtocol(`{apiVersion: meshgate.io/v1, kind: Protocol, metadata: {name: quiz}, spec: {
      frame: {length: {at: 0, type: u16le, counts: all}}, message: {kind: {at: 2, type: u8, is: {1: request, 2: response}}},
      fields: {method: {at: 3, type: str(u16le)}, body: {after: method, type: bytes, size: rest}}, connections: [bound]}}`)
      .protocols[0]!
    const hex = '0b00 01 0300 616464 010203'.replaceAll(' ', '')
    for (const bytes of [parseHex(hex), Buffer.from(hex, 'hex')]) {
      const { frames } = decodeFrames(codec!, bytes)
      expect(frames[0]!.fields.map(({ name, value }) => [name, value])).toEqual([
        ['length', 11],
        ['kind', 1],
        ['method', 'add'],
        ['body', Uint8Array.of(1, 2, 3)],
      ])
      expect(frames[0]!.fields[2]!.prefix).toEqual({ start: 3, end: 5, value: 3n })
      expect(Buffer.from(bytes).toString('hex')).toBe(hex)
    }
  })

  test('a frame that is shorter than its fields is told so', () => {
    const { codec } = checkProtocol(document).protocols[0]!
    const bytes = parseHex('0005 beef 01')
    expect(printDecoded(decodeFrames(codec!, bytes), bytes, codec!.headerMin)).toBe(
      '@0 belowHeader: the bytes 0005beef01 are no frame; by its length it is shorter than the 6 bytes that the fields of every frame take: ' +
        'what only some frames have needs a `when`',
    )
  })

  test('says where and why it stopped', () => {
    const broken = parseHex(`${request}0000001d4d48`)
    expect(decodeFrames(game, broken).stopped).toEqual({ at: 29, error: 'badMagic' })
    expect(printDecoded(decodeFrames(game, broken), broken)).toContain(
      '@29 badMagic: the bytes 0000001d4d48 are no frame',
    )
    const short = parseHex(request.slice(0, 30))
    expect(printDecoded(decodeFrames(game, short), short)).toBe('@0 cut off: 15 bytes are here, the frame needs 29')
  })

  test.each([
    ['digits', '4d 47:01,02'],
    ['0x', '0x4d 0x47 0x01 0x02'],
    ['xxd', '00000000: 4d47 0102                                MG..'],
    ['hexdump -C', '00000000  4d 47 01 02                                       |MG..|\n00000004'],
  ])('reads hex as %s', (_, text) => {
    expect(Buffer.from(parseHex(text)).toString('hex')).toBe('4d470102')
  })

  test('says what is wrong with hex', () => {
    expect(() => parseHex('4d4')).toThrow(/one is missing/)
    expect(() => parseHex('zz')).toThrow(/"z" is no hex digit/)
  })
})

describe('check', () => {
  test('a shipped document is fine and its summary says what it can', () => {
    const { protocols, errors } = checkProtocol(readFileSync(protocolFile('game'), 'utf8'))
    expect(errors).toBe(0)
    expect(printSummary(protocols[0]!.codec!)).toContain(
      'game: frames of 24 to 1048576 bytes, connections shared, bound, exclusive',
    )
  })

  test('an issue is printed with its place and hint', () => {
    const { protocols, errors } = checkProtocol(
      'kind: Protocol\napiVersion: meshgate.io/v1\nmetadata: {name: x}\nspec: {frame: {length: {at: 0, counts: all}}, frmae: 1}\n',
    )
    expect(errors).toBeGreaterThan(0)
    const text = protocols[0]!.issues.map((issue) => printIssue('x.yaml', issue)).join('\n')
    expect(text).toContain('x.yaml:4:24: error: this is missing (at spec.frame.length.type)')
    expect(text).toContain('→ did you mean "frame"?')
  })

  test('a file without a Protocol, and one that is no YAML, are errors', () => {
    expect(checkProtocol('kind: VirtualService\n').errors).toBe(1)
    expect(checkProtocol('a: [').errors).toBeGreaterThan(0)
  })
})

describe('vectors', () => {
  test('a difference is named', () => {
    const file = parseVectors(
      `protocol: game\nvectors: [{name: one, hex: "${request}", frames: [{kind: response, fields: {msgid: 7, nothing: 1}}]}]`,
    )
    expect(runVectors(game, file)[0]!.failures).toEqual([
      'frame 0 kind: "request", expected "response"',
      'frame 0 msgid: "100000", expected "7"',
      'frame 0 nothing: "no such field", expected 1',
    ])
  })

  test('a wrong file is refused with the place', () => {
    expect(() => parseVectors('protocol: x\nvectors: [{name: 1, hex: "00"}]')).toThrow(/vectors.0.name/)
  })
})

test('the documents in the guide pass the check', () => {
  const guide = readFileSync(new URL('../../docs/protocols.md', import.meta.url), 'utf8')
  const texts = [...guide.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text!)
  const examples = texts.filter((text) => /^kind: Protocol$/m.test(text))
  expect(examples.length).toBeGreaterThan(0)
  for (const text of examples) expect(checkProtocol(text)).toMatchObject({ errors: 0, warnings: 0 })
})
