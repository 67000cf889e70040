import { type AddressInfo, connect, createServer, type Server } from 'node:net'

/** What stands before several control planes: each connection goes to the next one that takes it, as an IP load balancer does. */
export class Balancer {
  readonly #server: Server
  #targets: readonly number[] = []
  #next = 0

  private constructor() {
    this.#server = createServer((client) => {
      client.on('error', () => client.destroy())
      client.pause()
      const attempt = (left: number) => {
        const port = this.#targets[this.#next++ % Math.max(1, this.#targets.length)]
        if (port === undefined || left === 0) {
          client.destroy()
          return
        }
        const upstream = connect({ port, host: '127.0.0.1', noDelay: true })
        upstream.once('connect', () => {
          client.pipe(upstream).pipe(client)
          client.on('close', () => upstream.destroy())
          upstream.on('close', () => client.destroy())
        })
        upstream.on('error', () => {
          if (upstream.connecting || upstream.pending) attempt(left - 1)
          else client.destroy()
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

  set targets(ports: readonly number[]) {
    this.#targets = ports
  }

  stop(): void {
    this.#server.close()
  }
}
