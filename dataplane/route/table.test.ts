import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codec as game } from '../../codecs/game/codec.ts'
import type { FieldMatch } from '../configuration.ts'
import { compileMatches } from './condition.ts'
import { compileLookup } from './table.ts'

function frame(msgid: number, uid = 0n, body = ''): Buffer {
  const bytes = Buffer.alloc(24 + body.length)
  bytes.writeUInt32BE(bytes.length, 0)
  bytes.writeUInt16BE(0x4d47, 4)
  bytes[6] = 1
  bytes.writeUInt32BE(msgid, 8)
  bytes.writeBigUInt64BE(uid, 16)
  bytes.write(body, 24)
  return bytes
}

const find = (routes: readonly (readonly FieldMatch[])[], bytes: Buffer) =>
  compileLookup(
    game,
    routes.map((match) => ({ match })),
  )(bytes, 0, bytes.length)

const id = (n: number): FieldMatch => ({ field: 'msgid', exact: String(n) })

describe('routes', () => {
  it('the first that matches wins, however it was found', () => {
    const routes: FieldMatch[][] = [
      [id(1), { field: 'uid', exact: '7' }],
      [{ field: 'msgid', ranges: [{ first: 0n, last: 10n }] }],
      [id(1)],
      [id(11)],
      [],
      [id(12)],
    ]
    expect(find(routes, frame(1, 7n))).toBe(0)
    expect(find(routes, frame(1, 8n))).toBe(1)
    expect(find(routes, frame(11))).toBe(3)
    expect(find(routes, frame(12))).toBe(4)
    expect(find(routes.slice(0, 4), frame(12))).toBe(-1)
  })

  it('more ranges than can be cut into pieces are looked at one by one, and found all the same', () => {
    const nested = Array.from({ length: 1500 }, (_, i): FieldMatch[] => [
      { field: 'msgid', ranges: [{ first: BigInt(i), last: BigInt(10_000 - i) }] },
    ])
    const routes = [...nested.slice(1).reverse(), [id(7)], nested[0]!]
    const found = [2000, 1499, 1, 0, 10_000, 10_001].map((n) => find(routes, frame(n)))
    expect(found).toEqual([0, 0, 1498, 1500, 1500, -1])
  })

  it.each([
    ['close together', [100, 101, 103, 104]],
    ['close together above 2^31', [2 ** 31 + 1, 2 ** 31 + 2, 2 ** 31 + 4]],
    ['on both sides of 2^31', [2 ** 31 - 1, 2 ** 31]],
    ['far apart', [0, 5_000, 2 ** 32 - 1]],
  ])('ids %s are found, those around them are not', (_, ids) => {
    const routes = ids.map((n) => [id(n)])
    for (const n of ids) {
      expect(find(routes, frame(n))).toBe(ids.indexOf(n))
      for (const other of [n - 1, n + 1, n - 10, n + 10]) {
        if (other >= 0 && other < 2 ** 32) expect(find(routes, frame(other))).toBe(ids.indexOf(other))
      }
    }
  })

  it.each<[string, FieldMatch, boolean]>([
    ['an integer as text', { field: 'uid', exact: '18446744073709551615' }, true],
    ['a value by its name', { field: 'kind', exact: 'request' }, true],
    ['another value by its name', { field: 'kind', exact: 'push' }, false],
    ['one of several', { field: 'msgid', in: ['1', '4000000000'] }, true],
    ['a range above 2^31', { field: 'msgid', ranges: [{ first: 3_999_999_999n, last: 4_000_000_000n }] }, true],
    ['a range of 64 bits', { field: 'uid', ranges: [{ first: 2n ** 63n, last: 2n ** 64n - 1n }] }, true],
    ['prefix of text', { field: 'body', prefix: 'hel' }, true],
    ['suffix of text', { field: 'body', suffix: 'llo' }, true],
    ['exact bytes', { field: 'body', exact: 'hello' }, true],
    ['a pattern must match the whole value', { field: 'body', regex: 'h.*l' }, false],
    ['a pattern that does', { field: 'body', regex: 'h.*o' }, true],
    ['a pattern on an integer', { field: 'msgid', regex: '4.*' }, true],
    ['presence', { field: 'body', present: true }, true],
    ['a field the protocol does not have', { field: 'nothing', exact: '' }, false],
    ['absence of such a field', { field: 'nothing', present: false }, true],
    ['inverted', { field: 'msgid', exact: '5', invert: true }, true],
    ['a text that is no integer', { field: 'msgid', exact: 'x' }, false],
  ])('%s', (_, match, matches) => {
    const bytes = frame(4_000_000_000, 2n ** 64n - 1n, 'hello')
    expect(compileMatches(game, [match])!(bytes, 0, bytes.length)).toBe(matches)
    // The same through the table, where the field becomes its key.
    expect(find([[match], [match]], bytes)).toBe(matches ? 0 : -1)
  })

  it('a number that a field cannot be is no value of it, whatever its low bits are', () => {
    const exact = (field: string, ...values: readonly (number | bigint)[]): FieldMatch =>
      values.length === 1 ? { field, exact: String(values[0]) } : { field, in: values.map(String) }
    const tables: FieldMatch[][][] = [
      [[exact('msgid', 2 ** 32)], [exact('msgid', -1)], [exact('msgid', 0, 2 ** 32 + 1)], [exact('msgid', 7)]],
      [[exact('uid', 2n ** 64n + 5n)], [exact('uid', -1)], [exact('uid', 5, 8)]],
    ]
    for (const routes of tables) {
      for (const [bytes, route] of [
        [frame(0, 2n ** 64n - 1n), routes.length === 4 ? 2 : -1],
        [frame(2 ** 32 - 1, 5n), routes.length === 4 ? -1 : 2],
        [frame(1, 6n), -1],
      ] as const) {
        expect(find(routes, bytes)).toBe(route)
        expect(routes.findIndex((match) => compileMatches(game, match)?.(bytes, 0, bytes.length))).toBe(route)
      }
    }
  })

  it('texts of several routes, some of which have more than one', () => {
    const body = (...list: string[]): FieldMatch => ({ field: 'body', in: list })
    const routes: FieldMatch[][] = [[body('a', 'b')], [{ field: 'body', exact: 'c' }], [body('c', 'd', 'd')], [id(7)]]
    expect(['a', 'b', 'c', 'd', 'e', ''].map((text) => find(routes, frame(1, 0n, text)))).toEqual([0, 0, 1, 2, -1, -1])
    expect(find(routes, frame(7, 0n, 'e'))).toBe(3)
  })

  it('an edit after which another field leads to most routes', () => {
    const stays: FieldMatch[] = [id(1), { field: 'uid', exact: '7' }]
    const [byId, byUid] = [
      [stays, [id(2)], [id(3)]],
      [stays, [{ field: 'uid', exact: '8' }], [{ field: 'uid', exact: '9' }]],
    ] as FieldMatch[][][]
    for (const routes of [byId!, byUid!, byId!]) {
      expect(find(routes, frame(1, 7n))).toBe(0)
      expect(find(routes, frame(1, 6n))).toBe(-1)
      expect(find(routes, frame(4, 7n))).toBe(-1)
      expect(find(routes, frame(3, 9n))).toBe(2)
    }
  })

  it('finds what trying one route after the other finds', () => {
    const value = fc.integer({ min: 0, max: 12 })
    const match = fc.oneof(
      value.map((n): FieldMatch => id(n)),
      fc
        .array(value, { minLength: 1, maxLength: 4 })
        .map((list): FieldMatch => ({ field: 'msgid', in: list.map(String) })),
      fc.tuple(value, value).map(
        ([a, b]): FieldMatch => ({
          field: 'msgid',
          ranges: [{ first: BigInt(Math.min(a, b)), last: BigInt(Math.max(a, b)) }],
        }),
      ),
      fc.constantFrom<FieldMatch>(
        { field: 'uid', exact: '1' },
        { field: 'msgid', exact: '3', invert: true },
        { field: 'body', exact: 'a' },
        { field: 'body', in: ['a', 'b'] },
        { field: 'body', prefix: 'b' },
      ),
    )
    fc.assert(
      fc.property(
        fc.array(fc.array(match, { maxLength: 2 }), { maxLength: 12 }),
        value,
        fc.constantFrom(0n, 1n),
        fc.constantFrom('', 'a', 'b'),
        (routes, n, uid, body) => {
          const bytes = frame(n, uid, body)
          const naive = routes.findIndex((matches) => compileMatches(game, matches)?.(bytes, 0, bytes.length) ?? true)
          expect(find(routes, bytes)).toBe(naive)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('ten thousand ids are all found', () => {
    const lookup = compileLookup(
      game,
      Array.from({ length: 10_000 }, (_, i) => ({ match: [id(i * 429_497)] })),
    )
    for (let i = 0; i < 10_000; i++) {
      const bytes = frame(i * 429_497)
      expect(lookup(bytes, 0, bytes.length)).toBe(i)
    }
    const miss = frame(1)
    expect(lookup(miss, 0, miss.length)).toBe(-1)
  })
})
