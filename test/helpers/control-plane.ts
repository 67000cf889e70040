import type { XdsServer, XdsServerOptions } from '../../controlplane/ads/server.ts'
import { type EnvoyBootstrapOptions, envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { type CompiledMesh, createMesh } from '../../controlplane/mesh.ts'
import { startEnvoy, type TestEnvoy } from './envoy.ts'
import { until } from './eventually.ts'
import { configObjects } from './objects.ts'
import { stopAfterTests } from './processes.ts'
import { RoundWatch } from './rounds.ts'
import { xdsServer } from './xds-server.ts'

/** A control plane in this process, for real clients. */
export interface ControlPlane {
  readonly port: number
  readonly mesh: CompiledMesh
  readonly server: XdsServer
  /** Makes the documents the configuration, and waits until every client has accepted it. */
  apply(yaml: string): Promise<void>
  /** The same, and waits only until every client has been told. */
  tell(yaml: string): Promise<void>
  /** The same without waiting. */
  commit(yaml: string): void
  /** Resolves when no client has anything open. @throws Error saying who has what open. */
  synced(): Promise<void>
  stop(): Promise<void>
}

export async function startControlPlane(yaml: string, options: XdsServerOptions = {}): Promise<ControlPlane> {
  const mesh = createMesh({
    onFailure: (type, name, error) => {
      throw new Error(`${type} ${name} cannot be compiled`, { cause: error })
    },
  })
  mesh.commit(configObjects(yaml))
  const rounds = new RoundWatch(options.metrics)
  const server = xdsServer(mesh, { ...options, metrics: rounds.metrics })
  const { port } = await server.listen('127.0.0.1:0')
  const stop = () => server.stop()
  stopAfterTests(stop)

  const open = () =>
    server.status
      .clients()
      .filter(({ disconnectedAt }) => disconnectedAt === undefined)
      .flatMap(({ node, types }) =>
        types
          .filter(({ state }) => state === 'STALE' || state === 'NACK')
          .map(({ type, state, nack }) => `${node.id} ${type} ${state} ${nack?.message ?? ''}`),
      )
  const synced = async () => {
    await until(open, (list) => list.length === 0, { what: 'clients in step' })
  }

  const tell = (text: string) => rounds.after(mesh, () => mesh.commit(configObjects(text)))

  return {
    port,
    mesh,
    server,
    commit: (text) => {
      mesh.commit(configObjects(text))
    },
    tell,
    apply: async (text) => {
      await tell(text)
      await synced()
    },
    synced,
    stop,
  }
}

/** A real Envoy that knows nothing but where the control plane is. */
export async function startEnvoyClient(
  controlPlane: ControlPlane,
  mode: 'delta' | 'sotw',
  node: EnvoyBootstrapOptions['node'],
  options: Pick<EnvoyBootstrapOptions, 'loadReports' | 'deferredStats'> = {},
): Promise<TestEnvoy> {
  return startEnvoy({
    bootstrap: envoyBootstrap({ node, xds: { host: '127.0.0.1', port: controlPlane.port }, mode, ...options }),
  })
}
