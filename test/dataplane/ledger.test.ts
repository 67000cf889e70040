import { describe, expect, it } from 'vitest'
import type { ConnectionMode } from '../../codecs/contract.ts'
import { seedFor } from '../helpers/repeat.ts'
import { keepLedger, outcomes } from './ledger.ts'

const MESSAGES = 20_000
/** Few where each request takes a connection, or the machine does nothing but connect. */
const WINDOW = { shared: 8, bound: 8, exclusive: 2 }

const WAYS: {
  readonly name: string
  readonly mode: ConnectionMode
  readonly id?: 'u8' | 'u16'
  readonly cancels?: true
}[] = [
  { name: 'shared', mode: 'shared' },
  { name: 'shared, ids of 16 bits', mode: 'shared', id: 'u16' },
  { name: 'shared, ids of 8 bits', mode: 'shared', id: 'u8' },
  { name: 'bound', mode: 'bound' },
  { name: 'exclusive', mode: 'exclusive' },
  { name: 'shared, clients end requests', mode: 'shared', cancels: true },
  { name: 'shared, ids of 8 bits, clients end requests', mode: 'shared', id: 'u8', cancels: true },
  { name: 'bound, clients end requests', mode: 'bound', cancels: true },
  { name: 'exclusive, clients end requests', mode: 'exclusive', cancels: true },
]

describe.each(WAYS)('ledger, $name', ({ mode, id, cancels }) => {
  it('every request has exactly one outcome while upstreams are killed, leave the configuration and come back', {
    timeout: 240_000,
  }, async ({ task }) => {
    const account = await keepLedger({
      mode,
      ...(id && { id }),
      ...(cancels && { cancels }),
      connections: 50,
      messages: MESSAGES,
      window: WINDOW[mode],
      requestTimeoutMs: 3000,
      seed: seedFor(task, 20_260_000 + mode.length),
    })
    expect(account.wrong).toEqual([])
    expect(account.miscounted).toEqual([])
    expect(account.sent).toBe(MESSAGES)
    expect(outcomes(account)).toBe(account.sent)
    if (cancels) expect(account.cancelled).toBeGreaterThan(account.sent / 100)
    else expect(account.cancelled).toBe(0)
    expect(Math.min(account.kills, account.cuts, account.configurations)).toBeGreaterThan(0)
    // Harm is paced by messages, so most get through on any machine.
    expect(account.replied).toBeGreaterThan(account.sent / 2)
  })
})
