import type { JsonObject } from '@bufbuild/protobuf'
import type { ResourceType } from '../../proto/types.ts'
import { DEFAULT_LIMITS } from '../ads/index.ts'
import { type Place, places } from '../explain/step.ts'
import type { NodeLoad } from '../reports/index.ts'
import type { ClientStatus, HeldResource, StatusBook, SyncState, TypeStatus } from '../status/book.ts'
import { resourceJson } from '../xds/dump.ts'
import type { AdminContext } from './context.ts'

/** One type of resources of one proxy. Times are ISO 8601. */
export interface ProxyTypeStatus {
  readonly type: ResourceType
  readonly state: SyncState
  /** `*` for everything, else the number of names asked for. */
  readonly subscribed: string
  /** Nonce of the newest response, which also numbers the state of the class. */
  readonly sent?: { readonly nonce: string; readonly at: string }
  readonly acked?: { readonly nonce: string; readonly at: string }
  /** Since when a response waits for its answer. */
  readonly unansweredSince?: string
  readonly rejected?: {
    /** The proxy's own words. */
    readonly message: string
    readonly at: string
    readonly resources: readonly string[]
    /** Where in the documents the refused resources come from. */
    readonly places: readonly Place[]
  }
}

export interface ProxyStatus {
  readonly node: string
  readonly cluster: string
  readonly locality: string
  readonly userAgent: string
  readonly mode: 'delta' | 'sotw'
  readonly peer: string
  /** Names its certificate proves; absent when it showed none. */
  readonly identities?: readonly string[]
  readonly connected: boolean
  readonly connectedAt: string
  readonly disconnectedAt?: string
  /** The worst of its types. */
  readonly state: SyncState
  readonly types: readonly ProxyTypeStatus[]
  /** What is not as it should be, for people; absent when nothing is. */
  readonly notices?: readonly string[]
  /** Absent when it gets all clusters at once. */
  readonly onDemand?: ProxyOnDemand
  /** Replica of the control plane it is connected to; absent for the one that answers. */
  readonly replica?: string
  /** What it sent where; absent when it reports no load. */
  readonly load?: ProxyLoad
}

/** What a proxy has that gets clusters when a request needs them. */
export interface ProxyOnDemand {
  /** The workload it is a replica of. */
  readonly workload: string
  /** Clusters it has by name. */
  readonly clusters: number
  /** Clusters a new replica of the workload gets at once. */
  readonly learned: number
  /** Clusters its class has let go of so far. */
  readonly evicted: number
  /** What is not as it should be, for people. */
  readonly notices: readonly string[]
}

/** Sums since the proxy began to report. */
export interface ProxyLoad {
  readonly reporting: boolean
  readonly reportedAt: string
  /** Length of the last interval. */
  readonly intervalMs: number
  /** Clusters it has, and those with requests in the last interval. */
  readonly clusters: number
  readonly used: number
  readonly issued: number
  readonly succeeded: number
  readonly failed: number
  readonly dropped: number
  readonly inProgress: number
}

/** One response to a proxy, or its answer to one. */
export interface ProxyExchange {
  readonly type: ResourceType
  readonly event: 'sent' | 'ack' | 'nack'
  readonly at: string
  readonly nonce: string
  readonly resources: number
  readonly removed: number
  /** The proxy's own words about a refusal. */
  readonly message?: string
}

/** The last exchanges on a stream, newest first. */
export function proxyExchanges({ exchanges }: ClientStatus): readonly ProxyExchange[] {
  return exchanges.list().map((one) => ({ ...one, at: iso(one.at) }))
}

/** A resource as a proxy has it. */
export interface HeldConfig {
  readonly name: string
  readonly version: string
  /** False while its newest version is on its way. */
  readonly acknowledged: boolean
  readonly places: readonly Place[]
  /** The message in canonical protobuf JSON, secrets redacted. */
  readonly config: JsonObject
}

const WORST: readonly SyncState[] = ['NACK', 'STALE', 'SYNCED', 'NOT SENT']

