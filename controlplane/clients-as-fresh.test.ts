import { setImmediate as turn } from 'node:timers/promises'
import { describe, it, onTestFinished, vi } from 'vitest'
import { random } from '../codecs/mutated.ts'
import { ClientWalk } from '../test/helpers/client-walk.ts'
import { everyKind, NODES } from '../test/helpers/every-kind.ts'
import { seedFor } from '../test/helpers/repeat.ts'

/** How many times as many walks as usual. */
const WALKS = Number(process.env['MESHGATE_WALKS'] ?? 1)
const STEPS = 60
const CHECK_EVERY = 20
const CLIENTS = 4

describe('a client that lived through any sequence of changes has what a new client of a new control plane gets', () => {
  it.for([
    { of: 'clients that take everything', refusing: 0, walks: 10, seed: 1 },
    { of: 'clients that refuse some of it', refusing: 40, walks: 10, seed: 2 },
  ])('$of', { timeout: 120_000 * WALKS }, async ({ refusing, walks, seed: usual }, { task }) => {
    const start = await everyKind()
    const seed = seedFor(task, usual)
    // The walk's clock is that of the mesh, too: draws depend on nothing else.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    for (let walked = 0; walked < walks * WALKS; walked++) {
      const any = random(seed + walked)
      const nodes = Array.from({ length: CLIENTS }, () => NODES[any(NODES.length)]!)
      // Two of one class: what one of them says must not concern the other.
      nodes[1] = { ...nodes[0]!, id: nodes[0]!.id.replace('~10.', '~11.') }
      const walk = new ClientWalk(start, nodes, any, refusing, (ms) => vi.advanceTimersByTime(ms))
      try {
        for (let step = 1; step <= STEPS; step++) {
          walk.step()
          if (step % CHECK_EVERY === 0) walk.check()
        }
      } catch (error) {
        throw new Error(`walk of seed ${seed + walked}, behind these steps:\n${walk.last(40)}`, { cause: error })
      }
      // What nothing refers to weakly any more can go.
      await turn()
    }
  })
})
