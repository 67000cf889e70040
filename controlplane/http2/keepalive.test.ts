import { describe, expect, test } from 'vitest'
import { Keepalive } from './keepalive.ts'

const TIMES = { prefaceMs: 100, keepaliveMs: 1000, keepaliveTimeoutMs: 300 }

describe('a connection in time', () => {
  test('is cut when it did not say what it speaks', () => {
    const keepalive = new Keepalive(0)
    expect(keepalive.tick(99, 0, TIMES, false)).toBeUndefined()
    expect(keepalive.tick(100, 0, TIMES, false)).toBe('cut')
    expect(new Keepalive(0).tick(100, 0, TIMES, true)).toBeUndefined()
  })

  test('is asked when it was silent, once, and cut when no answer comes', () => {
    const keepalive = new Keepalive(0)
    expect(keepalive.tick(999, 0, TIMES, true)).toBeUndefined()
    expect(keepalive.tick(1000, 0, TIMES, true)).toBe('ping')
    expect(keepalive.tick(1299, 0, TIMES, true)).toBeUndefined()
    expect(keepalive.tick(1300, 0, TIMES, true)).toBe('cut')
  })

  test('lives on with anything that comes', () => {
    const keepalive = new Keepalive(0)
    expect(keepalive.tick(1000, 0, TIMES, true)).toBe('ping')
    keepalive.heard()
    expect(keepalive.tick(1300, 0, TIMES, true)).toBeUndefined()
    // Heard at 1000, as of the tick before.
    expect(keepalive.tick(1999, 0, TIMES, true)).toBeUndefined()
    expect(keepalive.tick(2000, 0, TIMES, true)).toBe('ping')
  })

  test('is not blamed for a time in which this process stood still', () => {
    const keepalive = new Keepalive(0)
    expect(keepalive.tick(1000, 0, TIMES, true)).toBe('ping')
    expect(keepalive.tick(2000, 1000, TIMES, true)).toBeUndefined()
    expect(keepalive.tick(2300, 0, TIMES, true)).toBe('cut')
  })
})
