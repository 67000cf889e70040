/**
 * The proxy under load, in a process of its own: `serve.ts WORKERS WORKLOAD`, the workload as JSON. Prints one JSON line with the port and
 * the processes that serve it; what `SIGUSR2` finds is printed as another.
 */
import { MessageProxy } from '../../dataplane/proxy.ts'
import { takeStats } from '../../dataplane/stats/prometheus.ts'
import { WorkerPool } from '../../dataplane/workers/pool.ts'
import { configurationOf, type Workload } from './configuration.ts'

const workers = Number(process.argv[2])
const configuration = configurationOf(JSON.parse(process.argv[3] ?? '{}') as Workload)

async function one() {
  const proxy = new MessageProxy()
  const problems = await proxy.apply(configuration)
  process.on('SIGUSR2', () => console.log(JSON.stringify(takeStats(proxy))))
  return { problems, address: proxy.address('in'), pids: [process.pid] }
}

async function several() {
  const pool = new WorkerPool({ workers, execArgv: process.execArgv })
  await pool.start()
  const problems = await pool.apply(configuration)
  process.on('SIGUSR2', () => void pool.stats().then((stats) => console.log(JSON.stringify(stats))))
  return { problems, address: pool.address('in'), pids: pool.pids }
}

const { problems, address, pids } = await (workers > 1 ? several() : one())
if (problems.length > 0 || !address || !('port' in address)) {
  console.error(problems)
  process.exit(1)
}
console.log(JSON.stringify({ port: address.port, pids }))
// A profile (`node --cpu-prof`) is written by an orderly end only.
process.on('SIGTERM', () => process.exit(0))
