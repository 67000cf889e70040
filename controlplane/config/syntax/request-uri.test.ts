import { describe, expect, it } from 'vitest'
import { requestUriScheme } from './request-uri.ts'

describe('the scheme of a URI as Go reads it', () => {
  it.each([
    ['oci://ghcr.io/a/b:v1', 'oci'],
    ['HTTP://a', 'http'],
    ['localhost:5000/x', 'localhost'],
    ['/a b', ''],
    ['//host/x', ''],
    ['http://[::1]:80/x', 'http'],
    ['a/b', undefined],
    ['1.2.3.4:5000/x', undefined],
    [':a', undefined],
    ['', undefined],
    ['http://a b/', undefined],
    ['http://a/%zz', undefined],
    ['http://a:port/', undefined],
    ['http://2001:db8::/32', undefined],
    ['http://a[b', undefined],
  ])('%s: %s', (value, scheme) => expect(requestUriScheme(value)).toBe(scheme))
})
