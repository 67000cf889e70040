/**
 * A whole mesh on loopback, killed at random under load: a Consul, a Redis, control planes on both, Envoys, message proxies,
 * services that are replaced all the time. Requests are sent on time whatever the answers do, with retries off; what was
 * not answered as it should have been is lost; an answer after more than 10 s is late. The last line is JSON.
 *
 * `npm run cluster [-- --seconds 60 --rate 2000 --control-planes 3 --envoys 4 --message-proxies 2 --flaps 200 --edits 2 -o json]`
 */
import { parseArgs } from 'node:util'
import { ensureEnvoy } from '../../cli/tools/envoy.ts'
import { ensureConsul, HOW_TO_GET_CONSUL } from '../../test/helpers/consul-binary.ts'
import { conditions } from '../measure.ts'
import { CLUSTER_DEFAULTS, runCluster } from './run.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: String(CLUSTER_DEFAULTS.seconds) },
    rate: { type: 'string', default: String(CLUSTER_DEFAULTS.rate) },
    'control-planes': { type: 'string', default: String(CLUSTER_DEFAULTS.controlPlanes) },
    envoys: { type: 'string', default: String(CLUSTER_DEFAULTS.envoys) },
    'message-proxies': { type: 'string', default: String(CLUSTER_DEFAULTS.messageProxies) },
    flaps: { type: 'string', default: String(CLUSTER_DEFAULTS.flaps) },
    edits: { type: 'string', default: String(CLUSTER_DEFAULTS.edits) },
    output: { type: 'string', short: 'o', default: 'text' },
  },
})
const say = (line: string) => process.stderr.write(`${line}\n`)
await ensureEnvoy(say)
if (!(await ensureConsul(say))) throw new Error(`there is no Consul: ${HOW_TO_GET_CONSUL}`)
const result = await runCluster({
  ...CLUSTER_DEFAULTS,
  seconds: Number(values.seconds),
  rate: Number(values.rate),
  controlPlanes: Number(values['control-planes']),
  envoys: Number(values.envoys),
  messageProxies: Number(values['message-proxies']),
  flaps: Number(values.flaps),
  edits: Number(values.edits),
  say,
})
if (values.output !== 'json') {
  const { sent, lost, wrong, late, seconds, rate, times } = result
  console.table([{ sent, lost, wrong, late, seconds, 'sent/s': rate, 'p50 ms': times.p50, 'p99 ms': times.p99 }])
  console.table(result.events)
  console.table(result.took)
  if (lost + wrong > 0) console.table({ ...result.lostAfter, ...result.losses })
}
console.log(JSON.stringify({ ...result, conditions: await conditions() }))
process.exitCode = result.lost + result.wrong > 0 ? 1 : 0
