import { expect, test } from 'vitest'
import { outcomes, routes } from './areas/routes.ts'
import { askBoth, drawn } from './ask-both.ts'
import { startOracle } from './oracle.ts'
import { ours } from './ours.ts'
import { Recording, whenRecording } from './recorded.ts'
import type { Outcome } from './routes/bed.ts'
import type { RouteQuestion } from './routes/draw.ts'
import { essential, isOnPurpose } from './routes/on-purpose.ts'

/** A mesh, and what Istio's tables made of its requests on a real Envoy; null where nothing listened. */
interface Recorded {
  readonly question: RouteQuestion
  readonly outcomes: readonly (Outcome | null)[]
}

const recording = new Recording<Recorded>('routes')
/** The last ones have Sidecars with an egress proxy, a port for HTTP as a proxy, or with `bind`. */
const SEEDS = [...Array.from({ length: 50 }, (_, index) => index + 1), 65, 72, 80, 84, 94, 143, 173, 177, 179, 278]
/** Of each mesh; those that all tables answer alike say little. */
const REQUESTS = 12

whenRecording(
  "what Istio's tables do is recorded, of meshes on which both agree",
  async () => {
    const oracle = await startOracle()
    const answered = []
    for (const seed of SEEDS) {
      const { answered: one } = await askBoth(oracle, drawn(routes, seed))
      if (one) answered.push(one)
    }
    oracle.stop()
    const differing = new Set((await routes.compare(answered)).map(({ id }) => id))
    if (differing.size > 0) process.stderr.write(`not recorded, for they differ: ${[...differing].join(' ')}\n`)
    const agreed = answered.filter(({ question }) => !differing.has(question.id))
    const all = await outcomes(agreed.map(({ question, istio }) => ({ question, proxies: istio.proxies })))
    await recording.write(agreed.map(({ question }, index) => telling(question, all[index]!)))
  },
  600_000,
)

test('HTTP routing answers as Istio does, for recorded meshes', async () => {
  const recorded = await recording.read()
  const own = await outcomes(recorded.map(({ question }) => ({ question, proxies: ours(question).proxies })))
  for (const [index, { question, outcomes: theirs }] of recorded.entries())
    for (const [position, request] of question.requests.entries()) {
      const expected = theirs[position] ?? undefined
      if (isOnPurpose(expected, own[index]![position], question, request)) continue
      expect(
        { request, answer: essential(own[index]![position]) },
        `mesh of seed ${question.id}:\n${question.documents.join('\n---\n')}`,
      ).toEqual({ request, answer: essential(expected) })
    }
})

/** The requests of a mesh whose answers tell something. */
function telling(question: RouteQuestion, all: readonly (Outcome | undefined)[]): Recorded {
  const dull = (outcome: Outcome | undefined) => !outcome || (outcome.cluster === undefined && outcome.status !== 503)
  const order = [...all.keys()].sort((a, b) => Number(dull(all[a])) - Number(dull(all[b])))
  const chosen = order.slice(0, REQUESTS)
  return {
    question: { ...question, requests: chosen.map((at) => question.requests[at]!) },
    outcomes: chosen.map((at) => all[at] ?? null),
  }
}
