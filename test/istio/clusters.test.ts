import { expect, test } from 'vitest'
import { clusters, differencesBetween, essentials, type OfProxy } from './areas/clusters.ts'
import { askBoth, drawn } from './ask-both.ts'
import { startOracle } from './oracle.ts'
import { ours } from './ours.ts'
import type { Question } from './question.ts'
import { Recording, whenRecording } from './recorded.ts'

/** A mesh, and Istio's clusters for each of its proxies. */
interface Recorded {
  readonly question: Question
  readonly proxies: readonly OfProxy[]
}

const recording = new Recording<Recorded>('clusters')
const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1)

whenRecording(
  "Istio's clusters are recorded, of meshes on which both agree",
  async () => {
    const oracle = await startOracle()
    const recorded: Recorded[] = []
    for (const seed of SEEDS) {
      const { answered } = await askBoth(oracle, drawn(clusters, seed))
      if (!answered) continue
      const { question, istio } = answered
      const differ = (await clusters.compare([answered])).length > 0
      if (differ) process.stderr.write(`not recorded, for they differ: ${seed}\n`)
      else recorded.push({ question, proxies: istio.proxies.map(essentials) })
    }
    oracle.stop()
    await recording.write(recorded)
  },
  600_000,
)

test('clusters and endpoints are those Istio has, for recorded meshes', async () => {
  for (const { question, proxies } of await recording.read()) {
    const own = ours(question).proxies.map(essentials)
    const differences = proxies.flatMap((istio, index) =>
      differencesBetween(istio, own[index]!, question.proxies[index]!),
    )
    expect(differences, `mesh of seed ${question.id}:\n${question.documents.join('\n---\n')}`).toEqual([])
  }
})
