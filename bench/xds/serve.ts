import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parseAddress } from '../../controlplane/ads/listener.ts'
import { XdsServer } from '../../controlplane/ads/server.ts'
import { LiveConfig } from '../../controlplane/live-config.ts'
import { createMesh } from '../../controlplane/mesh.ts'
import { ChangingSource } from './changing-source.ts'
import { filesOf, ROUTE_FILE, routeDocument, serviceDocument, serviceFile, type Workload } from './workload.ts'

/** How long a timer is set to measure the delay of the loop by, in ms. */
const RESOLUTION_MS = 1

/**
 * Just the control plane with one mesh, and an HTTP address to change it by:
 *
 * - `POST /ep?svc=K&v=N`: the first endpoint of service K gets the address of change N (`addressOf`)
 * - `POST /route?v=N`: the weight of the one split becomes N % 101
 * - `POST /gc`: collects garbage, so that memory at rest can be read
 * - `GET /stats`: RSS and heap in bytes, CPU in µs, p99 and longest delay of the event loop in ms since the last call
 *
 * What is none of these is answered 400 with what would be.
 *
 * @param xds,admin `host:port`, port 0 for a free one
 */
export async function serve(workload: Workload, xds: string, admin: string): Promise<{ stop(): Promise<void> }> {
  const source = new ChangingSource(filesOf(workload))
  const mesh = createMesh({ onFailure: (type, name, error) => console.error(`${type} ${name}:`, error) })
  const config = new LiveConfig(source, mesh)
  await config.start()
  const complaint = config.documentDiagnostics().find(({ severity }) => severity === 'error')
  if (complaint) throw new Error(`the workload is not valid: ${complaint.file}: ${complaint.message}`)
  const server = new XdsServer(mesh)
  const { port } = await server.listen(xds)
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  const http = createServer((request, response) => answer(request, response, workload, source, delay))
  // Else a call that comes as the server closes an idle connection fails.
  http.keepAliveTimeout = 600_000
  const adminPort = await listenHttp(http, admin)
  console.log(JSON.stringify({ xds: port, admin: adminPort, pid: process.pid }))
  return {
    async stop() {
      http.close()
      http.closeAllConnections()
      delay.disable()
      await server.stop()
      await config.stop()
    },
  }
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  workload: Workload,
  source: ChangingSource,
  delay: IntervalHistogram,
): void {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const number = (name: string, most = Number.MAX_SAFE_INTEGER) => {
    const text = url.searchParams.get(name) ?? ''
    const value = /^\d+$/.test(text) ? Number(text) : -1
    if (value < 0 || value > most) throw new RangeError(`${name} must be a whole number from 0 to ${most}`)
    return value
  }
  try {
    const asked = `${request.method} ${url.pathname}`
    if (asked === 'POST /ep') {
      const service = number('svc', workload.services - 1)
      source.change(serviceFile(service), serviceDocument(workload, service, number('v')))
    } else if (asked === 'POST /route') source.change(ROUTE_FILE, routeDocument(number('v') % 101))
    else if (asked === 'POST /gc') collectGarbage()
    else if (asked === 'GET /stats') {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(stats(delay)))
      return
    } else throw new RangeError('there are POST /ep?svc=K&v=N, POST /route?v=N, POST /gc and GET /stats')
    response.end()
  } catch (error) {
    response.statusCode = error instanceof RangeError ? 400 : 500
    response.end(`${error instanceof Error ? error.message : String(error)}\n`)
  }
}

function stats(delay: IntervalHistogram) {
  const { rss, heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  // The histogram holds the time between two firings of the timer, which is never less than what it is set to.
  const beyond = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)
  const delays = { loopP99: beyond(delay.percentile(99)), loopMax: beyond(delay.max) }
  delay.reset()
  return { rss, heapUsed, cpu: user + system, ...delays }
}

let collect: (() => void) | undefined

function collectGarbage(): void {
  if (!collect) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  collect()
}

/** @returns the port */
export function listenHttp(server: Server, text: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(parseAddress(text), () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : 0)
    })
  })
}
