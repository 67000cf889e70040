import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { renderPrometheus, type StatsSnapshot } from '../stats/prometheus.ts'

/** What the admin port shows and does. One process answers for itself, or the first of several for all of them. */
export interface AdminSource {
  stats(): Promise<StatsSnapshot>
  /** Plain data; integers of 64 bits come out as text. */
  configDump(): unknown
  clusters(): Promise<unknown>
  listeners(): Promise<readonly unknown[]>
  /** `live`: in service; `starting`: no configuration yet; `draining`. */
  state(): 'live' | 'starting' | 'draining'
  /** Listeners of the configuration that are not open, or not where it wants them, and why. */
  notOpen(): readonly NotOpen[]
  drain(): void
}

export interface NotOpen {
  readonly name: string
  readonly reason: string
}

/** Serves the admin paths on loopback unless told otherwise. Changes need POST, so that no link or image can make them. */
export class AdminServer {
  readonly #server: Server
  readonly #source: AdminSource

  constructor(source: AdminSource) {
    this.#source = source
    this.#server = createServer((request, response) => {
      const send = (status: number, type: string, body: string) => {
        response.writeHead(status, {
          'content-type': type,
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
        })
        response.end(request.method === 'HEAD' ? undefined : body)
      }
      const { method = 'GET', url = '/', headers } = request
      if (method === 'POST' && isOfAPage(headers)) {
        send(403, 'text/plain', 'a page of a browser may change nothing here: use a program, which sends no Origin\n')
        return
      }
      // No URL: what a client sends need not be one, and an error here would end the proxy.
      const path = url.replace(/^http:\/\/[^/]*/i, '').split('?', 1)[0]!
      this.#answer(method, path, send).catch((error: Error) => send(500, 'text/plain', `${error.message}\n`))
    })
    this.#server.headersTimeout = 10_000
    this.#server.maxConnections = 100
  }

  /** @returns the port. @throws when it cannot listen. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        resolve((this.#server.address() as AddressInfo).port)
      })
    })
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #answer(
    method: string,
    path: string,
    send: (status: number, type: string, body: string) => void,
  ): Promise<void> {
    const reads = method === 'GET' || method === 'HEAD'
    const source = this.#source
    switch (path) {
      case '/':
        return send(200, 'text/plain', help)
      case '/ready': {
        const state = source.state()
        // Envoy is live without a listener that it could not open, too: a proxy that is to take the place of another waits for its port like this.
        const lines = source.notOpen().map(({ name, reason }) => `listener ${name} is not open: ${reason}`)
        const text = [state.toUpperCase(), ...(state === 'live' ? lines : [])].join('\n')
        return send(state === 'live' ? 200 : 503, 'text/plain', `${text}\n`)
      }
      case '/stats/prometheus':
      case '/metrics':
        return send(200, 'text/plain; version=0.0.4', renderPrometheus(await source.stats()))
      case '/stats': {
        const { counters, gauges } = await source.stats()
        const lines = Object.entries({ ...counters, ...gauges }).map(([key, value]) => `${key}: ${value}`)
        return send(200, 'text/plain', `${lines.sort().join('\n')}\n`)
      }
      case '/config_dump':
        return send(200, 'application/json', json(source.configDump()))
      case '/clusters':
        return send(200, 'application/json', json(await source.clusters()))
      case '/listeners':
        return send(200, 'application/json', json(await source.listeners()))
      case '/drain':
      case '/drain_listeners':
        if (reads) return send(405, 'text/plain', `${path} changes something: use POST\n`)
        source.drain()
        return send(200, 'text/plain', 'OK\n')
      default:
        return send(404, 'text/plain', help)
    }
  }
}

/** Any page that is open on this machine can make a browser send a POST without asking; then it says whose page it was. */
function isOfAPage({ origin, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean {
  return origin !== undefined || (site !== undefined && site !== 'none')
}

const help = `/ready              200 while in service; then a line for each listener that is not open, with the reason
/stats              counters and gauges as text
/stats/prometheus   the same for Prometheus (also /metrics)
/clusters           hosts, their health, what is in flight, and why the last connection failed
/listeners          where it listens, what is connected, and what could not be opened
/config_dump        the configuration in force, what of it could not be used, and the control plane
POST /drain         stop accepting, let requests finish, end connections
`

/** Keys and certificates stay where they are. */
function json(value: unknown): string {
  return `${JSON.stringify(
    value,
    (key, part) => (typeof part === 'bigint' ? String(part) : key === 'privateKey' ? '[redacted]' : part),
    2,
  )}\n`
}
