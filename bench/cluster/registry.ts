import { ConsulHttp } from '../../controlplane/consul/index.ts'
import type { TestConsul } from '../../test/helpers/consul.ts'

/** An instance of a service as the registry shows it. */
export interface Shown {
  readonly service: string
  readonly id: string
  readonly port: number
  readonly tags: readonly string[]
}

/**
 * Instances in Consul's catalog, each on a node of its own, as the agents of many machines put them there. One agent would be
 * the limit: it takes one registration at a time, each with two files and an entry of the log put to disk.
 */
export class Registry {
  readonly #http: ConsulHttp

  constructor({ url }: TestConsul) {
    this.#http = new ConsulHttp({ url })
  }

  /** Adds the instance, or changes its weight. @throws ConsulError */
  register({ service, id, port, tags }: Shown, weight = 1): Promise<void> {
    const meta = { weight: String(weight) }
    return this.#put('register', {
      ...{ Node: nodeOf(id), Address: '127.0.0.1' },
      Service: { Service: service, ID: id, Address: '127.0.0.1', Port: port, Tags: tags, Meta: meta },
    })
  }

  /** Takes the instance out, with its node. @throws ConsulError */
  deregister(id: string): Promise<void> {
    return this.#put('deregister', { Node: nodeOf(id) })
  }

  /** Puts the instance into maintenance, by the check an agent would make for that, or ends it. @throws ConsulError */
  maintain({ service, id }: Shown, enable: boolean): Promise<void> {
    const check = `_service_maintenance:${id}`
    if (!enable) return this.#put('deregister', { Node: nodeOf(id), CheckID: check })
    return this.#put('register', {
      ...{ Node: nodeOf(id), Address: '127.0.0.1', SkipNodeUpdate: true },
      Check: { Node: nodeOf(id), CheckID: check, Status: 'critical', ServiceID: id, ServiceName: service },
    })
  }

  close(): void {
    this.#http.close()
  }

  async #put(verb: 'register' | 'deregister', body: object): Promise<void> {
    const call = { method: 'PUT', path: `/v1/catalog/${verb}`, body: JSON.stringify(body) } as const
    const answer = await this.#http.send(call)
    if (answer.status !== 200) throw this.#http.refused(call, answer)
  }
}

function nodeOf(id: string): string {
  return `machine-${id}`
}
