import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { type HostPort, hostAndPort } from '../../controlplane/bootstrap/host-port.ts'
import { parseNodeId } from '../../controlplane/bootstrap/node-id.ts'
import type { MeshProcess, MeshProxy, MeshSpec } from '../../controlplane/config/kinds/mesh.ts'
import type { ConfigObject } from '../../controlplane/config/object.ts'
import type { Wanted } from '../processes/supervisor.ts'

/** An Envoy named in the Mesh document, ready to be started. */
export interface SidecarProgram {
  readonly proxy: MeshProxy
  /** Short name for people and logs: the workload of the node id. */
  readonly name: string
  readonly program: Wanted
  /** Where it writes the address of its admin interface. */
  readonly addressFile: string
}

/** The Mesh document in force, or an empty one. */
export function meshSpec(objects: ReadonlyMap<string, ConfigObject>): MeshSpec {
  for (const object of objects.values()) if (object.kind === 'Mesh') return object.spec as MeshSpec
  return {}
}

/** Programs of `spec.processes`; they run in the configuration folder. `node` is the Node that runs us. */
export function processPrograms(processes: readonly MeshProcess[], folder: string): readonly Wanted[] {
  return processes.map(({ name, command, env }) => {
    const [program, ...args] = command as [string, ...string[]]
    return {
      name,
      options: {
        command: program === 'node' ? process.execPath : program,
        args,
        cwd: resolve(folder),
        env: { ...process.env, ...env },
      },
    }
  })
}

/** A folder for bootstraps and admin addresses, removed at the end. */
export async function sidecarFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'meshgate-up-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** Envoys of `spec.proxies`, their bootstraps written into `folder`. Equal settings give equal programs. */
export async function sidecarPrograms(
  proxies: readonly MeshProxy[],
  { envoy, xds, folder }: { readonly envoy: string; readonly xds: HostPort; readonly folder: string },
): Promise<readonly SidecarProgram[]> {
  const names = shortNames(proxies)
  return Promise.all(
    proxies.map(async (proxy, index) => {
      const { node: id, metadata, mode, adminPort = 0, concurrency = 1, loadReports, deferredStats } = proxy
      const name = names[index]!
      const base = join(folder, encodeURIComponent(name))
      const bootstrap = JSON.stringify(
        envoyBootstrap({ node: { id, metadata }, xds, mode, adminPort, loadReports, deferredStats }),
      )
      await writeFile(`${base}.json`, bootstrap)
      const args = ['-c', `${base}.json`, '--admin-address-path', `${base}.admin`, '--disable-hot-restart']
      args.push(
        '--concurrency',
        String(concurrency),
        '-l',
        'warning',
        '--drain-time-s',
        '1',
        '--drain-strategy',
        'immediate',
      )
      // The bootstrap is part of what makes two programs equal: a changed one means a new start.
      const env = { ...process.env, MESHGATE_BOOTSTRAP: bootstrap }
      return { proxy, name, addressFile: `${base}.admin`, program: { name, options: { command: envoy, args, env } } }
    }),
  )
}

/** Whether a node of `spec.proxies` is a message proxy: ids that begin with `message~`. */
export function isMessageProxy({ node }: MeshProxy): boolean {
  return parseNodeId(node)?.type === 'message'
}

/** Codecs in code that Protocol documents of a folder name, as `--codec` takes them. */
export function codecModules(objects: ReadonlyMap<string, ConfigObject>, folder: string): readonly string[] {
  const found: string[] = []
  for (const { kind, name, spec, source } of objects.values()) {
    const { module } = spec as { readonly module?: string }
    if (kind === 'Protocol' && module !== undefined)
      found.push(`${name}=${resolve(folder, dirname(source.file), module)}`)
  }
  return found.sort()
}

/** Message proxies of `spec.proxies`, each a process of this very program. @param codecs values of `--codec` */
export function messageProxyPrograms(
  proxies: readonly MeshProxy[],
  xds: HostPort,
  codecs: readonly string[],
): readonly Wanted[] {
  const names = shortNames(proxies)
  // From sources in development, from what was built in the package.
  const main = import.meta.url.endsWith('.js') ? '../main.js' : '../main.ts'
  return proxies.map(({ node, metadata, adminPort, concurrency = 1 }, index) => ({
    name: names[index]!,
    options: {
      command: process.execPath,
      args: [
        ...process.execArgv,
        fileURLToPath(new URL(main, import.meta.url)),
        'proxy',
        ...['--node', node, '--xds', hostAndPort(xds)],
        ...['--workers', String(concurrency), '--drain-time', '1'],
        ...(adminPort ? ['--admin', `127.0.0.1:${adminPort}`] : []),
        ...(metadata ? ['--metadata', JSON.stringify(metadata)] : []),
        ...codecs.flatMap((codec) => ['--codec', codec]),
      ],
      env: process.env,
    },
  }))
}

/** The workload where the id tells it, else the id; made unique by a number. */
function shortNames(proxies: readonly MeshProxy[]): readonly string[] {
  const taken = new Set<string>()
  return proxies.map(({ node }) => {
    const wanted = parseNodeId(node)?.name ?? node
    let name = wanted
    for (let number = 2; taken.has(name); number++) name = `${wanted}-${number}`
    taken.add(name)
    return name
  })
}

/** Waits until something accepts connections on the port of an address; false when it gives up. */
export async function portAccepts(port: number, giveUp: AbortSignal, host = '127.0.0.1'): Promise<boolean> {
  for (;;) {
    const open = await new Promise<boolean>((done) => {
      const socket = connect({ port, host })
      socket.once('connect', () => {
        socket.destroy()
        done(true)
      })
      socket.once('error', () => done(false))
    })
    if (open || giveUp.aborted) return open
    await pause(30, giveUp)
  }
}

/** The admin address an Envoy has written down; undefined until then. */
export async function adminAddress(addressFile: string): Promise<string | undefined> {
  return (await readFile(addressFile, 'utf8').catch(() => '')).trim() || undefined
}

/** Waits until Envoy says LIVE; its admin address then, undefined when it gives up. */
export async function envoyLive(addressFile: string, giveUp: AbortSignal): Promise<string | undefined> {
  while (!giveUp.aborted) {
    const address = (await readFile(addressFile, 'utf8').catch(() => '')).trim()
    if (address && (await getText(`http://${address}/ready`)) === 'LIVE') return address
    await pause(50, giveUp)
  }
  return undefined
}

function pause(milliseconds: number, giveUp: AbortSignal): Promise<void> {
  return sleep(milliseconds, undefined, { signal: giveUp }).catch(() => {})
}

function getText(url: string): Promise<string> {
  return new Promise((done) => {
    const call = request(url, { timeout: 1_000 }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        text += chunk
      })
      answer.on('end', () => done(text.trim()))
    })
    call.on('timeout', () => call.destroy())
    call.on('error', () => done(''))
    call.end()
  })
}
