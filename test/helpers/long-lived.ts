import { isDeepStrictEqual } from 'node:util'
import { stringify } from 'yaml'
import type { Random } from '../../codecs/mutated.ts'
import { problemsOfViews } from '../../controlplane/admin/compile-problems.ts'
import { type Analysis, analyzeInSteps, finish } from '../../controlplane/config/analysis/analyze.ts'
import { type LoadedConfig, loadConfig } from '../../controlplane/config/load.ts'
import type { Origin } from '../../controlplane/config/object.ts'
import { compareDiagnostics, type Diagnostic, formatPath } from '../../controlplane/diagnostics/diagnostic.ts'
import { explain } from '../../controlplane/explain/explain.ts'
import { type CompiledMesh, createMesh } from '../../controlplane/mesh.ts'
import { type DiscoveredEndpoint, type DiscoveredService, Discovery } from '../../controlplane/model/index.ts'
import { supposing } from '../../controlplane/model/supposition.ts'
import { GenerationBook } from '../../controlplane/ondemand/generations.ts'
import { MemorySource } from '../../controlplane/sources/memory-source.ts'
import type { SourceSnapshot } from '../../controlplane/sources/source.ts'
import { ClassLog } from '../../controlplane/subscription/class-log.ts'
import { type Interest, newInterest, WILDCARD_TYPES } from '../../controlplane/subscription/interest.ts'
import { NameSet } from '../../controlplane/subscription/name-set.ts'
import type { ClassView } from '../../controlplane/xds/class-view.ts'
import { splitGeneration } from '../../controlplane/xds/names.ts'
import type { NodeInfo, Resource } from '../../controlplane/xds/resource.ts'
import { RESOURCE_TYPES, type ResourceType } from '../../proto/types.ts'
import type { PlainDocument } from './document-changes.ts'
import { NO_VERDICTS } from './no-verdicts.ts'

/** What a registry has: services by host, and instances of those it has read. */
export interface RegistryContent {
  readonly services: readonly DiscoveredService[]
  readonly instances: ReadonlyMap<string, readonly DiscoveredEndpoint[]>
}

/** What a restart ends. */
interface Life {
  readonly mesh: CompiledMesh
  readonly discovery: Discovery
  readonly generations: GenerationBook
}

const SHARES_FROM = 3
/** Hosts whose requests are explained in one comparison. */
const EXPLAINED = 2

/** A mesh that has lived through every change, with a log for each of its nodes as subscribers have it. */
export class LongLived {
  readonly watchers: readonly Watcher[]
  readonly #epoch = { now: 0 }
  readonly #withoutDraining: boolean
  #life: Life
  #source = MemorySource.of({})
  #config: LoadedConfig | undefined
  #analysis: Analysis | undefined
  #registry: RegistryContent = { services: [], instances: new Map() }
  #files: ReadonlyMap<string, PlainDocument> = new Map()

