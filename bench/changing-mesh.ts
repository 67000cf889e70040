import type { ConfigObject } from '../controlplane/config/object.ts'

type Spec = Record<string, unknown>

interface ServiceState {
  readonly name: string
  /** Subset names; each selects the endpoints of one group. */
  subsets: string[]
  /** Upstream ports, one or more; each endpoint is in every subset's group by turn. */
  endpoints: number[]
}

/**
 * A mesh that changes at random, but only in ways a running request must survive: weights, renamed subsets, routes that move to
 * another service, services that come and go unused, endpoints that come and go while another one stays.
 */
export class ChangingMesh {
  readonly hosts: readonly string[]
  readonly #ports: readonly number[]
  readonly #httpPort: number
  #seed: number
  #generation = 0
  readonly #services: ServiceState[] = []
  /** By host: the service its route goes to. */
  readonly #routes = new Map<string, { service: ServiceState; weights: number[] }>()

  constructor(ports: readonly number[], httpPort: number, seed: number) {
    this.#ports = ports
    this.#httpPort = httpPort
    this.#seed = seed * 2_654_435_761
    for (let index = 0; index < 3; index++) this.#addService()
    this.hosts = ['one.example', 'two.example', 'three.example']
    for (const [index, host] of this.hosts.entries())
      this.#routes.set(host, { service: this.#services[index]!, weights: [50, 50] })
  }

  /** An integer from 0 to below `limit`; the same sequence for the same seed. */
  random(limit: number): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#seed / 2 ** 32) * limit)
  }

  /** One random change. */
  change(): void {
    const pick = <T>(list: readonly T[]): T => list[this.random(list.length)]!
    const route = this.#routes.get(pick(this.hosts))!
    switch (this.random(6)) {
      case 0: {
        const first = this.random(101)
        route.weights = [first, 100 - first]
        break
      }
      case 1:
        route.service.subsets = route.service.subsets.map(() => this.#name('s'))
        break
      case 2: {
        route.service = this.random(2) === 0 ? this.#addService() : pick(this.#services)
        break
      }
      case 3: {
        const used = new Set([...this.#routes.values()].map(({ service }) => service))
        const unused = this.#services.find((service) => !used.has(service))
        if (unused) this.#services.splice(this.#services.indexOf(unused), 1)
        else this.#addService()
        break
      }
      case 4: {
        const { endpoints } = route.service
        if (endpoints.length > 1) endpoints.splice(this.random(endpoints.length), 1)
        else endpoints.push(...this.#ports.filter((port) => !endpoints.includes(port)))
        break
      }
      default: {
        const free = this.#ports.filter((port) => !route.service.endpoints.includes(port))
        if (free.length > 0) route.service.endpoints.push(pick(free))
      }
    }
  }

  objects(): ReadonlyMap<string, ConfigObject> {
    const objects = new Map<string, ConfigObject>()
    const add = (apiVersion: string, kind: string, name: string, spec: Spec) => {
      const key = `${kind}/default/${name}`
      const source = {
        id: key,
        file: 'changing.yaml',
        index: 0,
        value: undefined,
        revision: '',
        locate: () => ({ file: 'changing.yaml', line: 1, column: 1 }),
      }
      objects.set(key, {
        kind,
        apiVersion,
        name,
        namespace: 'default',
        labels: {},
        annotations: {},
        spec: structuredClone(spec),
        source,
        key,
      })
    }
    const networking = 'networking.istio.io/v1'
    add('meshgate.io/v1', 'Mesh', 'mesh', { httpPort: this.#httpPort })
    for (const { name, endpoints, subsets } of this.#services) {
      const host = `${name}.default.svc.cluster.local`
      add(networking, 'ServiceEntry', name, {
        hosts: [host],
        ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
        resolution: 'STATIC',
        location: 'MESH_INTERNAL',
        endpoints: endpoints.map((port) => ({ address: '127.0.0.1', ports: { http: port }, labels: { app: name } })),
      })
      add(networking, 'DestinationRule', name, {
        host,
        subsets: subsets.map((subset) => ({ name: subset, labels: { app: name } })),
      })
    }
    for (const [host, { service, weights }] of this.#routes)
      add(networking, 'VirtualService', host, {
        hosts: [host],
        http: [
          {
            retries: { attempts: 0 },
            route: service.subsets.map((subset, index) => ({
              destination: { host: `${service.name}.default.svc.cluster.local`, subset },
              weight: weights[index],
            })),
          },
        ],
      })
    return objects
  }

  #addService(): ServiceState {
    const service: ServiceState = {
      name: this.#name('svc'),
      subsets: [this.#name('s'), this.#name('s')],
      endpoints: [this.#ports[this.random(this.#ports.length)]!],
    }
    this.#services.push(service)
    return service
  }

  #name(prefix: string): string {
    return `${prefix}${(this.#generation++).toString(36)}`
  }
}
