import { expect, it } from 'vitest'
import { runCase } from './testing/properties.ts'
import { sampleFiles } from './testing/samples.ts'

const cases = Number(process.env['MESHGATE_YAML_CASES'] ?? 1_200)
const first = Number(process.env['MESHGATE_YAML_SEED'] ?? 1)

/** Long form: `npm run test:yaml:long`; another range of seeds by MESHGATE_YAML_SEED. */
it(`${cases} random edits of random texts mean what they should, touch only their node and can be undone`, {
  timeout: 7_200_000,
}, () => {
  const samples = sampleFiles().map(({ text }) => text)
  const counts = { skipped: 0, refused: 0, edited: 0, rerendered: 0, copied: 0, expanded: 0, overridden: 0 }
  const failures: unknown[] = []
  for (let seed = first; seed < first + cases; seed++) {
    const verdict = runCase(seed, samples)
    counts[verdict.outcome]++
    if ((seed - first) % 10_000 === 9_999) console.info(`${seed - first + 1} cases: ${JSON.stringify(counts)}`)
    for (const { code } of verdict.reports) counts[code]++
    if (verdict.failure === undefined) continue
    const { failure, text, edit, after } = verdict
    failures.push({ seed, failure, text, edit, after })
    if (failures.length >= 10) break
  }
  console.info(`seeds ${first}..${first + cases - 1}: ${JSON.stringify(counts)}`)
  expect(failures, 'to draw one again: MESHGATE_YAML_SEED=<its seed> MESHGATE_YAML_CASES=1').toEqual([])
  expect(counts.edited).toBeGreaterThan(cases * 0.85)
  expect(counts.rerendered).toBeLessThan(Math.max(3, cases * 0.002))
})
