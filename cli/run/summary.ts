import { existsSync, readFileSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { nodeOf } from '../../controlplane/admin/node.ts'
import { hostAndPort } from '../../controlplane/bootstrap/host-port.ts'
import { parseNodeId } from '../../controlplane/bootstrap/node-id.ts'
import type { MeshProcess, MeshProxy } from '../../controlplane/config/kinds/mesh.ts'
import type { SourceState } from '../../controlplane/consul/index.ts'
import { formatDiagnostic } from '../../controlplane/diagnostics/diagnostic.ts'
import { counted, paint } from '../output.ts'
import { packageFile } from '../package-file.ts'
import type { ProgramState, Supervisor } from '../processes/supervisor.ts'
import type { EnvoyBinary } from '../tools/envoy.ts'
import type { RunningControlPlane } from './control-plane.ts'
import { envoyLive, isMessageProxy, meshSpec, portAccepts, type SidecarProgram } from './mesh-programs.ts'

/** What was started, and how long its programs may take. */
export interface Started {
  readonly options: { readonly folder: string; readonly envoy: boolean }
  readonly controlPlane: RunningControlPlane
  readonly supervisor: Pick<Supervisor, 'state'>
  readonly sidecars: readonly SidecarProgram[]
  readonly envoy: EnvoyBinary | undefined
  /** Reading of `performance.now()` when it began. */
  readonly start: number
  /** Ends the waiting for programs that do not become ready. */
  readonly giveUp: AbortSignal
}

/** A thing that runs, and what there is to say of it. */
type Row = readonly [name: string, text: string]

const NOT_READY = 'not ready yet; its log is above'

/** What runs, where, and what to try: printed once everything had its time to start. */
export async function summary(started: Started): Promise<string> {
  const { options, controlPlane, sidecars, envoy, start } = started
  const { config, xdsAddress, apiUrl, version } = controlPlane
  const { processes = [], proxies = [] } = meshSpec(config.objects)
  const errors = config.diagnostics().filter(({ severity }) => severity === 'error')
  const unstarted = envoy ? 0 : proxies.filter((proxy) => !isMessageProxy(proxy)).length
  const registries = await Promise.all(registryRows(started))
  const proxyRows = await Promise.all([
    ...sidecars.map((sidecar) => envoyRow(sidecar, started)),
    ...proxies.filter(isMessageProxy).map((proxy) => messageProxyRow(proxy, started)),
  ])
  // Last: a program that ends at once has done so by now, though somebody else may answer on its port.
  const programs = await Promise.all(processes.map((process) => processRow(process, started)))
  const rows: readonly Row[] = [
    ['control plane', `xDS ${hostAndPort(xdsAddress)}, API ${apiUrl}`],
    ['admin UI', `${apiUrl}/`],
    ['configuration', `${options.folder}: ${contents(config.objects.size, errors.length)}`],
    ...registries,
    ...programs,
    ...proxyRows,
    ...(unstarted > 0 ? [['envoy', whyUnstarted(unstarted, options.envoy)] as const] : []),
  ]
  const toTry = unstarted > 0 ? 'Try (requests need the Envoys, which do not run)' : 'Try'
  const seconds = ((performance.now() - start) / 1_000).toFixed(1)
  const tryFile = join(options.folder, 'try.txt')
  const parts = [
    paint(`meshgate ${version} is up after ${seconds} s`, 'bold'),
    rows.map(([name, text]) => `  ${paint(name.padEnd(16), 'cyan')}${text}`).join('\n'),
    ...(errors.length > 0 ? [errors.map(formatDiagnostic).join('\n')] : []),
    ...(existsSync(tryFile)
      ? [`${paint(toTry, 'bold')}\n\n${whereItIs(readFileSync(tryFile, 'utf8'), options.folder)}`]
      : []),
    'Ctrl-C stops everything.',
  ]
  return `\n${parts.join('\n\n')}\n`
}

/** What a folder has, and where to begin if that is nothing. */
export function contents(objects: number, errors: number): string {
  if (objects > 0 || errors > 0) return `${counted(objects, 'object')}, ${counted(errors, 'error')}`
  const example = relative('', packageFile('examples/quickstart'))
  return `no documents yet; a mesh to look at: meshgate up ${example} --envoy`
}

/** What to try, with the folder as it was given: the file has it from the root of the package. */
export function whereItIs(text: string, folder: string): string {
  return text.trimEnd().replaceAll(`examples/${basename(resolve(folder))}`, folder)
}

function registryRows({ options, controlPlane, giveUp }: Started): readonly Promise<Row>[] {
  return controlPlane
    .registries()
    .filter(({ name }) => name !== options.folder)
    .map(async ({ name }): Promise<Row> => {
      const now = () => controlPlane.registries().find((one) => one.name === name)
      await registryAnswers(now, giveUp)
      const state = now()
      if (state?.lastContact === undefined) return [name, state?.error ?? 'has not answered yet']
      return [name, `${state.services}${state.error ? `; ${state.error}` : ''}`]
    })
}

async function processRow({ name, readyPort }: MeshProcess, { giveUp, supervisor }: Started): Promise<Row> {
  const ready = readyPort === undefined || (await portAccepts(readyPort, giveUp))
  return [name, programText(supervisor.state(name), ready ? undefined : readyPort)]
}

/** @param awaited the port on which nothing answers */
export function programText(state: ProgramState | undefined, awaited: number | undefined): string {
  if (state && state.failures > 0)
    return state.running
      ? `failed ${counted(state.failures, 'time')} (${state.reason}), runs again; its log is above`
      : `${state.reason}; it is started again, its log is above`
  return awaited === undefined ? 'running' : `nothing on 127.0.0.1:${awaited} yet`
}

async function envoyRow({ name, proxy, addressFile, program }: SidecarProgram, started: Started): Promise<Row> {
  const admin = await envoyLive(addressFile, started.giveUp)
  if (!admin) {
    const state = started.supervisor.state(program.name)
    return [`envoy ${name}`, state && state.failures > 0 ? programText(state, undefined) : NOT_READY]
  }
  const refused = await listenersRefused(proxy.node, started)
  const open = listenersOf(proxy, 'lds', started).filter((listener) => !refused?.culprits.includes(listener))
  const but = refused ? [`refuses ${open.length > 0 ? 'others' : 'its listeners'} (${refused.message.trim()})`] : []
  const does = open.length > 0 || !refused ? [listensOn(open), ...but] : but
  return [`envoy ${name}`, [...does, `admin http://${admin}`].join(', ')]
}

/** What a proxy refuses of its listeners, once it has answered to all it was sent of them. */
async function listenersRefused(node: string, { controlPlane, giveUp }: Started) {
  for (;;) {
    const listeners = controlPlane.xds.status.client(node)[0]?.types.find(({ type }) => type === 'lds')
    if (giveUp.aborted || (listeners && listeners.state !== 'STALE')) return listeners?.nack
    await sleep(50)
  }
}

async function messageProxyRow(proxy: MeshProxy, started: Started): Promise<Row> {
  const listeners = listenersOf(proxy, 'mlds', started)
  const open = await Promise.all(
    listeners.flatMap(placeOf).map(({ host, port }) => portAccepts(port, started.giveUp, host)),
  )
  return [
    `messages ${parseNodeId(proxy.node)?.name ?? proxy.node}`,
    open.every(Boolean) ? listensOn(listeners) : NOT_READY,
  ]
}

function listenersOf({ node: id, metadata }: MeshProxy, type: 'lds' | 'mlds', { controlPlane }: Started) {
  return controlPlane.mesh.view(nodeOf({ id, metadata })).names(type)
}

/** Where a listener called `<address>_<port>` is reached from here; nowhere if it is a socket of the file system. */
export function placeOf(listener: string): readonly { readonly host: string; readonly port: number }[] {
  const [, bind = '', port = 0] = /^([\da-f.:]+)_(\d+)$/.exec(listener) ?? []
  if (bind === '') return []
  return [{ host: bind === '0.0.0.0' ? '127.0.0.1' : bind === '::' ? '::1' : bind, port: Number(port) }]
}

function listensOn(listeners: readonly string[]): string {
  return `listens on ${listeners.map((listener) => listener.replace(/_(\d+)$/, ':$1')).join(', ') || 'nothing'}`
}

function whyUnstarted(count: number, wanted: boolean): string {
  return wanted
    ? `${count} not started: there is no Envoy; above stands how to get one`
    : `${count} named; start them with --envoy`
}

/** Waits until a registry has answered, or failed to. */
async function registryAnswers(now: () => SourceState | undefined, giveUp: AbortSignal): Promise<void> {
  for (let state = now(); state && state.lastContact === undefined && state.error === undefined; state = now()) {
    if (giveUp.aborted) return
    await sleep(50)
  }
}
