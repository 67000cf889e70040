import { afterEach, describe, expect, it, vi } from 'vitest'
import { complain, complainTo, reasonOf } from './complain.ts'

afterEach(() => {
  vi.restoreAllMocks()
  complainTo()
})

describe('complaints', () => {
  it('are one line, and of OpenSSL its reason', () => {
    expect(reasonOf(new Error('a\n  b\n'))).toBe('a; b')
    const tls = Object.assign(new Error('80BC:error:0A00010B:SSL routines:f:wrong version number:x.c:350:\n'), {
      reason: 'wrong version number',
    })
    expect(reasonOf(tls)).toBe('wrong version number')
  })

  it('are said at once, then once a minute with how often it happened since', () => {
    const lines: string[] = []
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      lines.push(String(text))
      return true
    })
    for (let second = 0; second <= 60; second++) complain('host a', 'refused', second * 1000)
    complain('host b', 'refused', 60_000)
    expect(lines).toEqual([
      'host a: refused\n',
      'host a: refused (and 59 times more since it was last said)\n',
      'host b: refused\n',
    ])
  })

  it('of workers are counted together where they are said', () => {
    const told: unknown[] = []
    complainTo((...one) => told.push(one))
    complain('name w', 'not found', 0)
    complain('name w', 'not found', 100)
    complain('name w', 'not found', 200, 7)
    complain('name w', 'not found', 60_000, 3)
    expect(told).toEqual([
      ['name w', 'not found', 0],
      ['name w', 'not found', 1 + 1 + 7 + 3],
    ])
  })

  it('of a thousand other things make one forgotten, those said longest ago first', () => {
    const told: string[] = []
    complainTo((thing) => told.push(thing))
    const of = (from: number, count: number, at: number) => {
      for (let i = from; i < from + count; i++) complain(`thing ${i}`, 'x', at)
    }
    of(0, 1000, 100_000)
    told.length = 0
    of(999, 1, 100_001)
    expect(told).toEqual([])
    of(1000, 1, 100_002)
    of(1, 1, 100_003)
    expect(told).toEqual(['thing 1000'])
    of(0, 1, 100_004)
    expect(told).toEqual(['thing 1000', 'thing 0'])
  })
})
