import { setImmediate as turn } from 'node:timers/promises'
import { describe, it, onTestFinished, vi } from 'vitest'
import { type Random, random } from '../codecs/mutated.ts'
import { ClientWalk } from '../test/helpers/client-walk.ts'
import { everyKind, NODES } from '../test/helpers/every-kind.ts'
import { seedFor } from '../test/helpers/repeat.ts'
import type { NodeInfo } from './xds/resource.ts'

/** How many times as many walks as usual. */
const WALKS = Number(process.env['MESHGATE_WALKS'] ?? 1)
const STEPS = 60
const CHECK_EVERY = 20

const NOTHING = { all: 0, alone: 0 }

/** Who takes part in a walk. */
type Party = (any: Random) => NodeInfo[]

const mate = (node: NodeInfo, number: number): NodeInfo => ({
  ...node,
  id: node.id.replace('~10.', `~${10 + number}.`),
})

/** Two are of one class: what one of them says must not concern the other. */
const few: Party = (any) => {
  const nodes = Array.from({ length: 4 }, () => NODES[any(NODES.length)]!)
  nodes[1] = mate(nodes[0]!, 1)
  return nodes
}

/** Half of them are of one class, and a quarter of another. */
const ofFewClasses = (drawn: () => NodeInfo): NodeInfo[] => {
  const [one, other] = [drawn(), drawn()]
  return [0, 1, 2, 3, 4, 5, 6, 7].map((number) => mate(number < 4 ? one : number < 6 ? other : drawn(), number))
}

/** Some have the state-of-the-world form. */
const many: Party = (any) =>
  ofFewClasses(() => {
    const node = NODES[any(NODES.length)]!
    return any(2) === 0 && !node.id.startsWith('message') ? { ...node, protocol: 'sotw' as const } : node
  })

/** Some have the state-of-the-world form, and some get virtual hosts on demand. */
const mixed: Party = (any) =>
  ofFewClasses(() => {
    const node = NODES[any(NODES.length)]!
    if (node.id.startsWith('message')) return node
    const draw = any(3)
    if (draw === 0) return { ...node, protocol: 'sotw' as const }
    const { id, userAgent, protocol, metadata } = node
    const mayAsk = id.startsWith('sidecar') && userAgent === 'envoy/1.39.3' && protocol === 'delta'
    return draw === 1 && mayAsk ? { ...node, metadata: { ...metadata, LAZY_VIRTUAL_HOSTS: true } } : node
  })

describe('a client that lived through any sequence of changes has what a new client of a new control plane gets', () => {
  it.for([
    { of: 'clients that take everything', party: few, refusing: NOTHING, walks: 10, seed: 1 },
    { of: 'clients that refuse some of it', party: few, refusing: { all: 40, alone: 40 }, walks: 10, seed: 2 },
    { of: 'clients that may have little', party: few, refusing: NOTHING, tight: true, walks: 3, seed: 5 },
    { of: 'clients of few classes', party: many, refusing: NOTHING, walks: 3, seed: 3 },
    {
      of: 'clients of few classes that refuse some of it alone',
      party: many,
      refusing: { all: 0, alone: 40 },
      walks: 5,
      seed: 84,
    },
    {
      of: 'clients of few classes that may have little, refuse some of it and get virtual hosts on demand',
      party: mixed,
      refusing: { all: 40, alone: 40 },
      tight: true,
      walks: 4,
      seed: 1253,
    },
    {
      of: 'clients in state of the world, of which one refuses what it gets in place of what it refused',
      party: mixed,
      refusing: { all: 40, alone: 40 },
      tight: true,
      walks: 1,
      seed: 5005,
    },
  ])('$of', { timeout: 120_000 * WALKS }, async ({ party, refusing, tight, walks, seed: usual }, { task }) => {
    const start = await everyKind()
    const seed = seedFor(task, usual)
    // The walk's clock is that of the mesh, too: draws depend on nothing else.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    for (let walked = 0; walked < walks * WALKS; walked++) {
      const any = random(seed + walked)
      const walk = new ClientWalk(start, party(any), any, refusing, (ms) => vi.advanceTimersByTime(ms), tight)
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
