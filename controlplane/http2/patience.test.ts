import { describe, expect, test } from 'vitest'
import { ConnectionError } from './frames.ts'
import { Patience } from './patience.ts'

function times(count: number, step: () => void): void {
  for (let i = 0; i < count; i++) step()
}

describe('patience with a client', () => {
  test('ends with the frames without a purpose of one tick, and is whole again with the next', () => {
    const patience = new Patience()
    times(20_000, () => patience.frame())
    expect(() => patience.frame()).toThrow(ConnectionError)
    patience.tick()
    times(20_000, () => patience.frame())
  })

  test('a stream that is reset costs as twenty frames', () => {
    const patience = new Patience()
    times(1000, () => patience.reset())
    expect(() => patience.frame()).toThrow('too many frames without a purpose')
  })

  test('ends with the answers that it does not read, whatever the time', () => {
    const patience = new Patience()
    times(1000, () => patience.answer())
    patience.tick()
    patience.check()
    patience.answer()
    expect(() => patience.check()).toThrow('answers that nobody reads')
  })

  test('an answer that left makes room for another', () => {
    const patience = new Patience()
    times(5000, () => {
      patience.answer()
      patience.answered()
    })
    times(1000, () => patience.answer())
    patience.check()
  })
})