  constructor(nodes: readonly NodeInfo[], any: Random, withoutDraining: boolean) {
    this.#withoutDraining = withoutDraining
    this.#life = this.#begin(new Map())
    this.watchers = nodes.map((node) => new Watcher(this.mesh, node, this.#epoch, any))
  }

  get mesh(): CompiledMesh {
    return this.#life.mesh
  }

  get generations(): GenerationBook {
    return this.#life.generations
  }

  /**
   * A control plane that starts now takes its place, with the same documents, the same registry, and the generations that were kept. Watchers
   * stay with the old one.
   */
  restart(): void {
    this.#life = this.#begin(this.generations.snapshot())
    this.#source = MemorySource.of({})
    this.#config = undefined
    this.#analysis = undefined
    this.commit(this.#files, false)
    this.tell(this.#registry)
  }

  #begin(known: ReturnType<GenerationBook['snapshot']>): Life {
    const life = begun(this.#withoutDraining, known)
    life.mesh.onChange(() => {
      this.#epoch.now++
    })
    return life
  }

  /** Makes these documents the configuration. @param foresee whether to suppose them before: then that must come true */
  commit(files: ReadonlyMap<string, PlainDocument>, foresee: boolean): void {
    this.#files = files
    const config = loadConfig(this.#source.set(textsOf(files)), this.#config)
    const foreseen = foresee && supposing(this.mesh.model.world.suppose(config.objects), () => this.#everything())
    this.#config = config
    this.mesh.commit(config.objects)
    if (!foreseen) return
    const present = this.#everything()
    for (const what of new Set([...present.keys(), ...foreseen.keys()]))
      compare(`${what}, as supposed before,`, foreseen.get(what), present.get(what))
  }

  tell(registry: RegistryContent): void {
    this.#registry = registry
    const { discovery } = this.#life
    discovery.change(({ services, endpoints }) => {
      services(registry.services)
      for (const host of discovery.wanted()) endpoints(host, registry.instances.get(host))
    })
  }

  /** Hosts of the registry that nobody reads any more are forgotten. */
  sweep(): void {
    this.#life.discovery.sweep()
  }

  /** Makes the analysis up to date, as somebody who asks for diagnostics does. */
  diagnostics(): readonly Diagnostic[] {
    this.#analysis = finish(analyzeInSteps(this.#config!, this.#analysis, this.mesh.discovered()))
    return [...this.#config!.diagnostics, ...this.#analysis.diagnostics].sort(compareDiagnostics)
  }

  /** What a control plane that starts now would have. @param valid the last valid version of documents that have errors */
  fresh(valid: ReadonlyMap<string, PlainDocument>): { readonly mesh: CompiledMesh; readonly config: LoadedConfig } {
    const { mesh, discovery } = begun(true, this.generations.snapshot())
    discovery.change(({ services, endpoints }) => {
      services(this.#registry.services)
      for (const [host, list] of this.#registry.instances) endpoints(host, list)
    })
    const config = loadConfig(readAnew(textsOf(new Map([...this.#files, ...valid]))))
    mesh.commit(config.objects)
    return { mesh, config }
  }

  /**
   * Compares what some of the nodes are served with what they would be by a control plane that starts now.
   * @param valid the last valid version of documents that have errors, which a start does not know
   * @throws Error that names the differences
   */
  check(watchers: readonly Watcher[], valid: ReadonlyMap<string, PlainDocument>): void {
    const { mesh: fresh, config } = this.fresh(valid)
    for (const watcher of watchers) watcher.reclassify()
    // Who begins to be served makes the registry read.
    for (let round = 0; round < 3; round++) {
      for (const watcher of watchers) watcher.refresh()
      if (round === 0) for (const watcher of watchers) watcher.followAll(fresh)
      this.tell(this.#registry)
    }
    for (const watcher of watchers) watcher.compare(fresh)
    if (valid.size > 0) return
    const found = [...config.diagnostics, ...finish(analyzeInSteps(config, undefined, fresh.discovered())).diagnostics]
    compare('diagnostics', this.diagnostics().map(complaint), found.sort(compareDiagnostics).map(complaint))
    const views = (mesh: CompiledMesh) => watchers.map(({ node }) => mesh.view(node) as ClassView)
    const problems = (mesh: CompiledMesh) => problemsOfViews(views(mesh), mesh.model.world).map(complaint).sort()
    compare('problems of clusters', problems(this.mesh), problems(fresh))
  }

  /** What all nodes would be given. */
  #everything(): ReadonlyMap<string, unknown> {
    const found = new Map<string, unknown>()
    for (const { node } of this.watchers) {
      const view = this.mesh.view(node)
      found.set(`class of ${node.id}`, view.key)
      for (const type of RESOURCE_TYPES) {
        const names = view.names(type)
        found.set(`names of ${type} for ${node.id}`, names)
        for (const name of names) found.set(`${type} ${name} for ${node.id}`, said(view.get(type, name)))
      }
    }
    return found
  }
}

/** @param known generations that were kept */
function begun(withoutDraining: boolean, known: ReturnType<GenerationBook['snapshot']>): Life {
  const discovery = new Discovery()
  const generations = new GenerationBook()
  for (const [key, all] of known) generations.learn(key, all)
  const mesh = createMesh({ withoutDraining, sharesFrom: SHARES_FROM, discovery, generations })
  return { mesh, discovery, generations }
}

/** A node, and the log of the class it belongs to. */
export class Watcher {
  readonly node: NodeInfo
  readonly #mesh: CompiledMesh
  readonly #epoch: { now: number }
  readonly #any: Random
  #classification: unknown
  #log: ClassLog
  #interests = new Map<ResourceType, Interest>()
  #explained = 0

  constructor(mesh: CompiledMesh, node: NodeInfo, epoch: { now: number }, any: Random) {
    this.#mesh = mesh
    this.node = node
    this.#epoch = epoch
    this.#any = any
    this.#classification = mesh.classification?.()
    this.#log = this.#open()
  }

  get key(): string {
    return this.#log.key
  }

  get view(): ClassView {
    return this.#log.view as ClassView
  }

  /** Moves to another class when the mesh says that classes may have changed, and only then. */
  reclassify(): void {
    const classification = this.#mesh.classification?.()
    if (classification === this.#classification) return
    this.#classification = classification
    if (this.#mesh.view(this.node).key !== this.#log.key) this.#log = this.#open()
  }

  refresh(): void {
    this.#log.refresh()
  }

  /** Compiles some of what the next refresh will read, as the server does between two requests. */
  prepare(steps: number): void {
    const work = this.#log.prepare()
    for (let step = 0; step < steps; step++) if (work.next().done) return
  }

  /** Follows more names, and some no longer. */
  wander(): void {
    for (const type of RESOURCE_TYPES) {
      this.#follow(
        type,
        this.view.names(type).filter(() => this.#any(3) === 0),
      )
      if (this.#any(4) > 0) continue
      const { names } = this.#interest(type)
      this.#change(
        type,
        [],
        [...names].filter(() => this.#any(3) === 0),
      )
    }
  }

  /** Follows everything that another mesh has for the node. */
  followAll(mesh: CompiledMesh): void {
    const view = mesh.view(this.node)
    for (const type of RESOURCE_TYPES) this.#follow(type, view.names(type))
  }

  /** Looks at everything without publishing it, as a dump does. */
  look(): void {
    for (const type of RESOURCE_TYPES) for (const name of this.view.names(type)) this.view.get(type, name)
  }

  /** Compares everything published, and everything that can be asked of the view. */
  compare(fresh: CompiledMesh): void {
    const other = fresh.view(this.node) as ClassView
    const who = `${this.node.id} ${this.node.userAgent} ${this.node.protocol}`
    compare(`class of ${who}`, this.key, other.key)
    compare(`what ${who} cannot get`, this.#mesh.shortfall?.(this.node), fresh.shortfall?.(this.node))
    const { view } = this
    for (const type of RESOURCE_TYPES) {
      compare(`names of ${type} for ${who}`, view.names(type), other.names(type))
      const log = this.#log.of(type)
      if (WILDCARD_TYPES.has(type)) {
        const wild = type === 'cds' && other.onDemand ? other.onDemand.eager() : other.names(type)
        compare(`names of ${type} published to ${who}`, log.wildNames, wild)
      }
      const published = new Map([...log.published()].map((resource) => [resource.name, resource]))
      for (const name of new Set([...published.keys(), ...other.names(type), ...this.#interest(type).names])) {
        if (this.#stays(type, name, other)) continue
        const served = log.get(name)
        const looked = view.get(type, name)
        const expected = shown(other.get(type, name))
        compare(`${type} ${name} published to ${who}`, shown(served), expected)
        if (looked !== served) compare(`${type} ${name} looked at for ${who}`, shown(looked), expected)
      }
    }
    this.#compareOnDemand(who, other)
    this.#compareExplanations(who, other)
  }

  /** Ways of requests: a few hosts each time, other ones the next time. */
  #compareExplanations(who: string, other: ClassView): void {
    const hosts = [...new Set(other.scope.services().map(({ hostname }) => hostname))]
    for (let count = 0; count < Math.min(EXPLAINED, hosts.length); count++) {
      const host = hosts[this.#explained++ % hosts.length]!.replace('*', 'any')
      const request = { url: new URL(`http://${host}/`), method: 'GET', headers: {} }
      compare(`way of requests for ${host} of ${who}`, explain(this.view, request), explain(other, request))
    }
  }

  /** Endpoints that went with their cluster a moment ago are kept for proxies that are still sent to it. */
  #stays(type: ResourceType, name: string, other: ClassView): boolean {
    return type === 'eds' && other.onDemand !== undefined && other.get('eds', name) === undefined
  }

  #compareOnDemand(who: string, other: ClassView): void {
    const [own, theirs] = [this.view.onDemand, other.onDemand]
    compare(`on demand for ${who}`, own !== undefined, theirs !== undefined)
    if (!own || !theirs) return
    for (const name of other.names('cds')) {
      const { cluster } = splitGeneration(name)
      compare(`companions of ${name} for ${who}`, own.companions(name), theirs.companions(name))
      compare(`present name of ${name} for ${who}`, own.present(cluster), theirs.present(cluster))
    }
    for (const name of other.names('vhds')) {
      const authority = name.slice(name.lastIndexOf('/') + 1)
      const request = { authority, routeName: 'default', port: 0 }
      compare(`clusters of ${name} for ${who}`, own.virtualHosts?.clusters(name), theirs.virtualHosts?.clusters(name))
      compare(`stranger ${name} for ${who}`, own.virtualHosts?.stranger(name), theirs.virtualHosts?.stranger(name))
      compare(`needed by ${authority} for ${who}`, own.needed(request), theirs.needed(request))
    }
    compare(`openings for ${who}`, own.virtualHosts?.openings(), theirs.virtualHosts?.openings())
  }

  #open(): ClassLog {
    this.#interests = new Map()
    this.#log = new ClassLog(this.#mesh.view(this.node), this.#epoch, NO_VERDICTS)
    for (const type of WILDCARD_TYPES) {
      const before = newInterest(type)
      const interest = { wildcard: true, legacy: false, names: NameSet.empty }
      this.#log.track(type, { before, interest, added: [], dropped: [], asked: [], askedAll: true })
      this.#interests.set(type, interest)
    }
    return this.#log
  }

  #interest(type: ResourceType): Interest {
    return this.#interests.get(type) ?? newInterest(type)
  }

  #follow(type: ResourceType, names: readonly string[]): void {
    const known = this.#interest(type).names
    this.#change(
      type,
      names.filter((name) => !known.has(name)),
      [],
    )
  }

  #change(type: ResourceType, added: readonly string[], dropped: readonly string[]): void {
    if (added.length + dropped.length === 0) return
    const before = this.#interest(type)
    const interest = { ...before, legacy: false, names: before.names.change(added, dropped) }
    this.#interests.set(type, interest)
    this.#log.track(type, { before, interest, added, dropped, asked: added, askedAll: false })
  }
}

/** A resource as far as it must be the same. */
function said(resource: Resource | undefined): unknown {
  if (!resource) return undefined
  const { type, name, version, pending, children } = resource
  // What is not known yet is not sent.
  if (pending) return { type, name, pending }
  return { type, name, version, children, bytes: Buffer.from(resource.bytes).toString('latin1') }
}

/** The same with the places it comes from, each once as people are shown them. */
function shown(resource: Resource | undefined): unknown {
  if (!resource || resource.pending) return said(resource)
  return { places: [...new Set(resource.origins.map(placeOf))], resource: said(resource) }
}

function placeOf({ object: { key, source }, path }: Origin): string {
  const { file, line, column } = source.locate(path)
  return `${key} ${formatPath(path)} ${file}:${line}:${column}`
}

function complaint({ severity, code, file, line, message }: Diagnostic): string {
  return `${severity} ${code} ${file}:${line} ${message}`
}

/** Text of documents, a file each. */
export function textsOf(files: ReadonlyMap<string, PlainDocument>): Record<string, string> {
  return Object.fromEntries([...files].map(([file, document]) => [file, textOf(document)]))
}

const anew = new Map<string, SourceSnapshot>()

/** Files as a process that starts reads them. What a file says depends on its text alone, and most say what they said the last time. */
function readAnew(files: Readonly<Record<string, string>>): SourceSnapshot {
  const read = Object.entries(files).map(([file, text]) => {
    const key = `${file} ${text}`
    const known = anew.get(key) ?? MemorySource.of({ [file]: text }).snapshot
    anew.set(key, known)
    return known
  })
  return {
    documents: read.flatMap(({ documents }) => documents),
    diagnostics: read.flatMap(({ diagnostics }) => diagnostics),
  }
}

const texts = new WeakMap<PlainDocument, string>()

function textOf(document: PlainDocument): string {
  const text = texts.get(document) ?? stringify(document)
  texts.set(document, text)
  return text
}

function compare(what: string, served: unknown, fresh: unknown): void {
  if (isDeepStrictEqual(served, fresh)) return
  throw new Error(
    `${what} is not what a fresh start has\nserved: ${textOfValue(served)}\nfresh:  ${textOfValue(fresh)}`,
  )
}

function textOfValue(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 2000 ? `${text.slice(0, 2000)}…` : text
}
