import { describe, expect, it } from 'vitest'
import { newReads, noteWrite, touches, writesNow, writesSince } from './reads.ts'

describe('what was written since a moment', () => {
  const [one, two] = [newReads(undefined), newReads(undefined)]

  it('is all that was written after it and nothing before', () => {
    noteWrite(one)
    const moment = writesNow()
    expect(touches(one, writesSince(moment)!)).toBe(false)
    noteWrite(two)
    expect([one, two].map((reads) => touches(reads, writesSince(moment)!))).toEqual([false, true])
    const later = writesNow()
    noteWrite(one)
    expect([one, two].map((reads) => touches(reads, writesSince(moment)!))).toEqual([true, true])
    expect([one, two].map((reads) => touches(reads, writesSince(later)!))).toEqual([true, false])
  })

  it('cannot be told of a moment so long ago that it is forgotten; of one shortly ago it can for ever', () => {
    const first = writesNow()
    for (let n = 0; n < 100_000; n++) noteWrite(one)
    expect(writesSince(first)).toBeUndefined()
    const moment = writesNow()
    noteWrite(two)
    expect([one, two].map((reads) => touches(reads, writesSince(moment)!))).toEqual([false, true])
  })
})