/** One client as the API tells it. */
export function proxyStatus(
  client: ClientStatus,
  { status: book, reports, memory, mesh }: Pick<AdminContext, 'status' | 'reports' | 'memory' | 'mesh'>,
  notice?: string,
): ProxyStatus {
  const { node, peer, identities, form, connectedAt, disconnectedAt, types } = client
  const { region, zone, subZone } = node.locality
  const load = reports?.load.node(node.id)
  return {
    node: node.id,
    cluster: node.cluster,
    locality: [region, zone, subZone].filter(Boolean).join('/'),
    userAgent: node.userAgent,
    mode: form,
    peer,
    ...(identities ? { identities } : {}),
    connected: disconnectedAt === undefined,
    connectedAt: iso(connectedAt),
    ...(disconnectedAt === undefined ? {} : { disconnectedAt: iso(disconnectedAt) }),
    state: WORST.find((state) => types.some((type) => type.state === state)) ?? 'NOT SENT',
    types: types.map((type) => typeStatus(type, client, book)),
    ...(notice === undefined ? {} : { notices: [notice] }),
    ...(client.lazy && memory
      ? {
          onDemand: {
            ...memory.figures(node, client.class),
            clusters: types.find(({ type }) => type === 'cds')?.names ?? 0,
            notices: notices(client, mesh.shortfall?.(node)),
          },
        }
      : {}),
    ...(load ? { load: proxyLoad(load) } : {}),
  }
}

/** What the proxy has of one type, by name; undefined when it is gone or does not ask for the type. */
export function heldConfig(stream: number, type: ResourceType, book: StatusBook): readonly HeldConfig[] | undefined {
  return book
    .resources(stream, type)
    ?.map(({ resource, acknowledged }: HeldResource) => ({
      name: resource.name,
      version: resource.version,
      acknowledged,
      places: places(resource.origins),
      config: resourceJson(resource),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Longer than a proxy that is well takes to acknowledge clusters, in ms. */
const SLOW_ACK_MS = 1000

function notices(
  { types, disconnectedAt, spentNames }: ClientStatus,
  shortfall: string | undefined,
): readonly string[] {
  const since = types.find(({ type }) => type === 'cds')?.unansweredSince
  const waited = since === undefined || disconnectedAt !== undefined ? 0 : Date.now() - since
  return [
    ...(shortfall ? [shortfall] : []),
    ...(waited > SLOW_ACK_MS
      ? [
          `it has not acknowledged its clusters for ${Math.round(waited / 1000)} s: it can start no other on demand meanwhile`,
        ]
      : []),
    ...(spentNames > DEFAULT_LIMITS.spentNames
      ? [
          `it remembers the names of ${spentNames} clusters that were let go of, and repeats them whenever it connects: what it has now it keeps; start it anew at a quiet time`,
        ]
      : []),
  ]
}

function proxyLoad({ node: _, streams, reportedAt, ...sums }: NodeLoad): ProxyLoad {
  return { reporting: streams > 0, reportedAt: iso(reportedAt), ...sums }
}

function typeStatus(status: TypeStatus, client: ClientStatus, book: StatusBook): ProxyTypeStatus {
  const { type, state, wildcard, names, sent, acked, nack, unansweredSince } = status
  const culprits = nack
    ? book
        .rejections()
        .filter(
          ({ resource, class: key }) =>
            key === client.class && resource.type === type && nack.culprits.includes(resource.name),
        )
    : []
  return {
    type,
    state,
    subscribed: wildcard ? '*' : String(names),
    ...(sent ? { sent: { nonce: sent.nonce, at: iso(sent.at) } } : {}),
    ...(acked ? { acked: { nonce: acked.nonce, at: iso(acked.at) } } : {}),
    ...(unansweredSince === undefined ? {} : { unansweredSince: iso(unansweredSince) }),
    ...(nack
      ? {
          rejected: {
            message: nack.message,
            at: iso(nack.at),
            resources: nack.culprits,
            places: places(culprits.flatMap(({ origins }) => origins.slice(0, 1))),
          },
        }
      : {}),
  }
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
