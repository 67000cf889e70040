import type { Random } from '../../codecs/mutated.ts'
import { kindsNamed } from '../../controlplane/config/kinds.ts'
import { checkDocument } from '../../controlplane/config/load.ts'
import { toService } from '../../controlplane/consul/registry/services.ts'
import { CONSUL_DEFAULTS } from '../../controlplane/consul/settings.ts'
import type { CompiledMesh } from '../../controlplane/mesh.ts'
import type { DiscoveredEndpoint, DiscoveredService } from '../../controlplane/model/index.ts'
import type { NodeInfo } from '../../controlplane/xds/resource.ts'
import { documentsOf } from './config-documents.ts'
import { DocumentChanges, fieldsOf, type PlainDocument } from './document-changes.ts'
import { LongLived, type RegistryContent, textsOf, type Watcher } from './long-lived.ts'

const LONGEST_LINE = 1000
/** Every second step changes a field of Mesh. */
const MESH_EVERY = 2
/** Fields of Mesh that a walk of 25 steps changes. */
const MESH_FIELDS = 12
const FIELDS_OF_MESH = fieldsOf('Mesh')

/** A mesh, and random changes of everything that decides what its proxies are served. */
export class Walk {
  readonly mesh: LongLived
  readonly #done: string[] = []
  readonly #any: Random
  readonly #changes: DocumentChanges
  readonly #original: ReadonlyMap<string, PlainDocument>
  #files: Map<string, PlainDocument>
  #committed: ReadonlyMap<string, PlainDocument>
  /** The last valid version of documents that have errors now. */
  readonly #valid = new Map<string, PlainDocument>()
  #registry: Map<string, { ports: number; instances: number[] | undefined }>
  /** Endpoints may drain. */
  readonly #drains: boolean
  readonly #drainTime: string
  #steps = 0
  /** Of Mesh, the next. */
  #field: number

