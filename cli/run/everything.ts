import { errorText } from '../../errors/thrown.ts'
import { printText } from '../output.ts'
import { Supervisor } from '../processes/supervisor.ts'
import { type EnvoyBinary, ensureEnvoy, envoyVersion } from '../tools/envoy.ts'
import { type RunningControlPlane, startControlPlane } from './control-plane.ts'
import type { ControlPlaneOptions } from './control-plane-options.ts'
import { type Log, logPrinted } from './log.ts'
import {
  adminAddress,
  codecModules,
  isMessageProxy,
  meshSpec,
  messageProxyPrograms,
  processPrograms,
  type SidecarProgram,
  sidecarFolder,
  sidecarPrograms,
} from './mesh-programs.ts'
import { storePlace } from './store-place.ts'
import { summary } from './summary.ts'
import { untilSignal } from './until-signal.ts'

export interface EverythingOptions extends ControlPlaneOptions {
  readonly envoy: boolean
}

const PATIENCE_MS = 20_000

/** Runs control plane, demo programs and Envoys until a signal comes; then stops all of it. */
export async function runEverything(options: EverythingOptions, log: Log): Promise<void> {
  const signal = untilSignal()
  const start = performance.now()
  const controlPlane = await startControlPlane(options, log)
  const stopping = new AbortController()
  const supervisor = new Supervisor({
    started: (program, pid) => log.debug({ program, pid }, 'program started'),
    failed: (program, reason, retryMs) =>
      log.error({ program, reason, retryMs }, 'program failed; it is started again'),
    stopped: (program) => log.debug({ program }, 'program stopped'),
    line: (program, line, stream) => {
      // What programs say about being stopped helps nobody.
      if (!stopping.signal.aborted) logPrinted(log, { program }, line, stream === 'stderr' ? 'warn' : 'info')
    },
  })
  const bootstraps = await sidecarFolder()
  try {
    startPrograms(
      { options, controlPlane, supervisor, folder: bootstraps.path, stopping: stopping.signal, start },
      log,
    ).catch((error: unknown) => log.error({ err: error }, 'starting the programs failed'))
    log.info({ signal: await signal }, 'stopping')
  } finally {
    stopping.abort()
    await supervisor.stop()
    await controlPlane.stop()
    await bootstraps.remove()
    // A download that was under way must not hold us up.
    setTimeout(() => process.exit(), 1_000).unref()
  }
}

interface Start {
  readonly options: EverythingOptions
  readonly controlPlane: RunningControlPlane
  readonly supervisor: Supervisor
  /** For bootstraps. */
  readonly folder: string
  readonly stopping: AbortSignal
  /** Reading of `performance.now()` when it began. */
  readonly start: number
}

/** Gets Envoy if it is wanted, starts what the Mesh document names and tells what runs. */
async function startPrograms(
  { options, controlPlane, supervisor, folder, stopping, start }: Start,
  log: Log,
): Promise<void> {
  const envoy = options.envoy ? await findEnvoyOrSay(log) : undefined
  if (stopping.aborted) return
  const programs = new Programs(controlPlane, supervisor, {
    folder: storePlace(options.folder).kind === 'file' ? options.folder : '.',
    bootstraps: folder,
    envoy: envoy?.path,
  })
  stopping.addEventListener('abort', () => programs.stop())
  const sidecars = await programs.follow()
  const giveUp = AbortSignal.any([stopping, AbortSignal.timeout(PATIENCE_MS)])
  const text = await summary({ options, controlPlane, supervisor, sidecars, envoy, start, giveUp })
  if (!stopping.aborted) printText(text)
}

/** Keeps what runs equal to what the Mesh document says, one change after the other. */
class Programs {
  readonly #controlPlane: RunningControlPlane
  readonly #supervisor: Supervisor
  readonly #options: { readonly folder: string; readonly bootstraps: string; readonly envoy: string | undefined }
  #unsubscribe = () => {}
  #last = ''
  #work: Promise<readonly SidecarProgram[]> = Promise.resolve([])

  constructor(
    controlPlane: RunningControlPlane,
    supervisor: Supervisor,
    options: { readonly folder: string; readonly bootstraps: string; readonly envoy: string | undefined },
  ) {
    this.#controlPlane = controlPlane
    this.#supervisor = supervisor
    this.#options = options
  }

  /** Starts what is named now and follows changes. Resolves when the first programs have been started. */
  follow(): Promise<readonly SidecarProgram[]> {
    this.#unsubscribe = this.#controlPlane.config.onUpdate(() => void this.#update())
    return this.#update()
  }

  stop(): void {
    this.#unsubscribe()
  }

  #update(): Promise<readonly SidecarProgram[]> {
    const { objects } = this.#controlPlane.config
    const { proxies = [], processes = [] } = meshSpec(objects)
    const codecs = codecModules(objects, this.#options.folder)
    const key = JSON.stringify([proxies, processes, codecs])
    if (key === this.#last) return this.#work
    this.#last = key
    this.#work = this.#work.then(async () => {
      const { folder, bootstraps, envoy } = this.#options
      const xds = dialable(this.#controlPlane.xdsAddress)
      const envoys = proxies.filter((proxy) => !isMessageProxy(proxy))
      const sidecars = envoy ? await sidecarPrograms(envoys, { envoy, xds, folder: bootstraps }) : []
      for (const { proxy, addressFile } of sidecars)
        this.#controlPlane.figures.name(proxy.node, () => adminAddress(addressFile))
      await this.#supervisor.want([
        ...processPrograms(processes, folder),
        ...messageProxyPrograms(proxies.filter(isMessageProxy), xds, codecs),
        ...sidecars.map(({ program }) => program),
      ])
      return sidecars
    })
    return this.#work
  }
}

/** An address to connect to, where the one listened on means all of the machine. */
function dialable({ host, port }: { host: string; port: number }) {
  return { host: host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host === 'localhost' ? '127.0.0.1' : host, port }
}

async function findEnvoyOrSay(log: Log): Promise<EnvoyBinary | undefined> {
  try {
    const envoy = await ensureEnvoy((line) => log.info({}, line))
    log.info({ path: envoy.path, version: await envoyVersion(envoy.path), origin: envoy.origin }, 'Envoy found')
    return envoy
  } catch (error) {
    for (const line of errorText(error).split('\n')) log.error({}, line)
    log.warn({}, 'going on without Envoy')
    return undefined
  }
}
