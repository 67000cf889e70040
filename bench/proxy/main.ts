/**
 * What the message proxy costs a message, in CPU µs of its process for a request with its reply, beside the direct way, a relay in C that
 * knows no messages, and three Envoys.
 *
 * `npm run bench:proxy [-- --parts closed,open,idle,workers --sizes 300 --shapes 16x32 --subjects floor,game1 --rounds 7 --seconds 0.3 -o json]`
 */
import { rm } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { stopEverything } from '../../test/helpers/processes.ts'
import { conditions } from '../measure.ts'
import { parseShape } from './load.ts'
import { closedLoop, openLoop } from './loops.ts'
import { compileNative } from './native.ts'
import { idleConnections, twoWorkers } from './scale.ts'
import { type SubjectName, startSubjects, subjectNames } from './subjects.ts'
import { targetShapes } from './targets.ts'

const { values } = parseArgs({
  options: {
    parts: { type: 'string', default: 'closed,open,idle,workers' },
    sizes: { type: 'string', default: '64,300,4096' },
    shapes: { type: 'string', default: targetShapes.join(',') },
    subjects: { type: 'string', default: subjectNames.filter((name) => !name.startsWith('node')).join(',') },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '0.3' },
    rate: { type: 'string', default: '8000' },
    connections: { type: 'string', default: '10000' },
    output: { type: 'string', short: 'o', default: 'table' },
  },
})

const list = (text: string) => text.split(',').map((part) => part.trim())
const quiet = values.output === 'json'
const say = (line: string) => {
  if (!quiet) console.error(line)
}
const table = (title: string, rows: readonly object[]) => {
  if (quiet) return
  console.log(`\n${title}`)
  console.table(rows)
}

const names = list(values.subjects).map((name) => {
  if (!(subjectNames as readonly string[]).includes(name))
    throw new Error(`there is no subject "${name}"; there are ${subjectNames.join(', ')}`)
  return name as SubjectName
})
const parts = list(values.parts)
const plan = {
  sizes: list(values.sizes).map(Number),
  shapes: list(values.shapes).map(parseShape),
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
}

// What was started must not outlive a benchmark that is broken off.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stopEverything().finally(() => process.exit(1)))
const folder = await compileNative()
const result: Record<string, unknown> = { bench: 'proxy', unit: 'CPU µs per round trip' }
try {
  if (parts.includes('closed') || parts.includes('open')) {
    const subjects = await startSubjects(folder, names, plan.sizes.length === 1 ? plan.sizes[0] : undefined)
    if (parts.includes('closed')) {
      const { cells, compared } = await closedLoop(folder, subjects, plan, say)
      for (const size of plan.sizes) {
        const rows = subjects.map(({ name }) => [
          name,
          Object.fromEntries(
            cells
              .filter((cell) => cell.subject === name && cell.size === size)
              .map(({ shape, cpuUs, perSecond }) => [shape, cpuUs === undefined ? `(${perSecond}/s)` : cpuUs]),
          ),
        ])
        table(
          `CPU µs of the proxy per round trip, ${size} bytes (direct: round trips per second)`,
          Object.fromEntries(rows),
        )
      }
      table('Targets', compared)
      Object.assign(result, { cells, targets: compared })
    }
    if (parts.includes('open')) {
      const rows = await openLoop(folder, subjects, Number(values.rate), plan, say)
      table(`Open loop, ${values.rate} requests/s, 300 bytes, 16 connections`, rows)
      Object.assign(result, { openLoop: rows })
    }
  }
  if (parts.includes('idle')) {
    const idle = await idleConnections(folder, Number(values.connections))
    table('Idle client connections', [idle])
    Object.assign(result, { idle })
  }
  if (parts.includes('workers')) {
    const workers = await twoWorkers(folder, plan, say)
    table('Two workers against one, equal load on each', workers)
    Object.assign(result, { workers })
  }
} finally {
  await stopEverything()
  await rm(folder, { recursive: true, force: true })
}
console.log(JSON.stringify({ ...result, conditions: await conditions() }))
