import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { expect } from 'vitest'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { formatDiagnostic } from '../../controlplane/diagnostics/diagnostic.ts'
import { LiveConfig } from '../../controlplane/live-config.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import { MemorySource } from '../../controlplane/sources/index.ts'
import { startEnvoy } from '../helpers/envoy.ts'
import { stopAfterTests } from '../helpers/processes.ts'
import { xdsServer } from '../helpers/xds-server.ts'
import type { HttpMesh, Mode } from './http-mesh.ts'

/**
 * Starts a control plane with these documents, loaded and checked as the product does, and an Envoy of this node that asks it.
 * @throws AssertionError from `apply` and here when a document has another error than `errors`
 */
export async function startMesh(options: {
  readonly mode: Mode
  readonly yaml: string
  readonly id: string
  readonly labels?: Readonly<Record<string, string>>
  /** Codes of errors the documents are meant to have. */
  readonly errors?: readonly string[]
}): Promise<HttpMesh> {
  const failures: string[] = []
  const mesh = createMesh({ onFailure: (type, name, error) => failures.push(`${type} ${name}: ${error}`) })
  const source = MemorySource.of({ 'mesh.yaml': options.yaml })
  const config = new LiveConfig(source, mesh)
  const check = () => {
    const errors = config
      .diagnostics()
      .filter(({ severity, code }) => severity === 'error' && !options.errors?.includes(code))
    expect(errors.map(formatDiagnostic)).toEqual([])
  }
  await config.start()
  check()
  const server = xdsServer(mesh)
  const { port } = await server.listen('127.0.0.1:0')
  const forget = stopAfterTests(() => server.stop())
  const envoy = await startEnvoy({
    bootstrap: envoyBootstrap({
      node: { id: options.id, metadata: { LABELS: options.labels ?? {} } },
      xds: { host: '127.0.0.1', port },
      mode: options.mode,
    }),
  })
  return {
    envoy,
    apply(yaml) {
      source.set({ 'mesh.yaml': yaml })
      check()
    },
    async stop() {
      const rejected = await envoy.rejected()
      const deprecated = await envoy.stat('runtime.deprecated_feature_use')
      forget()
      await envoy.stop()
      await server.stop()
      await config.stop()
      expect({ rejected, deprecated, failures }).toEqual({ rejected: {}, deprecated: 0, failures: [] })
    },
  }
}

export interface DialOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** A Unix domain socket instead of host and port. */
  readonly path?: string
  /** Options of a TLS handshake; none: plain TCP. */
  readonly tls?: ConnectionOptions
}

/** A connection whose bytes can be awaited. */
export interface Connection {
  readonly socket: Socket
  /** Sends a text and resolves with the next bytes that come. @throws Error when the connection ends instead. */
  say(text: string): Promise<string>
  /** Resolves when the other side has ended the connection. */
  readonly closed: Promise<void>
  close(): void
}

/** Opens a connection; with `tls` the handshake is done. @throws Error of the socket or of the handshake */
export async function dial(port: number, { host = '127.0.0.1', path, tls }: DialOptions = {}): Promise<Connection> {
  const place = path === undefined ? { host, port } : { path }
  const socket: Socket = tls ? connectTls({ ...place, ...tls }) : connect(place)
  const heard: string[] = []
  const waiting: (() => void)[] = []
  let failure: Error | undefined
  const wake = () => {
    for (const next of waiting.splice(0)) next()
  }
  socket.on('data', (chunk: Buffer) => {
    heard.push(chunk.toString('utf8'))
    wake()
  })
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      failure ??= new Error('the connection was closed')
      wake()
      resolve()
    })
  })
  socket.on('error', (error) => {
    failure = error
  })
  const forget = stopAfterTests(async () => socket.destroy())
  void closed.then(forget)
  await new Promise<void>((resolve, reject) => {
    socket.once(tls ? 'secureConnect' : 'connect', () => resolve())
    void closed.then(() => reject(failure))
  })
  return {
    socket,
    closed,
    close: () => socket.destroy(),
    async say(text) {
      socket.write(text)
      while (heard.length === 0) {
        if (failure) throw failure
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
      return heard.splice(0).join('')
    },
  }
}

/** Who answers on a connection of its own: the name before the colon of a TCP upstream, or `closed` when nobody does. */
export async function who(port: number, options: DialOptions = {}): Promise<string> {
  try {
    const connection = await dial(port, options)
    const answer = await connection.say('hello')
    connection.close()
    return answer.split(':')[0]!
  } catch {
    return 'closed'
  }
}

/** What a handshake came to. @throws Error of the handshake, or of the alert that follows a missing client certificate */
export async function handshake(
  port: number,
  tls: ConnectionOptions,
): Promise<{ readonly subject: string; readonly version: string; readonly alpn: string }> {
  const { socket, close } = await dial(port, { tls })
  const own = socket as TLSSocket
  const result = {
    subject: String(own.getPeerCertificate().subject?.CN ?? ''),
    version: own.getProtocol() ?? '',
    alpn: own.alpnProtocol || '',
  }
  close()
  return result
}

/** Opens `count` connections, 32 at a time, and counts who answered. */
export async function tallyConnections(
  count: number,
  port: number,
  options: DialOptions = {},
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  let next = 0
  const worker = async () => {
    while (next++ < count) {
      const name = await who(port, options)
      counts[name] = (counts[name] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: 32 }, worker))
  return counts
}

/** A ServiceEntry of namespace default with one TCP or TLS port, and an endpoint for each upstream. */
export function tcpService(
  host: string,
  port: number,
  upstreams: readonly { readonly port: number; readonly version?: string }[],
  { protocol = 'TCP', location = 'MESH_INTERNAL' } = {},
): string {
  const endpoints = upstreams.map(({ port: own, version = 'v1' }) =>
    JSON.stringify({ address: '127.0.0.1', ports: { l4: own }, labels: { version } }),
  )
  return `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${host.replaceAll(/[^a-z0-9]+/g, '-').replace(/^-/, 'any-')}}
spec:
  hosts: ["${host}"]
  resolution: STATIC
  location: ${location}
  ports: [{number: ${port}, name: l4, protocol: ${protocol}}]
  endpoints: [${endpoints.join(', ')}]
`
}

/** A document of a networking kind in namespace default; `spec` is a flow mapping. */
export function networking(kind: string, name: string, spec: string): string {
  return `---
apiVersion: networking.istio.io/v1
kind: ${kind}
metadata: {name: ${name}}
spec: ${spec}
`
}
