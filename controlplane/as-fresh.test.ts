import { describe, it } from 'vitest'
import { random } from '../codecs/mutated.ts'
import { everyKind, exampleMesh, foundMesh, NODES } from '../test/helpers/every-kind.ts'
import { seedFor } from '../test/helpers/repeat.ts'
import { Walk } from '../test/helpers/walk.ts'

/** How many times as many walks as usual. */
const WALKS = Number(process.env['MESHGATE_WALKS'] ?? 1)
const STEPS = 25
const CHECK_EVERY = 5

describe('after any sequence of changes every class is served what a control plane that starts now would serve', () => {
  it.for([
    { of: 'every kind', documents: everyKind, walks: 7, seed: 20_261_123 },
    { of: 'the examples', documents: exampleMesh, walks: 1, seed: 1 },
    { of: 'real documents of others', documents: foundMesh, walks: 1, seed: 1 },
  ])('$of', { timeout: 120_000 * WALKS }, async ({ documents, walks, seed: usual }, { task, skip }) => {
    const start = await documents()
    skip(start.length === 0, 'the documents are not on this machine')
    const seed = seedFor(task, usual)
    for (let walked = 0; walked < walks * WALKS; walked++) {
      const walk = new Walk(start, NODES, random(seed + walked), seed + walked)
      try {
        for (let step = 1; step <= STEPS; step++) {
          walk.step()
          if (step % CHECK_EVERY === 0) walk.check()
        }
      } catch (error) {
        throw new Error(`walk of seed ${seed + walked}, behind these changes:\n${walk.last(30)}`, { cause: error })
      }
    }
  })
})
