import { parseArgs } from 'node:util'
import { parse, stringify } from 'yaml'
import { stopEverything } from '../helpers/processes.ts'
import type { Area, Difference } from './area.ts'
import { AREAS } from './areas/index.ts'
import { askBoth, drawn } from './ask-both.ts'
import { startOracle } from './oracle.ts'
import type { Answered } from './question.ts'

/** `npm run compare:istio -- --area routes [--seed N] [--count M] [--show]`: what Istio's control plane does otherwise (README.md). */
const { values } = parseArgs({
  options: {
    area: { type: 'string', default: 'routes' },
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '100' },
    /** Tell the documents of the first mesh of each kind of difference. */
    show: { type: 'boolean', default: false },
  },
})
/** Meshes that share what is costly. */
const TOGETHER = 32
/** Of each kind of difference. */
const EXAMPLES = 3

const known = AREAS[values.area]
if (!known) throw new Error(`no area ${values.area}; there are: ${Object.keys(AREAS).join(', ')}`)
const oracle = await startOracle().catch((error: Error) => {
  process.stderr.write(`SKIPPED: nothing was compared: Istio's control plane cannot be had: ${error.message}\n`)
  process.exit(2)
})
const area = await known()
const found = new Map<string, Difference[]>()
const first = Number(values.seed)
const end = first + Number(values.count)
let same = 0
for (let seed = first; seed < end; seed += TOGETHER) {
  const seeds = Array.from({ length: Math.min(TOGETHER, end - seed) }, (_, index) => seed + index)
  const differences = await compareAll(area, seeds)
  const differ = new Set(differences.map(({ id }) => id))
  same += seeds.length - differ.size
  for (const difference of differences) {
    const list = found.get(difference.kind)
    if (list) list.push(difference)
    else found.set(difference.kind, [difference])
  }
}
oracle.stop()
await stopEverything()
for (const [kind, list] of [...found].sort((a, b) => b[1].length - a[1].length)) {
  console.log(`\n${list.length} × ${kind}`)
  for (const { id, text } of list.slice(0, EXAMPLES))
    console.log(`  --seed ${id} --count 1\n${text.replace(/^/gm, '    ')}`)
  if (values.show) console.log(drawn(area, Number(list[0]!.id)).documents.map(asYaml).join('---\n'))
}
console.log(JSON.stringify({ area: values.area, seed: first, meshes: end - first, same, kinds: found.size }))
process.exit(found.size > 0 ? 1 : 0)

function asYaml(text: string): string {
  return stringify(parse(text), { lineWidth: 0 })
}

async function compareAll(area: Area, seeds: readonly number[]): Promise<readonly Difference[]> {
  const differences: Difference[] = []
  const answered: Answered[] = []
  for (const seed of seeds) {
    const asked = await askBoth(oracle, drawn(area, seed))
    differences.push(...asked.differences)
    if (asked.answered) answered.push(asked.answered)
  }
  return [...differences, ...(await area.compare(answered))]
}
