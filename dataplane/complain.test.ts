import { afterEach, describe, expect, it, vi } from 'vitest'
import { complain } from './complain.ts'

afterEach(() => vi.restoreAllMocks())

describe('complaints', () => {
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
