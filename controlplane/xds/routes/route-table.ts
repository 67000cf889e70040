import type { RouteConfiguration } from '../../../proto/gen/envoy/config/route/v3/route_pb.ts'
import type { Origin } from '../../config/object.ts'
import { DomainIndex, withoutPort } from './authority.ts'
import { encodeTable } from './encode-table.ts'
import { compiledHost, domainsOf, isPlain, sharedBytes, type TableHost } from './shared-virtual-hosts.ts'
import { type CompiledVirtualHost, virtualHostBytes } from './virtual-host.ts'

/** The route table of a listener. What it holds is decided when it is made; messages are made of it when somebody asks. */
export class RouteTable {
  readonly #head: RouteConfiguration
  readonly #hosts: readonly TableHost[]
  readonly #worth: number
  #virtualHosts: readonly CompiledVirtualHost[] | undefined
  #message: RouteConfiguration | undefined
  #bytes: Uint8Array | undefined
  #origins: readonly Origin[] | undefined
  #index: DomainIndex<TableHost> | undefined

  /**
   * @param head the message without virtual hosts
   * @param worth so many virtual hosts have to be alike to be sent as one; without it they never are
   */
  constructor(head: RouteConfiguration, hosts: readonly TableHost[], worth = Number.POSITIVE_INFINITY) {
    this.#head = head
    this.#hosts = hosts
    // Where the port does not count the authority is not the domain.
    this.#worth = head.ignorePortInHostMatching ? Number.POSITIVE_INFINITY : worth
  }

  get name(): string {
    return this.#head.name
  }

  /** Every virtual host with its routes, and the places in documents that decided them. */
  get virtualHosts(): readonly CompiledVirtualHost[] {
    this.#virtualHosts ??= this.#hosts.map(compiledHost)
    return this.#virtualHosts
  }

  /** Those that have more than one plain route to a cluster. */
  get ruled(): readonly CompiledVirtualHost[] {
    return this.#hosts.flatMap((host) => (isPlain(host) ? [] : [host]))
  }

  /** One of the domains of each virtual host. */
  get domains(): readonly string[] {
    return this.#hosts.map((host) => domainsOf(host)[0] ?? compiledHost(host).message.name)
  }

  /** The table with each virtual host by itself. */
  get message(): RouteConfiguration {
    this.#message ??= { ...this.#head, virtualHosts: this.virtualHosts.map(({ message }) => message) }
    return this.#message
  }

  /** The encoded message, virtual hosts that are alike in one where there are enough. Those that did not change since the last time cost little. */
  get bytes(): Uint8Array {
    this.#bytes ??= encodeTable(
      this.#head,
      this.#worth === Number.POSITIVE_INFINITY
        ? this.#hosts.map((host) => virtualHostBytes(compiledHost(host).message))
        : sharedBytes(this.#hosts, this.#worth),
    )
    return this.#bytes
  }

  /** All places in documents that decided something in it, each once. Tens of thousands in a large mesh, and rarely asked for. */
  get origins(): readonly Origin[] {
    this.#origins ??= [...new Set(this.#hosts.flatMap(({ origins }) => origins))]
    return this.#origins
  }

  /** The virtual host Envoy takes for an authority. */
  hostFor(authority: string): CompiledVirtualHost | undefined {
    this.#index ??= new DomainIndex(this.#hosts, domainsOf)
    const found = this.#index.find(this.#head.ignorePortInHostMatching ? withoutPort(authority) : authority)
    return found && compiledHost(found)
  }
}
