import { expect, test } from 'vitest'
import { connections, tls } from './areas/tls.ts'
import { askBoth, drawn } from './ask-both.ts'
import { startOracle } from './oracle.ts'
import { ours } from './ours.ts'
import { Recording, whenRecording } from './recorded.ts'
import type { TlsQuestion } from './tls/draw.ts'
import { isOnPurpose } from './tls/on-purpose.ts'
import type { Outcome } from './tls/probe.ts'

/** A mesh, and what came of its connections with Istio's listeners on a real Envoy; null where Envoy would refuse them. */
interface Recorded {
  readonly question: TlsQuestion
  readonly outcomes: readonly (Outcome | null)[]
}

const recording = new Recording<Recorded>('tls')
const SEEDS = Array.from({ length: 60 }, (_, index) => index + 1)

whenRecording(
  "what Istio's listeners do is recorded, of meshes on which both agree",
  async () => {
    const oracle = await startOracle()
    const answered = []
    for (const seed of SEEDS) {
      const { answered: one } = await askBoth(oracle, drawn(tls, seed))
      if (one) answered.push(one)
    }
    oracle.stop()
    const differing = new Set((await tls.compare(answered)).map(({ id }) => id))
    if (differing.size > 0) process.stderr.write(`not recorded, for they differ: ${[...differing].join(' ')}\n`)
    const agreed = answered.filter(({ question }) => !differing.has(question.id))
    const all = await connections(agreed.map(({ question, istio }) => ({ question, resources: istio.proxies[0]! })))
    await recording.write(
      agreed.map(({ question }, index) => ({ question, outcomes: all[index]!.map((outcome) => outcome ?? null) })),
    )
  },
  600_000,
)

test('TLS and TCP at gateways end where they end with Istio, for recorded meshes', async () => {
  const recorded = await recording.read()
  const own = await connections(recorded.map(({ question }) => ({ question, resources: ours(question).proxies[0]! })))
  for (const [index, { question, outcomes }] of recorded.entries())
    for (const [position, probe] of question.probes.entries()) {
      const expected = outcomes[position]!
      if (expected === null || isOnPurpose(question, probe)) continue
      expect(
        { probe, outcome: own[index]![position] },
        `mesh of seed ${question.id}:\n${question.documents.join('\n---\n')}`,
      ).toEqual({ probe, outcome: expected })
    }
})
