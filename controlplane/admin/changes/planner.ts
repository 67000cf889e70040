import { createHash } from 'node:crypto'
import { join, normalize } from 'node:path'
import { analyzeInSteps, finish } from '../../config/analysis/analyze.ts'
import { type LoadedConfig, loadConfig } from '../../config/load.ts'
import { compareDiagnostics, type Diagnostic } from '../../diagnostics/diagnostic.ts'
import type { LiveConfig } from '../../live-config.ts'
import type { CompiledMesh } from '../../mesh.ts'
import { originIn } from '../../model/index.ts'
import type { SourceDocument } from '../../sources/document.ts'
import { MemorySource, readNext, type SourceSnapshot } from '../../sources/index.ts'
import type { ClientStatus, StatusBook } from '../../status/book.ts'
import { problemDiagnostics } from '../compile-problems.ts'
import { ApiError } from '../http/errors.ts'
import { changedObjects } from './changed-objects.ts'
import { type ClassChanges, compareClasses } from './class-changes.ts'
import { type Meaning, meaningOf } from './meaning/meaning.ts'
import { affectedServices, hostsOf } from './services.ts'
import { slice } from './slices.ts'

/** A file as it is and as it shall be; absent bytes mean that it is not there. */
export interface PlannedFile {
  readonly file: string
  readonly before: Uint8Array | undefined
  readonly after: Uint8Array | undefined
}

/** What a change would do. */
export interface Plan {
  /** Of the configuration as it would be, worst first. */
  readonly diagnostics: readonly Diagnostic[]
  /** Errors that are not there now. */
  readonly newErrors: readonly Diagnostic[]
  readonly meaning: readonly Meaning[]
  readonly classes: readonly ClassChanges[]
  /** Connected proxies that hold, or will be sent, something that changes. */
  readonly proxies: readonly ClientStatus[]
  /** Hostnames. */
  readonly services: readonly string[]
  /** What the source will hold of each changed file: ids of documents to their revisions. */
  readonly documents: ReadonlyMap<string, ReadonlyMap<string, string>>
}

export interface PlannerOptions {
  /** The folder as it was given to the source, which names files below it. */
  readonly folder: string
  readonly source: { readonly snapshot: SourceSnapshot }
  readonly config: LiveConfig
  /** The mesh proxies are served from. */
  readonly mesh: CompiledMesh
  readonly status: StatusBook
}

/** Plans that may wait for their turn; one takes 50 to 200 ms in a large mesh. */
const MOST_WAITING = 32
/** After so many changes of the configuration while a plan was made, it is made in one piece. */
const MOST_ATTEMPTS = 4

/** Computes what a change of files would do, against the configuration in force and the proxies connected now. Changes nothing. */
export class Planner {
  readonly #options: PlannerOptions
  #loaded: LoadedConfig | undefined
  /** Ends when the last plan that was asked for is made. */
  #turn: Promise<unknown> = Promise.resolve()
  #waiting = 0
  readonly #unsubscribe: () => void

