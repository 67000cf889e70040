/**
 * What the control plane costs per proxy, beside go-control-plane in the same run. bench/README.md says how to read it.
 *
 * `npm run bench:xds [-- --workload w1,w2 --form delta,sotw --streams 100,1000 --storm 10 --again 3 --rounds 1 --no-peer --floor -o json]`
 * `npm run bench:hostile` (clients that ask for too much, come back all the time, or do not read)
 * `npm run bench:xds -- --serve w1 --xds 127.0.0.1:15010 --admin 127.0.0.1:15011`
 */
import { parseArgs } from 'node:util'
import { type FloorFiles, serveFloor } from './floor.ts'
import { ATTACK_HEAD, attackLine, runHostile } from './hostile.ts'
import { MAIN, runBench } from './run.ts'
import { serve } from './serve.ts'
import { block } from './table.ts'
import { WORKLOADS, type WorkloadName } from './workload.ts'

const { values } = parseArgs({
  options: {
    serve: { type: 'string' },
    xds: { type: 'string', default: '127.0.0.1:0' },
    admin: { type: 'string', default: '127.0.0.1:0' },
    workload: { type: 'string', default: 'w1,w2' },
    form: { type: 'string', default: 'delta,sotw' },
    streams: { type: 'string', default: '100,1000' },
    storm: { type: 'string', default: '10' },
    'serve-floor': { type: 'string' },
    again: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '1' },
    floor: { type: 'boolean', default: false },
    hostile: { type: 'boolean', default: false },
    changes: { type: 'string', default: '25' },
    'no-peer': { type: 'boolean', default: false },
    'node-options': { type: 'string', default: '' },
    output: { type: 'string', short: 'o', default: 'table' },
  },
})

if (values.serve !== undefined) {
  const { stop } = await serve(workload(values.serve), values.xds, values.admin)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())
} else if (values['serve-floor'] !== undefined) {
  const { stop } = await serveFloor(JSON.parse(values['serve-floor']) as FloorFiles)
  process.once('SIGTERM', stop)
} else if (values.hostile) {
  console.log(ATTACK_HEAD)
  await runHostile(MAIN, workload(values.workload.split(',')[0]!), (attack) => console.log(attackLine(attack)))
} else {
  const results = await runBench({
    workloads: values.workload.split(',').map(workload),
    forms: values.form.split(',').map(form),
    streams: values.streams.split(',').map((text) => count(text, 1)),
    stormSeconds: count(values.storm, 0),
    changes: count(values.changes, 0),
    again: count(values.again, 0),
    rounds: count(values.rounds, 1),
    withFloor: values.floor,
    withPeer: !values['no-peer'],
    report: (result) => {
      if (values.output !== 'json') console.log(`${block(result)}\n`)
    },
    nodeOptions: values['node-options'].split(' ').filter((option) => option !== ''),
  })
  console.log(JSON.stringify({ benchmark: 'xds', node: process.version, results }))
}

function workload(text: string): (typeof WORKLOADS)[WorkloadName] {
  if (!Object.hasOwn(WORKLOADS, text)) fail(`"${text}" is no workload: ${Object.keys(WORKLOADS).join(', ')}`)
  return WORKLOADS[text as WorkloadName]
}

function form(text: string): 'delta' | 'sotw' {
  return text === 'delta' || text === 'sotw' ? text : fail(`"${text}" is no form: delta, sotw`)
}

function count(text: string, least: number): number {
  const value = Number(text)
  return Number.isInteger(value) && value >= least ? value : fail(`"${text}" must be a whole number from ${least}`)
}

function fail(message: string): never {
  console.error(message)
  process.exit(2)
}
