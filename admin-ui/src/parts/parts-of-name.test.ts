import fc from 'fast-check'
import { expect, test } from 'vitest'
import { partsOfName, wordsOfField } from './parts-of-name.ts'

test.each([
  ['outbound|8080||reviews.default.svc', ['outbound|', '8080||', 'reviews.', 'default.', 'svc']],
  ['VirtualService/default/reviews', ['VirtualService/', 'default/', 'reviews']],
  ['sidecar~10.0.0.1~shop', ['sidecar~', '10.', '0.', '0.', '1~', 'shop']],
  ['/leading', ['/', 'leading']],
  ['', []],
])('%s goes on in the next line behind a sign', (name, parts) => {
  expect(partsOfName(name)).toEqual(parts)
})

test.each([
  ['consecutive5xxErrors', ['consecutive5xx', 'Errors']],
  ['HttpRoute', ['Http', 'Route']],
  ['timeout', ['timeout']],
  ['', []],
])('%s goes on in the next line before a word', (name, words) => {
  expect(wordsOfField(name)).toEqual(words)
})

test('together the parts are the name, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'B', '1', '.', '/', '|', '~', ' ') }), (name) => {
      for (const parts of [partsOfName(name), wordsOfField(name)]) {
        expect(parts.join('')).toBe(name)
        expect(parts).not.toContain('')
      }
    }),
  )
})
