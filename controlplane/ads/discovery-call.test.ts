import { expect, test } from 'vitest'
import { isPlain, percentCoded } from './discovery-call.ts'

test.each([
  [true, 'messages and a status', { 'content-type': 'application/grpc' }],
  [true, 'identity', { 'content-type': 'application/grpc+proto', 'grpc-encoding': 'identity' }],
  [false, 'compressed messages', { 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' }],
  [false, 'deadlines', { 'content-type': 'application/grpc', 'grpc-timeout': '5S' }],
  [false, 'what is no gRPC', { 'content-type': 'text/plain' }],
])('%s: a call with %s is taken as it comes, the others are left to grpc-js', (expected, _what, headers) => {
  expect(isPlain(headers as never)).toBe(expected)
})

test.each([
  ['plain', 'plain'],
  ['100% ü', '100%25 %C3%BC'],
  ['two\nlines', 'two%0Alines'],
  ['half \ud800 a pair', 'half %EF%BF%BD a pair'],
])('grpc-message of %j', (text, coded) => {
  expect(percentCoded(text)).toBe(coded)
})
