import { request } from 'node:http'
import type { XdsServer } from '../../controlplane/ads/server.ts'
import { CONSUL_DEFAULTS, ConsulDiscovery, type ConsulSettings } from '../../controlplane/consul/index.ts'
import { type CompiledMesh, createMesh } from '../../controlplane/mesh.ts'
import { Discovery } from '../../controlplane/model/index.ts'
import { IN_THE_END_MS } from '../helpers/eventually.ts'
import { configObjects } from '../helpers/objects.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { xdsServer } from '../helpers/xds-server.ts'

/** A control plane in this process that reads a Consul. */
export interface ConsulBed {
  readonly port: number
  readonly mesh: CompiledMesh
  readonly server: XdsServer
  readonly source: ConsulDiscovery
  readonly warnings: readonly string[]
  commit(yaml: string): void
  stop(): Promise<void>
}

const beds = new Set<() => Promise<void>>()

/** Ends those that a test left open because it failed. */
export async function stopBeds(): Promise<void> {
  await Promise.all([...beds].map((stop) => stop()))
}

export async function consulBed(
  url: string,
  yaml: string,
  settings: Partial<ConsulSettings> = {},
  cacheFile?: string,
): Promise<ConsulBed> {
  const discovery = new Discovery()
  const warnings: string[] = []
  const mesh = createMesh({
    discovery,
    onFailure: (type, name, error) => {
      throw new Error(`${type} ${name} cannot be compiled`, { cause: error })
    },
  })
  mesh.commit(configObjects(yaml))
  const source = new ConsulDiscovery({
    discovery,
    settings: { ...CONSUL_DEFAULTS, url, ...settings },
    cacheFile,
    log: { info: () => {}, warn: (_, message) => warnings.push(message) },
  })
  const server = xdsServer(mesh, { ready: () => source.ready })
  const { port } = await server.listen('127.0.0.1:0')
  await source.start()
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= (async () => {
      forget()
      beds.delete(stop)
      await server.stop()
      await source.stop()
    })()
    return stopped
  }
  const forget = stopAfterTests(stop)
  beds.add(stop)
  return {
    port,
    mesh,
    server,
    source,
    warnings,
    commit: (text) => {
      mesh.commit(configObjects(text))
    },
    stop,
  }
}

/** Who answers a request through a proxy on loopback: the upstream's name, else the status. */
export function ask(port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(
      { host: '127.0.0.1', port, path: '/', headers: { host }, timeout: IN_THE_END_MS },
      (response) => {
        response.resume()
        response.on('end', () => resolve(String(response.headers['x-echo-name'] ?? response.statusCode)))
      },
    )
    call.on('timeout', () => call.destroy(new Error(`no answer within ${IN_THE_END_MS} ms`)))
    call.on('error', reject)
    call.end()
  })
}

/** The endpoints a proxy would be served, as `<port> <health>`. */
export function served({ mesh }: Pick<ConsulBed, 'mesh'>, hostname: string): readonly string[] {
  const service = mesh.model.registry.byHostname().get(hostname)?.[0]
  if (!service) return ['no service']
  if (!mesh.model.endpoints.known(service)) {
    mesh.model.endpoints.serve(service, service.ports[0]!)
    return ['not known']
  }
  return mesh.model.endpoints
    .serve(service, service.ports[0]!)
    .map(({ port, health = 'healthy' }) => `${port} ${health}`)
}
