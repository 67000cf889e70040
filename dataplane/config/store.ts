import { fromBinary } from '@bufbuild/protobuf'
import { ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { type Secret, SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { MessageListenerSchema } from '../../proto/gen/meshgate/v1/message_listener_pb.ts'
import { MessageRouteTableSchema } from '../../proto/gen/meshgate/v1/message_route_pb.ts'
import { ProtocolSchema } from '../../proto/gen/meshgate/v1/protocol_pb.ts'
import type { ResourceType } from '../../proto/types.ts'
import type { ClusterConfig, Configuration, ListenerConfig, ProtocolSource, RouteTable } from '../configuration.ts'
import { type ReadCluster, readCluster } from './cluster.ts'
import { type ReadAssignment, readAssignment } from './endpoints.ts'
import { type ReadListener, readListener } from './listener.ts'
import { readProtocol } from './protocol.ts'
import { Refusal } from './refusal.ts'
import { type ReadTable, readRouteTable } from './route.ts'
import { JoinedTables } from './tables.ts'

/** Types the proxy asks for; those with a wildcard first come, then what they name. */
export const WILDCARD_TYPES = ['cds', 'pds', 'mrds', 'mlds'] as const satisfies readonly ResourceType[]
export const NAMED_TYPES = ['eds', 'sds'] as const satisfies readonly ResourceType[]
export type HeldType = (typeof WILDCARD_TYPES)[number] | (typeof NAMED_TYPES)[number]
export const HELD_TYPES: readonly HeldType[] = ['cds', 'eds', 'sds', 'pds', 'mrds', 'mlds']

/** A resource as it came: the message without the `Any` around it. */
export interface Incoming {
  readonly name: string
  readonly version: string
  readonly bytes: Uint8Array
}

type Cluster = ReadCluster & { readonly inline: ReadAssignment | undefined }

/** What each type is read into. */
interface Read {
  readonly cds: Cluster
  readonly eds: ReadAssignment
  readonly sds: Secret
  readonly pds: ProtocolSource
  readonly mrds: ReadTable
  readonly mlds: ReadListener
}

interface Held<T> extends Incoming {
  readonly read: T
}

const READERS: {
  readonly [Type in HeldType]: (bytes: Uint8Array) => { readonly name: string; readonly read: Read[Type] }
} = {
  cds: (bytes) => {
    const message = fromBinary(ClusterSchema, bytes)
    const cluster = readCluster(message)
    return {
      name: message.name,
      read: { ...cluster, inline: cluster.assignment && readAssignment(cluster.assignment) },
    }
  },
  eds: (bytes) => {
    const message = fromBinary(ClusterLoadAssignmentSchema, bytes)
    return { name: message.clusterName, read: readAssignment(message) }
  },
  sds: (bytes) => {
    const message = fromBinary(SecretSchema, bytes)
    return { name: message.name, read: message }
  },
  pds: (bytes) => {
    const message = fromBinary(ProtocolSchema, bytes)
    return { name: message.name, read: readProtocol(message) }
  },
  mrds: (bytes) => {
    const message = fromBinary(MessageRouteTableSchema, bytes)
    return { name: message.name, read: readRouteTable(message) }
  },
  mlds: (bytes) => {
    const message = fromBinary(MessageListenerSchema, bytes)
    return { name: message.name, read: readListener(message) }
  },
}

/**
 * The resources the proxy has accepted, and the configuration they make. A resource that cannot be read never gets in: what was
 * there before stays. Knows no stream and no time.
 */
export class ResourceStore {
  readonly #held: { readonly [Type in HeldType]: Map<string, Held<Read[Type]>> } = {
    cds: new Map(),
    eds: new Map(),
    sds: new Map(),
    pds: new Map(),
    mrds: new Map(),
    mlds: new Map(),
  }
  /** Tables and protocols that were removed while a listener still names them. */
  readonly #leaving = { pds: new Map<string, ProtocolSource>(), mrds: new Map<string, ReadTable>() }
  readonly #tables = new JoinedTables()
  #version = 0

  /**
   * Takes resources and lets others go. The good ones count even when there are bad ones among them.
   * @returns what is wrong, by name of the resource
   */
  apply(type: HeldType, upserts: readonly Incoming[], removed: readonly string[]): ReadonlyMap<string, string> {
    const problems = new Map<string, string>()
    for (const incoming of upserts) {
      const problem = this.#take(type, incoming)
      if (problem !== undefined) problems.set(incoming.name, problem)
    }
    for (const name of removed) this.#remove(type, name)
    return problems
  }

  #take<Type extends HeldType>(type: Type, incoming: Incoming): string | undefined {
    try {
      const { name, read } = READERS[type](incoming.bytes)
      if (name !== incoming.name) return `the message is called "${name}"`
      ;(this.#held[type] as Map<string, Held<Read[Type]>>).set(name, { ...incoming, read })
      if (type === 'pds' || type === 'mrds') this.#leaving[type as 'pds' | 'mrds'].delete(name)
      return undefined
    } catch (error) {
      // What protobuf throws for broken bytes is a refusal as well; nothing from the network may end the process.
      return error instanceof Refusal ? error.message : `the message cannot be read: ${(error as Error).message}`
    }
  }

  #remove(type: HeldType, name: string): void {
    const gone = this.#held[type].get(name)
    if (!gone) return
    this.#held[type].delete(name)
    if (type === 'pds') this.#leaving.pds.set(name, gone.read as ProtocolSource)
    if (type === 'mrds') this.#leaving.mrds.set(name, gone.read as ReadTable)
  }

  /** Names of load assignments and secrets that what is held refers to, sorted. */
  wanted(type: 'eds' | 'sds'): readonly string[] {
    const names = new Set<string>()
    for (const { read } of this.#held.cds.values()) {
      if (type === 'eds' && read.assignmentName !== undefined) names.add(read.assignmentName)
      if (type === 'sds') for (const name of read.socket.tls?.secrets ?? []) names.add(name)
    }
    if (type === 'sds')
      for (const { read } of this.#held.mlds.values()) for (const name of read.tls?.secrets ?? []) names.add(name)
    return [...names].sort()
  }

  /** Drops what nothing refers to any more: the control plane does not say when an unsubscribed resource goes. */
  forget(type: 'eds' | 'sds', names: Iterable<string>): void {
    for (const name of names) this.#held[type].delete(name)
  }

  /** Versions by name, for a control plane that is asked again. */
  versions(type: HeldType): Record<string, string> {
    return Object.fromEntries([...this.#held[type]].map(([name, { version }]) => [name, version]))
  }

  get empty(): boolean {
    return HELD_TYPES.every((type) => this.#held[type].size === 0)
  }

  resources(): readonly (Incoming & { readonly type: HeldType })[] {
    return HELD_TYPES.flatMap((type) =>
      [...this.#held[type].values()].map(({ name, version, bytes }) => ({ type, name, version, bytes })),
    )
  }

  /**
   * The configuration of this moment. A listener or cluster whose certificates have not come is left out: neither may go on in
   * plain text.
   */
  configuration(): Configuration {
    const secrets = (name: string) => this.#held.sds.get(name)?.read
    const listeners: ListenerConfig[] = []
    for (const { read } of this.#held.mlds.values()) {
      const tls = read.tls?.resolve(secrets)
      if (!read.tls || tls) listeners.push({ ...read.config, ...(tls && { tls }) })
    }
    const clusters: ClusterConfig[] = []
    for (const { read } of this.#held.cds.values()) {
      const { socket, assignmentName, inline } = read
      const tls = socket.tls?.resolve(secrets)
      if (socket.tls && !tls) continue
      const assignment = assignmentName === undefined ? inline : this.#held.eds.get(assignmentName)?.read
      clusters.push({
        ...read.config,
        localities: [],
        ...assignment,
        ...(tls && { tls }),
        ...(socket.proxyProtocol && { proxyProtocol: socket.proxyProtocol }),
      })
    }
    this.#version++
    return {
      version: String(this.#version),
      protocols: this.#present('pds', new Set([...this.#held.mlds.values()].map(({ read }) => read.config.protocol))),
      routes: this.#routes(),
      listeners,
      clusters,
    }
  }

  #routes(): readonly RouteTable[] {
    const used = new Set([...this.#held.mlds.values()].map(({ read }) => read.config.routes))
    const tables = new Map(this.#present('mrds', used).map((table) => [table.name, table]))
    return this.#tables.join(tables)
  }

  #present<Type extends 'pds' | 'mrds'>(type: Type, used: ReadonlySet<string>): readonly Read[Type][] {
    const leaving = this.#leaving[type] as Map<string, Read[Type]>
    for (const name of [...leaving.keys()]) if (!used.has(name)) leaving.delete(name)
    return [...[...this.#held[type].values()].map(({ read }) => read as Read[Type]), ...leaving.values()]
  }
}
