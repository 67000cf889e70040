import { afterEach, describe, expect, it, vi } from 'vitest'
import { complain, reasonOf } from './complain.ts'

afterEach(() => vi.restoreAllMocks())

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
})
