import { fromBinary } from '@bufbuild/protobuf'
import { errorText } from '../../errors/thrown.ts'
import { ClusterSchema } from '../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts'
import { ClusterLoadAssignmentSchema } from '../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts'
import { type Secret, SecretSchema } from '../../proto/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.ts'
import { MessageListenerSchema } from '../../proto/gen/meshgate/v1/message_listener_pb.ts'
import { MessageRouteTableSchema } from '../../proto/gen/meshgate/v1/message_route_pb.ts'
import { ProtocolSchema } from '../../proto/gen/meshgate/v1/protocol_pb.ts'
import type { ClusterConfig, Configuration, ListenerConfig, ProtocolSource, RouteTable } from '../configuration.ts'
import { type ReadCluster, readCluster } from './cluster.ts'
import { type ReadAssignment, readAssignment } from './endpoints.ts'
import { HELD_TYPES, type HeldType } from './held-type.ts'
import { type ReadListener, readListener } from './listener.ts'
import { readProtocol } from './protocol.ts'
import { Refusal } from './refusal.ts'
import { type ReadTable, readRouteTable } from './route.ts'
import type { SecretFiles } from './secret-files.ts'
import { JoinedTables } from './tables.ts'
import type { Waiting } from './tls.ts'

/** A resource as it came: the message without the `Any` around it. */
export interface Incoming {
  readonly name: string
  readonly version: string
  readonly bytes: Uint8Array
}

type Cluster = ReadCluster & { readonly inline: ReadAssignment | undefined }

interface WholeCluster {
  readonly assignmentName: string | undefined
  readonly config: ClusterConfig
}

/** What each type is read into. */
interface Read {
  readonly cds: Cluster
  readonly eds: ReadAssignment
  readonly sds: Secret
  readonly pds: ProtocolSource
  readonly mrds: ReadTable
  readonly mlds: ReadListener
}

/** A listener or cluster whose secrets have not come. */
export interface Unready {
  readonly type: 'cds' | 'mlds'
  readonly name: string
  readonly version: string
  /** What it waits for. */
  readonly secrets: readonly string[]
  /** It stays as it was before for at most so long; undefined: it was not there before, or its time is over. */
  readonly waitMs: number | undefined
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
  /** Listeners and clusters as they last were with all their secrets. */
  readonly #whole = { mlds: new Map<string, ListenerConfig>(), cds: new Map<string, WholeCluster>() }
  /** TLS settings of what is held, made once for a configuration. */
  readonly #settings = new Map<Waiting<unknown>, unknown>()
  /** Secrets that the control plane says it does not have. */
  readonly #absent = new Set<string>()
  /** What waited for secrets when the configuration was last made, by name. */
  unready: readonly Unready[] = []
  readonly #tables = new JoinedTables()
  readonly #files: SecretFiles | undefined
  #version = 0

