import { ScalarType } from '@bufbuild/protobuf'
import { expect, it } from 'vitest'
import { canonicalScalar, durationText, timestampText } from './lenient.ts'

it.each([
  [ScalarType.UINT64, '1e19', '10000000000000000000'],
  [ScalarType.INT32, '-0x10', -16],
  [ScalarType.INT32, '007', '007'],
  [ScalarType.INT32, '.5e1', 5],
  [ScalarType.INT32, '1_000', '1_000'],
  [ScalarType.DOUBLE, ' 5. ', 5],
  [ScalarType.DOUBLE, 'NaN', 'NaN'],
  [ScalarType.STRING, '1e3', '1e3'],
  [ScalarType.BOOL, 'N', false],
])('scalar type %i: %j is %j', (type, written, canonical) => {
  expect(canonicalScalar(type, written)).toBe(canonical)
})

it('times as seconds and nanoseconds are texts', () => {
  expect(timestampText({ seconds: '1767225600', nanos: 5_000_000 })).toBe('2026-01-01T00:00:00.005Z')
  expect(timestampText({ seconds: -1 })).toBe('1969-12-31T23:59:59Z')
  expect(timestampText({ seconds: 1e15 })).toBeUndefined()
  expect(timestampText({ seconds: 1, nanos: -5 })).toBeUndefined()
  expect(durationText({ seconds: null, nanos: 1 })).toBe('0.000000001s')
})
