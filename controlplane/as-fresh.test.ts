import { describe, it } from 'vitest'
import { random } from '../codecs/mutated.ts'
import type { PlainDocument } from '../test/helpers/document-changes.ts'
import { everyKind, exampleMesh, foundMesh, NODES } from '../test/helpers/every-kind.ts'
import { seedFor } from '../test/helpers/repeat.ts'
import { Walk } from '../test/helpers/walk.ts'

/** How many times as many walks as usual. */
const WALKS = Number(process.env['MESHGATE_WALKS'] ?? 1)
const STEPS = 25
const CHECK_EVERY = 5

let kinds: Promise<readonly PlainDocument[]> | undefined

/** Where walks begin, how many there are from there, and the seed of the first. */
const MESHES = [
  { of: 'every kind', documents: () => (kinds ??= everyKind()), walks: 7, seed: 20_261_123 },
  { of: 'the examples', documents: exampleMesh, walks: 1, seed: 1 },
  { of: 'real documents of others', documents: foundMesh, walks: 1, seed: 1 },
]

describe('after any sequence of changes every class is served what a control plane that starts now would serve', () => {
  it.for(
    MESHES.flatMap(({ walks, ...mesh }) =>
      Array.from({ length: walks * WALKS }, (_, index) => ({ ...mesh, walk: index + 1 })),
    ),
  )('$of, walk $walk', { timeout: 120_000 }, async ({ documents, seed: usual, walk: turn }, { task, skip }) => {
    const start = await documents()
    skip(start.length === 0, 'the documents are not on this machine')
    const seed = seedFor(task, usual) + turn - 1
    const walk = new Walk(start, NODES, random(seed), seed)
    try {
      for (let step = 1; step <= STEPS; step++) {
        walk.step()
        if (step % CHECK_EVERY === 0) walk.check()
      }
    } catch (error) {
      throw new Error(`walk of seed ${seed}, behind these changes:\n${walk.last(30)}`, { cause: error })
    }
  })
})
