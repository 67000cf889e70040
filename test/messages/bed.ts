import { connect, createServer, type Server, type Socket } from 'node:net'
import { ConfigClient, type ConfigClientOptions, type ConfigStatus } from '../../dataplane/config/index.ts'
import type { Configuration } from '../../dataplane/configuration.ts'
import { type ConfigurationProblem, MessageProxy } from '../../dataplane/proxy.ts'
import { Bed } from '../dataplane/game.ts'
import { comesTrue } from '../helpers/eventually.ts'

/** A message proxy in this process that gets its configuration from a control plane, as the command runs one. */
export interface ManagedProxy {
  readonly proxy: MessageProxy
  readonly client: ConfigClient
  readonly configurations: readonly Configuration[]
  readonly warnings: readonly string[]
  readonly problems: readonly ConfigurationProblem[]
  status(): ConfigStatus
  /** Resolves when the newest configuration that came fulfils the condition and is in force. */
  inForce(holds: (configuration: Configuration) => boolean): Promise<Configuration>
}

export const NODE_ID = 'message~127.0.0.1~client.default~default.svc.cluster.local'

export async function managedProxy(
  bed: Bed,
  xdsPort: number,
  options: Partial<ConfigClientOptions> = {},
): Promise<ManagedProxy> {
  const proxy = new MessageProxy()
  const configurations: Configuration[] = []
  const warnings: string[] = []
  const problems: ConfigurationProblem[] = []
  const client = new ConfigClient({
    xds: { host: '127.0.0.1', port: xdsPort },
    node: { id: NODE_ID, cluster: 'client' },
    log: { info: () => {}, warn: (_, text) => warnings.push(text) },
    backoff: { baseMs: 20, maxMs: 200 },
    onConfiguration: async (configuration) => {
      configurations.push(configuration)
      const found = await proxy.apply(configuration)
      problems.push(...found)
      return found
    },
    ...options,
  })
  bed.defer(() => proxy.close())
  bed.defer(() => client.stop())
  await client.start()
  return {
    proxy,
    client,
    configurations,
    warnings,
    problems,
    status: () => client.status(),
    async inForce(holds) {
      await comesTrue(() => holds(proxy.configuration), 'a configuration')
      return proxy.configuration
    },
  }
}

/** A STATIC service of the game protocol whose endpoints are on loopback; labels give the subsets. */
export function service(
  host: string,
  port: number,
  endpoints: readonly { readonly port: number; readonly version?: string }[],
) {
  const name = host.toLowerCase().replaceAll('.', '-')
  const versions = [...new Set(endpoints.flatMap(({ version }) => version ?? []))]
  return `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec:
  hosts: [${host}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: ${port}, name: game, protocol: TCP}]
  endpoints:
${endpoints
  .map(
    (endpoint) =>
      `    - {address: 127.0.0.1, ports: {game: ${endpoint.port}}${endpoint.version ? `, labels: {version: ${endpoint.version}}` : ''}}`,
  )
  .join('\n')}
${
  versions.length > 0
    ? `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${name}}
spec:
  host: ${host}
  subsets: [${versions.map((version) => `{name: ${version}, labels: {version: ${version}}}`).join(', ')}]
`
    : ''
}---`
}

/** A gateway that takes the game protocol on a port of loopback. */
export function gateway(port: number): string {
  return `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers:
    - {port: {number: ${port}, name: game-edge, protocol: TCP}, bind: 127.0.0.1, hosts: ["*"]}
---`
}

/** A MsgRouter; `spec` is the inside of a flow mapping. */
export function msgRouter(name: string, spec: string): string {
  return `
apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: ${name}}
spec: {${spec}}
---`
}

/** A port that leads to a control plane, which can go and come back as another. */
export class Relay {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Undefined: connections are closed at once. */
  target: number | undefined

  constructor(target: number | undefined) {
    this.target = target
    this.#server = createServer((socket) => {
      socket.on('error', () => socket.destroy())
      if (this.target === undefined) {
        socket.destroy()
        return
      }
      const through = connect(this.target, '127.0.0.1')
      for (const one of [socket, through]) {
        this.#sockets.add(one)
        one.on('close', () => this.#sockets.delete(one))
      }
      through.on('error', () => socket.destroy())
      through.on('close', () => socket.destroy())
      socket.on('close', () => through.destroy())
      socket.pipe(through).pipe(socket)
    })
  }

  listen(): Promise<number> {
    return new Promise((resolve) =>
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as { port: number }).port)),
    )
  }

  lead(target: number | undefined): void {
    this.target = target
    for (const socket of this.#sockets) socket.destroy()
  }

  close(): void {
    this.lead(undefined)
    this.#server.close()
  }
}

export { Bed }