  /**
   * @param turn which of many walks this is: each goes on with the fields of Mesh where the one before it ends
   * @param drainTime for how long endpoints drain when they do. What drains is nothing that a start has: no time, unless it passes before each check
   */
  constructor(
    documents: readonly PlainDocument[],
    nodes: readonly NodeInfo[],
    any: Random,
    turn = 0,
    drainTime = '0s',
  ) {
    this.#any = any
    this.#drainTime = drainTime
    this.#field = turn * MESH_FIELDS
    this.#changes = new DocumentChanges(any, documents)
    this.#original = new Map(documents.map((document, index) => [`${String(index).padStart(3, '0')}.yaml`, document]))
    this.#files = new Map(this.#original)
    for (const [file, document] of this.#files)
      if (document.kind === 'Mesh') this.#files.set(file, withDrainTime(document, drainTime))
    this.#committed = this.#files
    this.#registry = new Map([
      ['web', { ports: 80, instances: [1, 2] }],
      ['ratings', { ports: 81, instances: [1] }],
    ])
    this.#drains = any(2) === 0
    this.mesh = new LongLived(nodes, any, !this.#drains)
    this.mesh.commit(this.#files, false)
    this.mesh.tell(this.#content())
    for (const watcher of this.mesh.watchers) watcher.reclassify()
  }

  /** Changes something, and some of those who are served notice. */
  step(): void {
    if (++this.#steps % MESH_EVERY === 0) this.#changeMesh()
    const draw = this.#any(20)
    if (draw === 0) this.#changeRegistry()
    else if (draw === 1) this.#evict()
    else if (draw === 2) this.mesh.sweep()
    else {
      for (let count = 1 + this.#any(5); count > 0; count--) this.#changeDocument()
      this.mesh.commit(this.#files, this.#any(8) === 0)
      this.#committed = this.#files
    }
    for (const watcher of this.mesh.watchers) {
      const act = this.#any(12)
      if (act === 0) watcher.refresh()
      else if (act === 1) watcher.look()
      else if (act === 2) watcher.wander()
      else if (act === 3) watcher.prepare(this.#any(40))
      if (act < 4 || this.#any(3) === 0) watcher.reclassify()
    }
    if (this.#any(10) === 0) this.mesh.diagnostics()
  }

  /** How many changes were made. */
  get changes(): number {
    return this.#done.length
  }

  /** The last changes, for who reads of a failure. */
  last(count: number): string {
    return this.#done
      .slice(-count)
      .map((line) => line.slice(0, LONGEST_LINE))
      .join('\n')
  }

  /** A mesh that is newly made of what holds now. */
  fresh(): CompiledMesh {
    return this.mesh.fresh(this.#valid).mesh
  }

  /** The registry has read what somebody wants by now. */
  settle(): void {
    this.mesh.tell(this.#content())
  }

  /** A control plane that starts now takes over, unless that would forget what stands for a document with errors. @returns whether it did */
  restart(): boolean {
    if (this.#valid.size > 0) return false
    this.#done.push('the control plane starts anew')
    this.mesh.restart()
    return true
  }

  /** Compares what some of those who are served have with what a fresh start would give them. */
  check(): void {
    this.mesh.check(
      this.mesh.watchers.filter(() => this.#any(2) === 0),
      this.#valid,
    )
  }

  /** Mesh is one document of many, and has more fields than any other: it gets its turn, and each of its fields. */
  #changeMesh(): void {
    const [file, present] = [...this.#files].find(([, { kind }]) => kind === 'Mesh') ?? []
    const field = FIELDS_OF_MESH[this.#field++ % FIELDS_OF_MESH.length]!
    for (let tries = 0; file && present && !this.#valid.has(file) && tries < 20; tries++) {
      const changed = this.#changes.withField(present, field)
      if (!isValid(changed)) continue
      this.#set(file, changed, `changed in ${field.join('.')}`)
      return
    }
  }

  #changeDocument(): void {
    const file = this.#drawFile()
    const other = this.#changes.one([...this.#files.keys()])
    const present = this.#files.get(file)
    const draw = this.#any(16)
    if (!present || draw < 2) this.#set(file, this.#original.get(file)!, 'put back')
    else if (draw === 2) this.#set(file, undefined, 'deleted')
    else if (draw < 5 && this.#mayMove(file) && this.#mayMove(other)) {
      if (draw === 3) {
        const copy = { ...present, metadata: { ...present.metadata, name: `copy-${this.#any(3)}` } }
        this.#set(`${other}.copy.yaml`, copy, `copied from ${file}`)
      } else {
        const before = this.#files.get(other)!
        this.#set(file, before, `changed places with ${other}`)
        this.#set(other, present, `changed places with ${file}`)
      }
    } else this.#changeField(file, present)
  }

  /** Mostly of a kind that decides something. */
  #drawFile(): string {
    const file = this.#changes.one([...this.#original.keys()])
    const [kind] = kindsNamed(this.#original.get(file)!.kind)
    return kind?.compiled || this.#any(5) === 0 ? file : this.#drawFile()
  }

  /** The Mesh stays where it is, and so does what has errors, so that it is known what stands for it. */
  #mayMove(file: string): boolean {
    return this.#files.get(file)?.kind !== 'Mesh' && !this.#valid.has(file)
  }

  #changeField(file: string, present: PlainDocument): void {
    for (let tries = 0; tries < 8; tries++) {
      const changed = this.#changes.changed(this.#any(6) === 0 ? this.#original.get(file)! : present)
      if (isValid(changed)) {
        this.#set(file, changed, 'changed')
        return
      }
      // A document with errors that still says who it is keeps what it said last.
      const committed = this.#committed.get(file) === present || this.#valid.has(file)
      const stands = committed && sameIdentity(changed, present) && present.metadata['namespace'] !== undefined
      if (stands && this.#any(10) === 0) {
        if (!this.#valid.has(file)) this.#valid.set(file, present)
        this.#put(file, changed, 'broken')
        return
      }
    }
  }

  #set(file: string, document: PlainDocument | undefined, how: string): void {
    this.#valid.delete(file)
    this.#put(file, document, how)
  }

  #put(file: string, wanted: PlainDocument | undefined, how: string): void {
    const kind = (wanted ?? this.#files.get(file))?.kind
    if (this.#drains && kind === 'Mesh' && !wanted) return
    const document = this.#drains && wanted?.kind === 'Mesh' ? withDrainTime(wanted, this.#drainTime) : wanted
    this.#done.push(`${file} ${how}: ${document ? JSON.stringify(document) : ''}`)
    const files = new Map(this.#files)
    if (document) files.set(file, document)
    else files.delete(file)
    // Files come in the order of their names.
    this.#files = new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  #changeRegistry(): void {
    const name = this.#changes.one(['web', 'ratings', 'new'])
    const known = this.#registry.get(name)
    const draw = this.#any(5)
    if (known && draw === 0) this.#registry.delete(name)
    else if (!known || draw === 1) this.#registry.set(name, { ports: 80 + this.#any(3), instances: [1] })
    else if (draw === 2) known.instances = undefined
    else known.instances = [1, 2, 3, 4].filter(() => this.#any(2) === 0)
    this.#done.push(`registry: ${JSON.stringify([...this.#registry])}`)
    this.mesh.tell(this.#content())
  }

  #evict(): void {
    if (this.mesh.watchers.length > 0) this.evict(this.#changes.one(this.mesh.watchers))
  }

  /** A class lets go of clusters that nobody needs. */
  evict(watcher: Pick<Watcher, 'key' | 'view'>): void {
    const clusters = watcher.view.names('cds').filter((name) => name.startsWith('outbound|'))
    if (!watcher.view.onDemand || clusters.length === 0) return
    const gone = [this.#changes.one(clusters), this.#changes.one(clusters)].map((name) => name.split('~', 1)[0]!)
    this.#done.push(`${watcher.key} lets go of ${gone.join(', ')}`)
    this.letGo(watcher.key, gone)
  }

  /** @param clusters names on the wire */
  letGo(classKey: string, clusters: readonly string[]): void {
    this.mesh.generations.next(classKey, [...new Set(clusters.map((name) => name.split('~', 1)[0]!))])
  }

  #content(): RegistryContent {
    return {
      services: [...this.#registry].map(([name, { ports }]) => registryService(name, ports)),
      instances: new Map(
        [...this.#registry].flatMap(([name, { instances }]) =>
          instances ? [[`${name}.service.consul`, instances.map((end) => registryInstance(name, end))] as const] : [],
        ),
      ),
    }
  }
}

function withDrainTime(mesh: PlainDocument, drainTime: string): PlainDocument {
  return { ...mesh, spec: { ...(mesh['spec'] as object), drainTime } }
}

function isValid(document: PlainDocument): boolean {
  const [text] = Object.values(textsOf(new Map([['file', document]])))
  const [read] = documentsOf(text!)
  return read !== undefined && checkDocument(read).object !== undefined
}

function sameIdentity(a: PlainDocument, b: PlainDocument): boolean {
  return a.metadata['name'] === b.metadata['name'] && a.metadata['namespace'] === b.metadata['namespace']
}

const made = new Map<string, unknown>()

/** Equal content keeps the same object, as a registry has it. */
function once<T>(key: string, make: () => T): T {
  const known = (made.get(key) as T | undefined) ?? make()
  made.set(key, known)
  return known
}

function registryService(name: string, number: number): DiscoveredService {
  const service = { name, datacenter: 'dc1', tags: [`meshgate.port=${number}/http`] }
  return once(`${name} ${number}`, () => toService(service, { ...CONSUL_DEFAULTS, url: '' }, 'dc1')!)
}

function registryInstance(name: string, end: number): DiscoveredEndpoint {
  return once(`${name} at ${end}`, () => ({
    id: `${name}-${end}`,
    address: `10.9.0.${end}`,
    port: 8000 + end,
    ports: end === 2 ? { http: 9000 } : {},
    labels: { version: `v${end}` },
    locality: { region: 'r1', zone: `z${end}`, subZone: '' },
    weight: end,
    health: end === 4 ? 'unhealthy' : 'healthy',
  }))
}
