import { expect, test } from 'vitest'
import { isLoopback } from './loopback.ts'

test.each(['127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1', 'localhost'])('%s is this machine only', (host) => {
  expect(isLoopback(host)).toBe(true)
})

test.each([
  '0.0.0.0',
  '::',
  '10.0.0.1',
  '::ffff:10.0.0.1',
  '127.0.0.1.example',
  '127.0.0.999',
  'localhost.example',
  '',
])('%j is not', (host) => {
  expect(isLoopback(host)).toBe(false)
})
