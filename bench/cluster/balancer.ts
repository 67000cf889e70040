import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** What stands before several control planes: each connection goes to the next one that takes it, as an IP load balancer does. */
export class Balancer {
  readonly #server: Server
  /** Connections that were answered, by the control plane they lead to. */
  readonly #open = new Map<number, Set<Socket>>()
  #targets: readonly number[] = []
  #next = 0

  private constructor() {
    this.#server = createServer({ noDelay: true }, (client) => {
      client.on('error', () => client.destroy())
      client.pause()
      const attempt = (left: number) => {
        const port = this.#targets[this.#next++ % Math.max(1, this.#targets.length)]
        if (port === undefined || left === 0) {
          client.destroy()
          return
        }
        const upstream = connect({ port, host: '127.0.0.1', noDelay: true })
        let through = false
        upstream.once('connect', () => {
          through = true
          client.pipe(upstream).pipe(client)
          client.on('close', () => {
            this.#open.get(port)?.delete(client)
            upstream.destroy()
          })
          upstream.once('data', () => {
            if (!client.destroyed) this.#of(port).add(client)
          })
          upstream.on('close', () => client.destroy())
        })
        upstream.on('error', () => {
          if (through) client.destroy()
          else attempt(left - 1)
        })
      }
      attempt(this.#targets.length)
    })
  }

  static async start(): Promise<Balancer> {
    const balancer = new Balancer()
    await new Promise<void>((resolve) => balancer.#server.listen(0, '127.0.0.1', resolve))
    return balancer
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Ports of the control planes that run. */
  set targets(ports: readonly number[]) {
    this.#targets = ports
  }

  /** Connections that lead to a control plane, or to any. */
  connections(port?: number): number {
    if (port !== undefined) return this.#of(port).size
    return [...this.#open.values()].reduce((sum, { size }) => sum + size, 0)
  }

  stop(): void {
    this.#server.close()
  }

  #of(port: number): Set<Socket> {
    const known = this.#open.get(port) ?? new Set<Socket>()
    this.#open.set(port, known)
    return known
  }
}