  /** With `files`, what secrets name is read through them; without, each time a configuration is made. */
  constructor(files?: SecretFiles) {
    this.#files = files
  }

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
      if (type === 'sds') this.#absent.delete(name)
      return undefined
    } catch (error) {
      // What protobuf throws for broken bytes is a refusal as well; nothing from the network may end the process.
      return error instanceof Refusal ? error.message : `the message cannot be read: ${errorText(error)}`
    }
  }

  #remove(type: HeldType, name: string): void {
    if (type === 'sds') {
      // A secret leaves with what names it, as in Envoy: one that is held serves on, one that is not is waited for no longer.
      this.#absent.add(name)
      return
    }
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
    for (const name of names) {
      this.#held[type].delete(name)
      if (type !== 'sds') continue
      this.#absent.delete(name)
      this.#files?.forget(name)
    }
  }

  /** Versions by name, for a control plane that is asked again. */
  versions(type: HeldType): Record<string, string> {
    return Object.fromEntries([...this.#held[type]].map(([name, { version }]) => [name, version]))
  }

  get empty(): boolean {
    return HELD_TYPES.every((type) => this.#held[type].size === 0)
  }

  /** All that was accepted, to be saved. */
  resources(): readonly (Incoming & { readonly type: HeldType })[] {
    return HELD_TYPES.flatMap((type) =>
      [...this.#held[type].values()].map(({ name, version, bytes }) => ({ type, name, version, bytes })),
    )
  }

  /** A listener or cluster has waited long enough for its secrets: what it was before is no more. */
  giveUp(type: 'cds' | 'mlds', name: string): void {
    this.#whole[type].delete(name)
  }

  readonly #secrets = (name: string) => {
    const secret = this.#held.sds.get(name)?.read
    return secret && (this.#files?.inlined(secret) ?? secret)
  }

  /**
   * The configuration of this moment. A listener or cluster that changed stays as it was until the secrets it names now have come, as in Envoy.
   * Where they do not come, and where there was none before, it is left out: neither may go on in plain text.
   */
  configuration(): Configuration {
    this.#settings.clear()
    this.unready = this.#unready()
    for (const { type, name, waitMs } of this.unready) if (waitMs === undefined) this.giveUp(type, name)
    const listeners = this.#listeners()
    const clusters = this.#clusters()
    this.#version++
    const named = [...listeners, ...[...this.#held.mlds.values()].map(({ read }) => read.config)]
    return {
      version: String(this.#version),
      protocols: this.#present('pds', new Set(named.map(({ protocol }) => protocol))),
      routes: this.#routes(new Set(named.map(({ routes }) => routes))),
      listeners,
      clusters,
    }
  }

  #resolved<Settings>(tls: Waiting<Settings> | undefined): Settings | undefined {
    if (!tls) return undefined
    if (!this.#settings.has(tls)) this.#settings.set(tls, tls.resolve(this.#secrets))
    return this.#settings.get(tls) as Settings | undefined
  }

  /** Listeners that are not there because their secrets have not come. */
  get waiting(): readonly { readonly config: ReadListener['config']; readonly unready: Unready }[] {
    return this.unready.flatMap((unready) => {
      const { type, name } = unready
      const held = type === 'mlds' && !this.#whole.mlds.has(name) ? this.#held.mlds.get(name) : undefined
      return held ? [{ config: held.read.config, unready }] : []
    })
  }

  #unready(): readonly Unready[] {
    const of = (type: 'cds' | 'mlds', { name, version }: Incoming, tls: Waiting<unknown> | undefined): Unready[] => {
      if (!tls || this.#resolved(tls)) return []
      const missing = tls.secrets.filter((secret) => !this.#held.sds.has(secret))
      const waits = this.#whole[type].has(name) && !missing.some((secret) => this.#absent.has(secret))
      // A secret that came may hold something else than what it is named for.
      const secrets = missing.length > 0 ? missing : tls.secrets
      return [{ type, name, version, secrets, waitMs: waits ? tls.waitMs : undefined }]
    }
    const all = [
      ...[...this.#held.cds.values()].flatMap((held) => of('cds', held, held.read.socket.tls)),
      ...[...this.#held.mlds.values()].flatMap((held) => of('mlds', held, held.read.tls)),
    ]
    return all.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  #listeners(): readonly ListenerConfig[] {
    const { mlds: whole } = this.#whole
    for (const name of [...whole.keys()]) if (!this.#held.mlds.has(name)) whole.delete(name)
    for (const { name, read } of this.#held.mlds.values()) {
      const tls = this.#resolved(read.tls)
      if (!read.tls || tls) whole.set(name, { ...read.config, ...(tls && { tls }) })
    }
    return [...this.#held.mlds.keys()].flatMap((name) => whole.get(name) ?? [])
  }

  #clusters(): readonly ClusterConfig[] {
    const { cds: whole } = this.#whole
    for (const name of [...whole.keys()]) if (!this.#held.cds.has(name)) whole.delete(name)
    return [...this.#held.cds.values()].flatMap(({ name, read }): ClusterConfig[] => {
      const { socket, assignmentName, inline } = read
      const tls = this.#resolved(socket.tls)
      const before = whole.get(name)
      const ready = !socket.tls || tls !== undefined
      if (!ready && !before) return []
      // Endpoints come and go also while it waits.
      const assignment = assignmentName === undefined ? inline : this.#held.eds.get(assignmentName)?.read
      if (!ready) {
        if (before!.assignmentName !== assignmentName || assignmentName === undefined) return [before!.config]
        return [{ ...before!.config, localities: [], ...assignment }]
      }
      const config = {
        ...read.config,
        localities: [],
        ...assignment,
        ...(tls && { tls }),
        ...(socket.proxyProtocol && { proxyProtocol: socket.proxyProtocol }),
      }
      whole.set(name, { assignmentName, config })
      return [config]
    })
  }

  #routes(used: ReadonlySet<string>): readonly RouteTable[] {
    const tables = new Map(this.#present('mrds', used).map((table) => [table.name, table]))
    return this.#tables.join(tables)
  }

  #present<Type extends 'pds' | 'mrds'>(type: Type, used: ReadonlySet<string>): readonly Read[Type][] {
    const leaving = this.#leaving[type] as Map<string, Read[Type]>
    for (const name of [...leaving.keys()]) if (!used.has(name)) leaving.delete(name)
    return [...[...this.#held[type].values()].map(({ read }) => read as Read[Type]), ...leaving.values()]
  }
}
