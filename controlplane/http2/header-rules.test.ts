import { expect, test } from 'vitest'
import { areTrailers, requestHeaders } from './header-rules.ts'
import type { Header } from './hpack.ts'

const REQUEST: readonly Header[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/service/method'],
]

test('headers that came twice are joined, cookies in their own way', () => {
  const twice: readonly Header[] = [...REQUEST, ['x', '1'], ['x', '2'], ['cookie', 'a=1'], ['cookie', 'b=2']]
  expect(requestHeaders(twice)).toMatchObject({ ':path': '/service/method', x: '1, 2', cookie: 'a=1; b=2' })
})

test.each<[string, readonly Header[]]>([
  ['no path', REQUEST.slice(0, 2)],
  ['an empty path', [...REQUEST.slice(0, 2), [':path', '']]],
  ['a pseudo-header twice', [...REQUEST, [':path', '/']]],
  ['one that is not known', [...REQUEST, [':status', '200']]],
  ['one behind the others', [['x', '1'], ...REQUEST]],
  ['capitals', [...REQUEST, ['X', '1']]],
  ['a header about the connection', [...REQUEST, ['connection', 'close']]],
  ['te other than trailers', [...REQUEST, ['te', 'gzip']]],
])('a request with %s is malformed', (_what, headers) => {
  expect(requestHeaders(headers)).toBeUndefined()
})

test('trailers have no pseudo-headers', () => {
  expect(areTrailers([['x', '1']])).toBe(true)
  expect(areTrailers([[':path', '/']])).toBe(false)
})
