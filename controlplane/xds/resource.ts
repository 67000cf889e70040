import type { ResourceType } from '../../proto/types.ts'
import type { Origin } from '../config/object.ts'

/** One encoded xDS resource, shared by every proxy of a class. Immutable: another version is another object. */
export interface Resource {
  readonly type: ResourceType
  readonly name: string
  /** Hash of the bytes; equal bytes have equal versions on every replica. */
  readonly version: string
  /** The message in binary form (without the `Any` around it). */
  readonly bytes: Uint8Array
  /**
   * It exists, but what it holds is not known yet (endpoints a registry has not told). It is neither sent nor told to be
   * gone: who asks for it is answered as soon as it is known.
   */
  readonly pending?: boolean
  /**
   * There is nothing under the name, said by a resource without a message: the only answer that ends the wait of who asked for
   * a virtual host.
   */
  readonly bodiless?: true
  /** Documents it came from; the first is the one to name when a proxy refuses it. */
  readonly origins: readonly Origin[]
  /**
   * Resources Envoy forgets or waits for when this one changes: the load assignment of an updated cluster.
   * They are sent again right behind it (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#resource-warming).
   */
  readonly children: readonly { readonly type: ResourceType; readonly name: string }[]
}

/**
 * What the proxies of one class get: computed on demand, one lazy cell per resource.
 * Reading never throws: a resource that cannot be compiled is absent, and the reason is a diagnostic.
 */
export interface View {
  /** Identifies the class; equal keys share every byte. */
  readonly key: string
  /** Names a wildcard subscription gets (but see `onDemand`), in a stable order. Types without wildcard use (eds, rds, sds) answer all known names for dumps. */
  names(type: ResourceType): readonly string[]
  /** Present when the proxies of the class ask for clusters on demand. */
  readonly onDemand?: OnDemand
  /** The resource, or undefined when this class may not have it or it does not exist. */
  get(type: ResourceType, name: string): Resource | undefined
  /**
   * What the route tables are made of, a little at a time, so that reading them or what depends on them (names of clusters, where
   * these come on demand) finds most of the work done. Nothing has to be prepared, and what is up to date costs a look.
   */
  prepareTables?(): Generator<void>
  /** The present moment, to ask `suspects` about later. Without it everything may change at any time. */
  moment?(): number
  /** What may differ from what it was at a moment; undefined: anything. It may name too much, never too little. */
  suspects?(moment: number): Suspects | undefined
  /** Nobody asks for this name any more: there is no resource of that name, or it has changed since. What it costs to remember may go. */
  forget?(type: ResourceType, name: string): void
  /** The same for all names but those wanted. @returns the names that were remembered */
  forgetOthers?(type: ResourceType, wanted: (name: string) => boolean): readonly string[]
}

/** What a change of the configuration may have changed in a view. */
export interface Suspects {
  /** Whether the list of names of a type may differ. */
  names(type: ResourceType): boolean
  /** Names whose resource may differ, of those that were asked for before. */
  resources(type: ResourceType): ReadonlySet<string>
}

/** What a class adds whose proxies ask for clusters on demand. Names are those on the wire. */
export interface OnDemand {
  /** What a wildcard subscription to clusters gets: clusters Envoy uses without ever asking for them. */
  eager(): readonly string[]
  /** Clusters to send along with this one, itself left out: those a request may go to instead. */
  companions(cluster: string): readonly string[]
  /** What a cluster of any generation is called at present; it need not exist. */
  present(cluster: string): string
  /** Clusters the class has let go of, by their present names. */
  renamed(): readonly string[]
  /**
   * What to send for a cluster that is asked for and does not exist: one without endpoints, because a proxy that is told
   * "removed" never asks again. Undefined for names of past generations.
   */
  placeholder(cluster: string): Resource | undefined
  /** Whether this version of a cluster is its placeholder, which need not be made to tell. */
  isPlaceholder(cluster: string, version: string): boolean
  /**
   * A cluster that has just gone, or got another name, as it was: for a request that was routed before the proxy heard of it.
   * It is to be removed again when the proxy has its new routes.
   */
  departing(cluster: string): Resource | undefined
  /** Clusters that such a request may go to. */
  needed(request: UnservedRequest): readonly string[]
  /** Present when they ask for virtual hosts too. */
  readonly virtualHosts?: VirtualHostsOnDemand
}

/** A request, or a TCP connection, that a proxy had no cluster for: Envoy leaves the cluster's name out of what it tells. */
export interface UnservedRequest {
  /** Empty for TCP. */
  readonly authority: string
  /** Empty for TCP. */
  readonly routeName: string
  /** Port of the listener that took a TCP connection; 0 for HTTP. */
  readonly port: number
}

/** What a class adds whose proxies ask for virtual hosts, by `<route configuration>/<authority>`. */
export interface VirtualHostsOnDemand {
  /**
   * Names no virtual host has, one for each route configuration: Envoy takes nothing for the beginning but an answer with
   * something in it, and that these are gone is one.
   */
  openings(): readonly string[]
  /** Clusters the routes of a virtual host name, by their present names. */
  clusters(name: string): readonly string[]
  /** Whether only a wildcard fits the authority: anybody can make up any number of such. */
  stranger(name: string): boolean
}

/** What a client tells about itself: the parts of Envoy's `Node` that may decide what it gets. */
export interface NodeInfo {
  readonly id: string
  readonly cluster: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string }
  readonly userAgent: string
  /** How it asks: Envoy in delta or state-of-the-world form. gRPC libraries speak only the latter. */
  readonly protocol: 'delta' | 'sotw'
  /** Whether secrets may be sent: the stream is authenticated or comes from loopback. */
  readonly secretsAllowed: boolean
}

/** The compiled mesh as the serving side sees it. */
export interface Mesh {
  /**
   * The view of the class this node belongs to; the same object for the same class as long as anyone uses it.
   * Which class a node belongs to may change with configuration (a new selector looks at one of its labels):
   * ask again after each change, and move the client when the answer is another view.
   */
  view(node: NodeInfo): View
  /** What the configuration wants for a node and its client cannot do; undefined for nearly all. For people. */
  shortfall?(node: NodeInfo): string | undefined
  /**
   * A value that is another one when the class of some node may have changed: while it is the same there is no need to ask
   * again. Without it every change may move any client.
   */
  classification?(): unknown
  /** Calls back once after each batch of changes; views then answer for the new world. Returns the way to unsubscribe. */
  onChange(listener: () => void): () => void
}
