import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Codec, emptyFrame } from './contract.ts'
import { codec as handGame } from './game/codec.ts'
import { protocolFile, shippedCodec } from './load.ts'
import { codecSuite } from './suite.ts'
import { splitStream } from './survive.ts'
import { codec as handThrift } from './thrift/codec.ts'
import { parseHex } from './tools/decode.ts'
import { parseVectors } from './tools/vectors.ts'

/** The compiled document and the codec written by hand must not differ in anything one can observe. */
const twins = [
  { name: 'game', written: handGame, skip: /$^/ },
  { name: 'thrift', written: handThrift, skip: /^header/ },
] as const

for (const { name, written, skip } of twins) {
  const compiled = await shippedCodec(name)
  const { vectors } = parseVectors(readFileSync(protocolFile(name, 'vectors.yaml'), 'utf8'))
  const corpus = vectors.filter((vector) => vector.frames && !skip.test(vector.name)).map(({ hex }) => parseHex(hex))
  const streams = fc.tuple(
    fc.array(fc.constantFrom(...corpus), { minLength: 1, maxLength: 4 }),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
  )

  codecSuite(`${name}, written by hand`, written, corpus, { lengthField: { at: 0, bytes: 4 } })

  describe(`${name}: the compiled document and the codec written by hand`, () => {
    test('promise a proxy the same', () => {
      const promises = ({ modes, ordered, idBits, reservedIds, maxFrame }: Codec) => ({
        modes: [...modes].sort(),
        ordered,
        idBits,
        reservedIds: reservedIds ?? [],
        maxFrame,
      })
      expect(promises(written)).toEqual(promises(compiled))
    })

    test('split every stream alike, valid and broken', () => {
      fc.assert(
        fc.property(streams, ([list, changes]) => {
          const bytes = broken(list, changes)
          // Variants that only the document knows.
          if (bytes.includes(0x0f)) return
          // With two mistakes in one frame, which of them is named is no promise.
          const verdict = ({ frames, error }: ReturnType<typeof splitStream>) => ({ frames, refused: error < 0 })
          expect(verdict(splitStream(written, [bytes]))).toEqual(verdict(splitStream(compiled, [bytes])))
        }),
        { numRuns: 500 },
      )
    })

    test('see the same message and the same fields', () => {
      const ours = emptyFrame()
      const theirs = emptyFrame()
      fc.assert(
        fc.property(streams, ([list, changes]) => {
          const bytes = broken(list.slice(0, 1), changes)
          const length = compiled.frameLength(bytes, 0, bytes.length)
          if (length <= 0 || length > bytes.length || bytes.includes(0x0f)) return
          const refused = compiled.inspect(bytes, 0, length, ours) < 0
          expect(written.inspect(bytes, 0, length, theirs) < 0).toBe(refused)
          if (refused) return
          expect(theirs).toEqual(ours)
          expect(values(written, compiled, bytes, length)).toEqual(values(compiled, written, bytes, length))
        }),
        { numRuns: 500 },
      )
    })

    test('answer alike', () => {
      for (const bytes of corpus) {
        for (const kind of ['error', 'heartbeat', 'ping', 'goaway'] as const) {
          const theirs = written.reply?.(kind, bytes, 0, bytes.length, 404, 'not found')
          const ours = compiled.reply?.(kind, bytes, 0, bytes.length, 404, 'not found')
          expect(theirs && Buffer.from(theirs).toString('hex')).toBe(ours && Buffer.from(ours).toString('hex'))
        }
      }
    })

    test('write ids alike', () => {
      fc.assert(
        fc.property(fc.constantFrom(...corpus), fc.integer(), (bytes, id) => {
          const theirs = bytes.slice()
          const ours = bytes.slice()
          expect(written.writeId?.(theirs, 0, bytes.length, id, 0)).toBe(
            compiled.writeId?.(ours, 0, bytes.length, id, 0),
          )
          expect(theirs).toEqual(ours)
          if (compiled.spliceId) {
            expect(written.spliceId?.(bytes, 0, bytes.length, id, 0)).toEqual(
              compiled.spliceId(bytes, 0, bytes.length, id, 0),
            )
          }
        }),
      )
    })
  })
}

function broken(list: readonly Uint8Array[], changes: readonly (readonly [number, number])[]): Uint8Array {
  const bytes = new Uint8Array(Buffer.concat(list))
  for (const [place, value] of changes) bytes[place % bytes.length] = value
  return bytes
}

/** Values of the fields both know. */
function values(codec: Codec, other: Codec, bytes: Uint8Array, length: number): Record<string, string> {
  const common = codec.fields.filter(({ name }) => other.slot(name) >= 0)
  return Object.fromEntries(common.map(({ name, slot }) => [name, String(codec.field(slot, bytes, 0, length))]))
}
