import { describe, expect, it } from 'vitest'
import { hotUpdate } from '../../bench/hotupdate.ts'

/** The short version of `npm run bench:hotupdate`. */
describe.each(['delta', 'sotw'] as const)('make before break, %s', (mode) => {
  it('200 random changes under load lose no request, with retries off', async () => {
    const { sent, lost, losses, rejected } = await hotUpdate({ mode, changes: 200, rate: 200, seed: 7 })
    expect(sent).toBeGreaterThan(200)
    expect({ lost, losses, rejected }).toEqual({ lost: 0, losses: {}, rejected: {} })
  })
})
