import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { packageFile } from '../../cli/package-file.ts'
import { LiveConfig } from '../../controlplane/live-config.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import { writeResponse } from '../../controlplane/subscription/response.ts'
import { TYPE_URL } from '../../proto/types.ts'
import { ChangingSource } from './changing-source.ts'
import { filesOf, type Workload } from './workload.ts'

export interface BenchOptions {
  readonly workloads: readonly Workload[]
  readonly forms: readonly ('delta' | 'sotw')[]
  readonly streams: readonly number[]
  readonly stormSeconds: number
  /** Measured changes of each kind, after as many to warm up. */
  readonly changes: number
  readonly withPeer: boolean
  /** Options of the Node that serves. */
  readonly nodeOptions: readonly string[]
  /** Called with each result as soon as it is there. */
  readonly report: (result: BenchResult) => void
}

/** One kind of change to all streams. */
export interface Pushed {
  readonly cpuUsPerStream: number
  readonly lastMs: number
  readonly bytesPerStream: number
  readonly loopP99Ms: number
}

/** What the load client prints. */
export interface Measured {
  readonly syncWallS: number
  readonly syncCpuS: number
  readonly syncLoopP99Ms: number
  readonly baseMb: number
  readonly idleMb: number
  readonly rssKbPerStream: number
  readonly rssKbPerStreamAfterGc: number
  readonly endpoint?: Pushed
  readonly route?: Pushed
  readonly storm?: {
    readonly takenPerSecond: number
    readonly cores: number
    readonly lateMs: number
    readonly pushesPerStreamAndSecond: number
    readonly rssMb: number
    readonly loopP99Ms: number
  }
}

export interface BenchResult {
  readonly workload: string
  readonly form: 'delta' | 'sotw'
  readonly streams: number
  readonly ours: Measured
  /** go-control-plane; undefined when it could not be built or was not wanted. */
  readonly peer: Measured | undefined
  /** Ours / peer's, of what both measured. */
  readonly ratios: Readonly<Record<string, number>>
}

/** This program as it is run now: compiled, as the control plane of a user is. */
export const MAIN = fileURLToPath(new URL('main.js', import.meta.url))

/**
 * Measures every combination, ours and the peer one right after the other.
 * @throws Error when the load client cannot be built (it needs Go) or a run fails
 */
export async function runBench(options: BenchOptions): Promise<readonly BenchResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'meshgate-bench-'))
  try {
    const client = build('client', folder)
    const peer = options.withPeer ? build('peer', folder) : undefined
    if (!client) return []
    const results: BenchResult[] = []
    for (const workload of options.workloads) {
      const resources = peer ? await dump(workload, folder) : []
      for (const form of options.forms)
        for (const streams of options.streams) {
          console.error(`${workload.name} ${form} ${streams} streams …`)
          const command = [process.execPath, ...options.nodeOptions, MAIN]
          const ours = await measure(
            client,
            [...command, '--serve', workload.name],
            workload,
            form,
            streams,
            options,
            true,
          )
          const theirs = peer
            ? await measure(client, [peer, ...resources], workload, form, streams, options, false)
            : undefined
          const ratios = theirs ? ratiosOf(ours, theirs) : {}
          const result = { workload: workload.name, form, streams, ours, peer: theirs, ratios }
          results.push(result)
          options.report(result)
        }
    }
    return results
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The program, or undefined (and a word on stderr) when there is no Go to build it with. */
function build(program: 'client' | 'peer', folder: string): string | undefined {
  const to = join(folder, program)
  const { error, status, stderr } = spawnSync('go', ['build', '-o', to, `./${program}`], {
    cwd: packageFile('bench/xds'),
    encoding: 'utf8',
  })
  if (status === 0) return to
  const why = error ? 'Go is not installed (go.dev/dl), or not in PATH' : stderr.trim()
  console.error(`the ${program} cannot be built: ${why}`)
  return undefined
}

/** All resources of the mesh as files, one response per type, for the peer to serve the same. */
async function dump(workload: Workload, folder: string): Promise<readonly string[]> {
  const mesh = createMesh()
  const config = new LiveConfig(new ChangingSource(filesOf(workload)), mesh)
  await config.start()
  const view = mesh.view({
    id: 'sidecar~10.0.0.1~load.shop~shop.svc.cluster.local',
    cluster: '',
    metadata: {},
    locality: { region: '', zone: '', subZone: '' },
    userAgent: 'envoy',
    protocol: 'delta',
    secretsAllowed: true,
  })
  const files: string[] = []
  for (const type of ['cds', 'eds', 'lds', 'rds'] as const) {
    const upserts = view.names(type).flatMap((name) => view.get(type, name) ?? [])
    const parts = { typeUrl: TYPE_URL[type], upserts, removed: [], version: '', nonce: '', identifier: '' }
    const file = join(folder, `${workload.name}-${type}.binpb`)
    await writeFile(file, writeResponse('delta', parts, 0))
    files.push(file)
  }
  await config.stop()
  return files
}

async function measure(
  client: string,
  server: readonly string[],
  workload: Workload,
  form: string,
  streams: number,
  { changes, stormSeconds }: BenchOptions,
  isOurs: boolean,
): Promise<Measured> {
  const [program, ...parameters] = server as [string, ...string[]]
  const serving = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const { xds, admin, pid } = await firstLine<{ xds: number; admin: number; pid: number }>(serving)
    // Proxies that ask for nothing have no endpoints to be told of.
    const lazy = workload.lazy && isOurs
    const load = spawn(
      client,
      [
        ...(lazy ? ['-lazy'] : []),
        ...(workload.lazy ? ['-kinds', 'route'] : []),
        ...['-xds', `127.0.0.1:${xds}`, '-admin', `127.0.0.1:${admin}`, '-pid', `${pid}`],
        ...['-form', form, '-streams', `${streams}`, '-services', `${workload.services}`],
        // Nor have those that ask for no host a weight.
        ...[
          '-warm',
          `${changes}`,
          '-changes',
          `${workload.lazyVirtualHosts ? 0 : changes}`,
          '-storm',
          `${workload.lazy ? 0 : stormSeconds}s`,
        ],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    return await firstLine<Measured>(load)
  } finally {
    if (serving.exitCode === null) {
      serving.kill()
      await once(serving, 'exit')
    }
  }
}

/** The first line a process prints, as JSON. @throws Error when it ends without one */
export async function firstLine<T>(child: ChildProcess): Promise<T> {
  for await (const line of createInterface({ input: child.stdout! })) return JSON.parse(line) as T
  throw new Error(`${child.spawnfile} ended without a result`)
}

function ratiosOf(ours: Measured, peer: Measured): Readonly<Record<string, number>> {
  const ratios: Record<string, number> = {}
  const add = (name: string, own: number | undefined, theirs: number | undefined) => {
    if (own !== undefined && theirs) ratios[name] = Math.round((own / theirs) * 1000) / 1000
  }
  add('syncWall', ours.syncWallS, peer.syncWallS)
  add('syncCpu', ours.syncCpuS, peer.syncCpuS)
  add('endpointCpu', ours.endpoint?.cpuUsPerStream, peer.endpoint?.cpuUsPerStream)
  add('endpointLast', ours.endpoint?.lastMs, peer.endpoint?.lastMs)
  add('routeCpu', ours.route?.cpuUsPerStream, peer.route?.cpuUsPerStream)
  add('routeLast', ours.route?.lastMs, peer.route?.lastMs)
  add('rssPerStream', ours.rssKbPerStream, peer.rssKbPerStream)
  add('stormTaken', ours.storm?.takenPerSecond, peer.storm?.takenPerSecond)
  return ratios
}
