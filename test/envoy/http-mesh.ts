import { Agent, request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http'
import { staticBootstrap } from '../../controlplane/bootstrap/static.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import { reachable, resourceJson } from '../../controlplane/xds/dump.ts'
import type { NodeInfo } from '../../controlplane/xds/resource.ts'
import type { Seen, Upstream } from '../helpers/echo.ts'
import { startEnvoy, type TestEnvoy } from '../helpers/envoy.ts'
import { configObjects } from '../helpers/objects.ts'

/** How Envoy gets its configuration. */
export const MODES = ['static'] as const
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

/** Starts an Envoy of this node with what the mesh of these documents has for it. */
export async function startHttpMesh(options: {
  readonly mode: Mode
  readonly yaml: string
  readonly id: string
  readonly metadata?: Record<string, unknown>
}): Promise<TestEnvoy> {
  const mesh = createMesh({
    onFailure: (type, name, error) => {
      throw new Error(`${type} ${name} cannot be compiled`, { cause: error })
    },
  })
  mesh.commit(configObjects(options.yaml))
  const metadata = options.metadata ?? {}
  const node: NodeInfo = {
    id: options.id,
    cluster: 'test',
    metadata,
    locality: { region: '', zone: '', subZone: '' },
    userAgent: 'envoy',
    protocol: 'delta',
    secretsAllowed: true,
  }
  const { cds, eds, lds, rds, sds } = reachable(mesh.view(node))
  const json = (list: typeof cds) => list.map((resource) => resourceJson(resource, { secrets: true })) as never
  return startEnvoy({
    bootstrap: staticBootstrap({
      node: { id: options.id, metadata },
      resources: {
        clusters: json(cds),
        endpoints: json(eds),
        listeners: json(lds),
        routes: json(rds),
        secrets: json(sds),
      },
    }),
  })
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

/** A ServiceEntry of namespace default at this upstream; `labels` for subsets. */
export function serviceAt(
  host: string,
  endpoints: readonly { readonly upstream: Upstream; readonly labels?: Readonly<Record<string, string>> }[],
  ports = '[{number: 80, name: http, protocol: HTTP}]',
): string {
  const list = endpoints.map(({ upstream, labels = {} }) =>
    JSON.stringify({ address: upstream.host, ports: { http: upstream.port }, labels }),
  )
  return `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${host.replaceAll(/[^a-z0-9]+/g, '-')}}
spec:
  hosts: ["${host}"]
  resolution: STATIC
  location: MESH_INTERNAL
  ports: ${ports}
  endpoints: [${list.join(', ')}]
`
}

/** A VirtualService of namespace default; `http` is its list of rules. */
export function rulesFor(hosts: string, http: string, more = ''): string {
  return `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${hosts.split(',')[0]!.replaceAll(/[^a-z0-9]+/g, '-')}-rules}
spec:
  hosts: [${hosts}]
  ${more}
  http:
${http.trim().replace(/^/gm, '  ')}
`
}
