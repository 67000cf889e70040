/**
 * What a mesh costs an Envoy: memory and time to ready with every cluster at once, with clusters on demand, and with virtual hosts
 * on demand too, ten of them used, round robin and Maglev; and what the first request to a cluster takes beyond the next ones.
 *
 * `npm run bench:envoy [-- --services 190,1000,5000 --balance 'round robin,maglev,maglev 65537' --ways 'all,on demand' --requests 240 -o json]`
 */

import { closeSync, openSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { startEnvoy } from '../../test/helpers/envoy.ts'
import { freePort } from '../../test/helpers/ports.ts'
import { stopEverything } from '../../test/helpers/processes.ts'
import { quantile, report, round } from '../measure.ts'
import { BALANCE_NAMES, type Balance, ENDPOINTS, meshOf } from './mesh.ts'
import { askServices, buildPrograms, startBackends, startControlPlane } from './programs.ts'

const USED = 10
/** Of which the time to ready is the median. */
const STARTS = 5
/** From the start of a proxy to the requests whose time is taken. */
const SETTLED_MS = 1000
/** Files that a process may have open before its table of them grows: more than Envoy and the backends come to. */
const FILES = 2048

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '190,1000,5000' },
    balance: { type: 'string', default: 'round robin,maglev,maglev 65537' },
    ways: { type: 'string', default: 'all,on demand,virtual hosts on demand' },
    requests: { type: 'string', default: '240' },
    output: { type: 'string', short: 'o', default: 'text' },
  },
})

/** What Envoy asks for when a request needs it, and the metadata of its node that says so. */
const WAYS = {
  all: { LAZY: false },
  'on demand': {},
  'virtual hosts on demand': { LAZY_VIRTUAL_HOSTS: true },
} as const
type Way = keyof typeof WAYS
const WAY_NAMES = Object.keys(WAYS) as Way[]

async function measure(count: number, balance: Balance, way: Way) {
  const controlPlane = await startControlPlane(folder, meshOf(count, backends.ports, balance))
  const httpPort = await freePort()
  const bootstrap = envoyBootstrap({
    node: {
      id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local',
      metadata: { HTTP_PROXY_PORT: httpPort, ...WAYS[way] },
    },
    xds: { host: '127.0.0.1', port: controlPlane.port },
    mode: 'delta',
  })
  // The first one makes the control plane compile: what is measured is Envoy.
  await (await startEnvoy({ bootstrap, timeoutMs: 120_000 })).stop()
  const starts: number[] = []
  const start = async () => {
    const started = performance.now()
    const envoy = await startEnvoy({ bootstrap, timeoutMs: 120_000, everyMs: 2 })
    starts.push(performance.now() - started)
    return envoy
  }
  // One that holds everything takes seconds, and a process start varies by tens of milliseconds.
  if (way !== 'all') for (let again = 1; again < STARTS; again++) await (await start()).stop()
  const envoy = await start()
  await askServices(programs.requests, httpPort, 0, USED)
  const { allocated } = JSON.parse(await envoy.admin('/memory')) as { allocated: string }
  const rss = residentBytes(envoy.pid) ?? 0
  // What the start of a proxy still does is no part of a request.
  await sleep(SETTLED_MS)
  const last = Math.min(count, USED + Number(values.requests))
  const { first, next } = await askServices(programs.requests, httpPort, USED, last)
  await envoy.stop()
  await controlPlane.stop()
  return {
    services: count,
    balance,
    clusters: way,
    'allocated MB': round(Number(allocated) / 2 ** 20, 1),
    'RSS MB': round(rss / 2 ** 20, 0),
    'ready ms': round(quantile(starts, 0.5), 0),
    'first p50 ms': round(quantile(first, 0.5)),
    'first p99 ms': round(quantile(first, 0.99)),
    'next p50 ms': round(quantile(next, 0.5)),
    'next p99 ms': round(quantile(next, 0.99)),
  }
}

/** Memory of a process in use, bytes; undefined where there is no /proc. */
function residentBytes(pid: number): number | undefined {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024
  } catch {
    return undefined
  }
}

/**
 * Whoever is started from now on has a table for as many files as we have open now. Otherwise it doubles at 256 and 512, for which the kernel lets a
 * process of several threads wait 8 to 36 ms: whichever request opens that file pays for it, in Envoy and in the backends.
 * @see https://github.com/torvalds/linux/blob/v6.18/fs/file.c expand_fdtable
 */
function withRoomForFiles(count: number): Disposable {
  const files = Array.from({ length: count }, () => openSync('/dev/null', 'r'))
  return { [Symbol.dispose]: () => files.forEach(closeSync) }
}

using _room = withRoomForFiles(FILES)
const folder = await mkdtemp(join(tmpdir(), 'meshgate-bench-'))
const programs = buildPrograms(folder)
const backends = await startBackends(programs.backend)
try {
  const rows = []
  const wanted = values.balance.split(',')
  const ways = values.ways.split(',')
  for (const count of values.services.split(',').map(Number))
    for (const balance of BALANCE_NAMES.filter((one) => wanted.includes(one)))
      for (const way of WAY_NAMES.filter((one) => ways.includes(one))) {
        const row = await measure(count, balance, way)
        process.stderr.write(`${JSON.stringify(row)}\n`)
        rows.push(row)
      }
  await report(rows, { bench: 'envoy', used: USED, endpoints: ENDPOINTS, rows }, values.output)
} finally {
  await backends.stop()
  await stopEverything()
  await rm(folder, { recursive: true })
}