  constructor(options: PlannerOptions) {
    this.#options = options
    this.#unsubscribe = options.config.onUpdate(({ config }) => {
      this.#loaded = config
    })
  }

  /** The name under which the source knows a file. */
  pathOf(file: string): string {
    return join(normalize(this.#options.folder), file)
  }

  /** Documents in force, with the last good ones of files that are broken. */
  get loaded(): LoadedConfig | undefined {
    return this.#loaded
  }

  /**
   * Plans are made one after the other, each in pieces between which the process does other things. One that nobody waits for any
   * more when its turn comes is not made.
   * @throws ApiError when too many wait already, or this one is given up
   */
  async plan(files: readonly PlannedFile[], isWanted: () => boolean = () => true): Promise<Plan> {
    if (this.#waiting >= MOST_WAITING)
      throw new ApiError(503, 'BUSY', `${this.#waiting} plans are being made already: try again in a moment`)
    this.#waiting++
    const made = this.#turn.then(() => {
      if (isWanted()) return this.#plan(files)
      throw new ApiError(499, 'GIVEN_UP', 'nobody waits for this plan any more')
    })
    this.#turn = made.catch(() => {})
    return made.finally(() => {
      this.#waiting--
    })
  }

  async #plan(files: readonly PlannedFile[]): Promise<Plan> {
    for (let attempt = 1; ; attempt++) {
      const base = this.#loaded
      // A configuration that changes all the time must not keep a plan from being made.
      if (attempt === MOST_ATTEMPTS) return finish(this.#steps(files))
      const plan = await slice(this.#steps(files), () => this.#loaded !== base)
      if (plan) return plan
    }
  }

  *#steps(files: readonly PlannedFile[]): Generator<void, Plan> {
    const { source, config, status, mesh } = this.#options
    const base = this.#loaded ?? loadConfig(source.snapshot)
    const { snapshot, parts } = this.#planned(files)
    const loaded = loadConfig(snapshot, base)
    yield
    const analysis = yield* analyzeInSteps(loaded, yield* config.analysis(), mesh.discovered())
    yield
    const clients = status.clients().filter(({ disconnectedAt }) => disconnectedAt === undefined)
    const written = [...loaded.objects.values()].filter(({ source: { file } }) => parts.has(file))
    const named = written.flatMap(({ spec, namespace }) => hostsOf(spec).map((host) => ({ host, namespace })))
    const { classes, problems } = yield* compareClasses(mesh, loaded.objects, clients, named)
    yield
    const changed = changedObjects(base.objects, loaded.objects)
    const diagnostics = [
      ...snapshot.diagnostics,
      ...loaded.diagnostics,
      ...analysis.diagnostics,
      ...problemDiagnostics(problems, (origin) => originIn(origin, loaded.objects)),
    ].sort(compareDiagnostics)
    return {
      diagnostics,
      newErrors: additional(config.diagnostics(), diagnostics),
      meaning: meaningOf(base.objects, loaded.objects, changed),
      classes,
      proxies: classes.flatMap((one) => one.clients.filter((client) => touches(one, client, status))),
      services: affectedServices(base.objects, loaded.objects, classes, changed),
      documents: new Map(
        [...parts].map(([path, part]) => [path, new Map(part.documents.map(({ id, revision }) => [id, revision]))]),
      ),
    }
  }

  /** Whether what a plan wrote is in force. */
  isInForce({ documents }: Pick<Plan, 'documents'>): boolean {
    const entries = this.#options.source.snapshot.documents
    const now = new Map<string, string>()
    for (const { id, file, revision } of entries) if (documents.has(file)) now.set(id, revision)
    let expected = 0
    for (const part of documents.values())
      for (const [id, revision] of part) {
        expected++
        if (now.get(id) !== revision) return false
      }
    return now.size === expected
  }

  stop(): void {
    this.#unsubscribe()
  }

  #planned(files: readonly PlannedFile[]): { snapshot: SourceSnapshot; parts: ReadonlyMap<string, SourceSnapshot> } {
    const { snapshot } = this.#options.source
    const parts = new Map<string, SourceSnapshot>()
    const changed = new Set(files.map(({ file }) => this.pathOf(file)))
    const kept = snapshot.documents.filter(({ file }) => !changed.has(file))
    // What aliases stand for is limited for all files together, those that stay included.
    let copies = copiesOf(kept)
    for (const one of files) {
      const path = this.pathOf(one.file)
      const part = reading(path, one, snapshot, copies)
      copies += copiesOf(part.documents)
      parts.set(path, part)
    }
    const fresh = [...parts].sort(([a], [b]) => (a < b ? -1 : 1))
    const documents = merged(
      kept,
      fresh.flatMap(([, part]) => part.documents),
    )
    const diagnostics = [
      ...snapshot.diagnostics.filter(({ file }) => !parts.has(file)),
      ...[...parts.values()].flatMap((part) => part.diagnostics),
    ]
    return { snapshot: { documents, diagnostics }, parts }
  }
}

/**
 * Identifies a plan: the same files, from the same content, to the same content. What else is in the configuration may change
 * between plan and apply; it does not change what is written.
 */
export function planHash(files: readonly PlannedFile[]): string {
  const hash = createHash('sha256')
  for (const { file, before, after } of [...files].sort((a, b) => (a.file < b.file ? -1 : 1)))
    for (const part of [Buffer.from(file), before, after]) {
      hash.update(part ? `${part.length}:` : '-')
      if (part) hash.update(part)
    }
  return hash.digest('hex').slice(0, 32)
}

/**
 * What the source would hold of a file: a document that cannot be read keeps its last good version, that in force where it cannot be read as
 * it is now either.
 */
function reading(
  path: string,
  { before, after }: PlannedFile,
  { documents }: SourceSnapshot,
  copies: number,
): SourceSnapshot {
  if (!after) return { documents: [], diagnostics: [] }
  const { snapshot } = MemorySource.of({ [path]: after }, {}, copies)
  if (!before || snapshot.diagnostics.every(({ severity }) => severity !== 'error')) return snapshot
  const inForce = documents.filter(({ file }) => file === path)
  return readNext(path, [before, after], inForce, copies)
}

function copiesOf(documents: readonly SourceDocument[]): number {
  return documents.reduce((sum, { copies = 0 }) => sum + copies, 0)
}

/** Documents of two snapshots that are both in the order of their files. */
function merged(a: readonly SourceDocument[], b: readonly SourceDocument[]): readonly SourceDocument[] {
  const all: SourceDocument[] = []
  let next = 0
  for (const document of a) {
    while (next < b.length && b[next]!.file < document.file) all.push(b[next++]!)
    all.push(document)
  }
  return [...all, ...b.slice(next)]
}

/** Errors that come up more often than before, wherever in their file. */
function additional(before: readonly Diagnostic[], after: readonly Diagnostic[]): readonly Diagnostic[] {
  const keyOf = ({ code, file, message }: Diagnostic) => JSON.stringify([code, file, message.replace(/\d+/g, '#')])
  const known = new Map<string, number>()
  for (const one of before) if (one.severity === 'error') known.set(keyOf(one), (known.get(keyOf(one)) ?? 0) + 1)
  return after.filter((one) => {
    if (one.severity !== 'error') return false
    const left = known.get(keyOf(one)) ?? 0
    known.set(keyOf(one), left - 1)
    return left <= 0
  })
}

/** Whether a client asks for something of its class that changes. */
function touches({ types }: ClassChanges, { stream, types: asked }: ClientStatus, status: StatusBook): boolean {
  return types.some(({ type, added, changed, removed }) => {
    const interest = asked.find((one) => one.type === type)
    if (!interest) return false
    if (interest.wildcard && added.length > 0) return true
    const held = new Set(status.resources(stream, type)?.map(({ resource }) => resource.name))
    return [...added, ...changed, ...removed].some((name) => held.has(name))
  })
}
