import { create, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  DeltaDiscoveryRequestSchema,
  DiscoveryRequestSchema,
} from '../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts'
import { readDeltaRequest, readSotwRequest } from '../../test/helpers/read-request.ts'
import { RequestTooLarge } from './read-names.ts'
import { WireError } from './wire.ts'

const LIMITS = { names: 100, nameLength: 100 }
const text = fc.string({ unit: 'grapheme', maxLength: 10 })
/** Long enough, at times, to be remembered by their bytes. */
const names = fc.array(text, { maxLength: 40 })

const delta = create(DeltaDiscoveryRequestSchema, {
  node: { id: 'n' },
  typeUrl: 'type',
  resourceNamesSubscribe: ['a', 'b'],
  resourceNamesUnsubscribe: ['c'],
  initialResourceVersions: { d: '1', e: '2' },
  responseNonce: 'nonce',
  errorDetail: { code: 13, message: 'why' },
})

test('reads what the generated codec writes, delta', () => {
  fc.assert(
    fc.property(
      names,
      names,
      fc.dictionary(text, text),
      text,
      fc.option(text),
      (subscribe, unsubscribe, versions, nonce, error) => {
        const message = create(DeltaDiscoveryRequestSchema, {
          ...delta,
          resourceNamesSubscribe: subscribe,
          resourceNamesUnsubscribe: unsubscribe,
          initialResourceVersions: versions,
          responseNonce: nonce,
        })
        message.errorDetail =
          error === null
            ? undefined
            : create(DeltaDiscoveryRequestSchema, { errorDetail: { code: 3, message: error } }).errorDetail
        const bytes = Buffer.from(toBinary(DeltaDiscoveryRequestSchema, message))
        readDeltaRequest(bytes, LIMITS)
        const read = readDeltaRequest(bytes, LIMITS)
        expect(read).toMatchObject({ typeUrl: 'type', subscribe, unsubscribe, nonce })
        expect(Object.fromEntries(read.initialVersions)).toEqual({ ...versions })
        expect(read.error?.message).toBe(error ?? undefined)
      },
    ),
    { numRuns: 200 },
  )
})

test('reads what the generated codec writes, state of the world', () => {
  fc.assert(
    fc.property(names, text, text, (resourceNames, versionInfo, responseNonce) => {
      const message = create(DiscoveryRequestSchema, { resourceNames, versionInfo, responseNonce, typeUrl: 'type' })
      const bytes = Buffer.from(toBinary(DiscoveryRequestSchema, message))
      readSotwRequest(bytes, LIMITS)
      const read = readSotwRequest(bytes, LIMITS)
      expect(read).toMatchObject({ names: resourceNames, version: versionInfo, nonce: responseNonce, node: undefined })
    }),
    { numRuns: 200 },
  )
})

test('cut anywhere, a request is a shorter one or malformed, never anything else', () => {
  const bytes = Buffer.from(toBinary(DeltaDiscoveryRequestSchema, delta))
  for (let cut = 0; cut < bytes.length; cut++) {
    try {
      readDeltaRequest(bytes.subarray(0, cut), LIMITS)
    } catch (error) {
      expect(error).toBeInstanceOf(WireError)
    }
  }
})

test('random bytes are read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const read of [readDeltaRequest, readSotwRequest]) {
        try {
          read(Buffer.from(bytes), LIMITS)
        } catch (error) {
          expect(error instanceof WireError || error instanceof RequestTooLarge).toBe(true)
        }
      }
    }),
    { numRuns: 2000 },
  )
})

test('limits are checked before memory is taken', () => {
  const many = create(DiscoveryRequestSchema, { resourceNames: Array(101).fill('a') })
  const long = create(DiscoveryRequestSchema, { resourceNames: ['x'.repeat(101)] })
  const read = (message: typeof many) => () =>
    readSotwRequest(Buffer.from(toBinary(DiscoveryRequestSchema, message)), LIMITS)
  expect(read(many)).toThrow(/more than 100 resource names/)
  expect(read(long)).toThrow(/101 bytes.*up to 100/)
})

test('each name costs the same, however many there are and whatever stands between them', () => {
  const most = 100_000
  const all = Array.from({ length: most }, (_, index) => `name-${index}`)
  const field = (number: number, name: string) => Buffer.from([(number << 3) | 2, name.length, ...Buffer.from(name)])
  const limits = { names: most, nameLength: 100 }
  const turns = Buffer.concat(all.flatMap((name) => [field(3, name), field(4, name)]))
  expect(readDeltaRequest(turns, limits)).toMatchObject({ subscribe: all, unsubscribe: all })
  const located = Buffer.concat(all.map((name) => Buffer.from([(9 << 3) | 2, name.length + 2, ...field(1, name)])))
  expect(readDeltaRequest(located, limits).unsubscribe).toEqual(all)
})
