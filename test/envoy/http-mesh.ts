import { Agent, request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http'
import { expect } from 'vitest'
import { envoyBootstrap } from '../../controlplane/bootstrap/envoy.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import type { Seen } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { configObjects } from '../helpers/objects.ts'
import { xdsServer } from '../helpers/xds-server.ts'

/** The forms of xDS. */
export const MODES = ['delta', 'sotw'] as const
export type Mode = (typeof MODES)[number]

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** Which upstream answered; undefined when Envoy did by itself. */
  readonly upstream: string | undefined
  /** What the upstream saw. @throws Error when none answered. */
  readonly seen: Seen
}

export interface HttpMesh {
  readonly envoy: TestEnvoy
  /** Makes other documents the configuration. Envoy gets it over the stream that is open. */
  apply(yaml: string): void
  /** Ends Envoy and the control plane. @throws AssertionError when Envoy refused anything meanwhile. */
  stop(): Promise<void>
}

/** Starts a control plane with these documents and an Envoy of this node that asks it. */
export async function startHttpMesh(options: {
  readonly mode: Mode
  readonly yaml: string
  readonly id: string
  readonly metadata?: Record<string, unknown>
}): Promise<HttpMesh> {
  const failures: string[] = []
  const mesh = createMesh({ onFailure: (type, name, error) => failures.push(`${type} ${name}: ${error}`) })
  mesh.commit(configObjects(options.yaml))
  const server = xdsServer(mesh)
  const { port } = await server.listen('127.0.0.1:0')
  const envoy = await startEnvoy({
    bootstrap: envoyBootstrap({
      node: { id: options.id, metadata: options.metadata ?? {} },
      xds: { host: '127.0.0.1', port },
      mode: options.mode,
    }),
  }).catch(async (error: unknown) => {
    await server.stop()
    throw error
  })
  return {
    envoy,
    apply(yaml) {
      mesh.commit(configObjects(yaml))
    },
    async stop() {
      const rejected = await envoy.rejected()
      // Envoy warns of each deprecated field of each update: thousands of lines in a large mesh.
      const deprecated = await envoy.stat('runtime.deprecated_feature_use')
      await envoy.stop()
      await server.stop()
      expect({ rejected, deprecated, failures }).toEqual({ rejected: {}, deprecated: 0, failures: [] })
    },
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 })

/** One request to a port of loopback; `host` goes into the Host header. */
export function ask(
  port: number,
  host: string,
  path = '/',
  options: Pick<RequestOptions, 'method' | 'headers'> & { readonly body?: string } = {},
): Promise<Answer> {
  const { body, ...rest } = options
  return new Promise((resolve, reject) => {
    const call = httpRequest(
      { agent, host: '127.0.0.1', port, path, ...rest, headers: { host, ...rest.headers } },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          const { headers } = response
          const upstream = headers['x-echo-name'] as string | undefined
          resolve({
            status: response.statusCode ?? 0,
            headers,
            body: text,
            upstream,
            get seen(): Seen {
              if (upstream === undefined) throw new Error(`no upstream answered: ${response.statusCode} ${text}`)
              return JSON.parse(text)
            },
          })
        })
        response.on('error', reject)
      },
    )
    call.on('error', reject)
    call.end(body)
  })
}

/** Sends `count` requests, 32 at a time, and counts the answers by what `key` says of each. */
export async function tally(
  count: number,
  send: (index: number) => Promise<Answer>,
  key: (answer: Answer) => string,
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  let next = 0
  const worker = async () => {
    while (next < count) {
      const name = key(await send(next++))
      counts[name] = (counts[name] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: 32 }, worker))
  return counts
}
