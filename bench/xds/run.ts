import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LiveConfig } from '../../controlplane/live-config.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import { writeResponse } from '../../controlplane/subscription/response.ts'
import type { NodeInfo, View } from '../../controlplane/xds/resource.ts'
import { type ResourceType, TYPE_URL } from '../../proto/types.ts'
import { ChangingSource } from './changing-source.ts'
import type { FloorFiles } from './floor.ts'
import { build, firstLine } from './go.ts'
import type { Measured } from './measured.ts'
import { type Round, summed } from './summary.ts'
import { filesOf, type Workload } from './workload.ts'

interface BenchOptions {
  readonly workloads: readonly Workload[]
  readonly forms: readonly ('delta' | 'sotw')[]
  readonly streams: readonly number[]
  readonly stormSeconds: number
  /** Measured changes of each kind, after as many to warm up. */
  readonly changes: number
  /** Times all proxies leave and come back to a process that served them before; the median counts. */
  readonly again: number
  /** Times each server is measured, in turns; medians count. */
  readonly rounds: number
  readonly withPeer: boolean
  /** Measure ready bytes on bare sockets too (delta only). */
  readonly withFloor: boolean
  /** Options of the Node that serves. */
  readonly nodeOptions: readonly string[]
  /** Called with each result as soon as it is there. */
  readonly report: (result: BenchResult) => void
}

export interface BenchResult {
  readonly workload: string
  readonly form: 'delta' | 'sotw'
  readonly streams: number
  readonly ours: Measured
  /** go-control-plane; undefined when it could not be built or was not wanted. */
  readonly peer: Measured | undefined
  /** Ready bytes on bare sockets of Node (`floor.ts`). */
  readonly floor: Measured | undefined
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
      const ready = options.withFloor ? await dumpReady(workload, folder) : undefined
      for (const form of options.forms)
        for (const streams of options.streams) {
          console.error(`${workload.name} ${form} ${streams} streams …`)
          const load = { client, workload, form, streams, options }
          const node = [process.execPath, ...options.nodeOptions, MAIN]
          const rounds: Round[] = []
          for (let round = 0; round < options.rounds; round++) {
            const ours = await measure([...node, '--serve', workload.name], load, true)
            const theirs = peer ? await measure([peer, ...resources], load, false) : undefined
            const floor =
              ready && form === 'delta'
                ? await measure([...node, '--serve-floor', JSON.stringify(ready)], floorLoad(load), true)
                : undefined
            rounds.push({ ours, peer: theirs, floor })
          }
          const result = { workload: workload.name, form, streams, ...summed(rounds) }
          results.push(result)
          options.report(result)
        }
    }
    return results
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const PROXY = {
  id: 'sidecar~10.0.0.1~load.shop~shop.svc.cluster.local',
  cluster: '',
  metadata: {},
  locality: { region: '', zone: '', subZone: '' },
  userAgent: 'envoy',
  protocol: 'delta',
  secretsAllowed: true,
} as const satisfies NodeInfo

/** All resources of the mesh as files, one response per type, for the peer to serve the same. */
function dump(workload: Workload, folder: string): Promise<readonly string[]> {
  return withView(workload, PROXY, async (view) => {
    const types = ['cds', 'eds', 'lds', 'rds'] as const
    return Promise.all(types.map((type) => writeAll(view, type, view.names(type), folder, `${workload.name}-${type}`)))
  })
}

/** What our clients get when they come, and when an endpoint or a weight changes. */
function dumpReady(workload: Workload, folder: string): Promise<FloorFiles> {
  return withView(workload, { ...PROXY, userAgent: 'envoy/1.39.3' }, async (view) => {
    const write = (type: ResourceType, names: readonly string[], part: string) =>
      writeAll(view, type, names, folder, `${workload.name}-floor-${part}`)
    const lazy = view.onDemand !== undefined
    const route = await write('rds', view.names('rds'), 'rds')
    const sync = [
      await write('cds', view.onDemand?.eager() ?? view.names('cds'), 'cds'),
      ...(lazy ? [] : [await write('eds', view.names('eds'), 'eds')]),
      await write('lds', view.names('lds'), 'lds'),
      route,
    ]
    return { sync, endpoint: await write('eds', view.names('eds').slice(0, 1), 'ep'), route }
  })
}

async function withView<T>(workload: Workload, node: NodeInfo, use: (view: View) => Promise<T>): Promise<T> {
  const mesh = createMesh()
  const config = new LiveConfig(new ChangingSource(filesOf(workload)), mesh)
  await config.start()
  try {
    return await use(mesh.view(node))
  } finally {
    await config.stop()
  }
}

async function writeAll(
  view: View,
  type: ResourceType,
  names: readonly string[],
  folder: string,
  name: string,
): Promise<string> {
  const upserts = names.flatMap((one) => view.get(type, one) ?? [])
  const parts = { typeUrl: TYPE_URL[type], upserts, removed: [], version: '', nonce: '', identifier: '' }
  const file = join(folder, `${name}.binpb`)
  await writeFile(file, writeResponse('delta', parts, 0))
  return file
}

interface Load {
  readonly client: string
  readonly workload: Workload
  readonly form: string
  readonly streams: number
  readonly options: BenchOptions
}

/** Ready bytes say nothing of a change, so nobody could tell when the last of a storm has arrived. */
function floorLoad(load: Load): Load {
  return { ...load, options: { ...load.options, stormSeconds: 0 } }
}

async function measure(
  server: readonly string[],
  { client, workload, form, streams, options: { changes, stormSeconds, again } }: Load,
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
        ...['-warm', `${changes}`, '-again', `${again}`],
        // Nor have those that ask for no host a weight.
        ...['-changes', `${workload.lazyVirtualHosts ? 0 : changes}`],
        ...['-storm', `${workload.lazy ? 0 : stormSeconds}s`],
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
