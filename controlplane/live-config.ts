import { setImmediate } from 'node:timers/promises'
import { type Analysis, analyzeInSteps, finish } from './config/analysis/analyze.ts'
import { hourOf } from './config/analysis/world.ts'
import { objectsIn, rememberedBefore } from './config/earlier.ts'
import { type LoadedConfig, loadAfter, loadConfig } from './config/load.ts'
import { compareDiagnostics, type Diagnostic } from './diagnostics/diagnostic.ts'
import type { CompiledMesh } from './mesh.ts'
import { type EarlierContents, type NamedContent, type RevisionsOf, revisionsIn } from './sources/earlier.ts'
import type { ConfigSource, SourceSnapshot } from './sources/source.ts'

/** What came of one reading of the source. */
export interface ConfigUpdate {
  /** Keys of objects that came, went or changed. */
  readonly changed: readonly string[]
  readonly config: LoadedConfig
  readonly tookMs: number
}

/** The longest the event loop is held by looking for earlier versions, ms. */
const SLICE_MS = 15

type Discovered = ReturnType<CompiledMesh['discovered']>

/**
 * Configuration as it is in force: reads a source, checks the documents, puts what is valid into the mesh, and does so
 * again whenever the source changes. A reading that fails leaves everything as it was.
 */
export class LiveConfig {
  readonly #source: ConfigSource
  readonly #mesh: CompiledMesh
  readonly #listeners = new Set<(update: ConfigUpdate) => void>()
  #config: LoadedConfig | undefined
  #sourceDiagnostics: readonly Diagnostic[] = []
  /** Of the configuration in force, or of an earlier one. */
  #analysis:
    | { readonly of: LoadedConfig; readonly with: Discovered; readonly at: number; readonly analysis: Analysis }
    | undefined
  #unsubscribe = () => {}
  readonly #earlier: EarlierContents | undefined
  readonly #replaced: () => Iterable<NamedContent>
  readonly #revisionsOf: RevisionsOf

  /**
   * @param earlier what files said before this process: a document that has errors at the start keeps its last valid version
   * @param replaced files that changed or went just before the start, as they were: proxies may still be led by them
   */
  constructor(
    source: ConfigSource,
    mesh: CompiledMesh,
    earlier?: EarlierContents,
    replaced: () => Iterable<NamedContent> = () => [],
  ) {
    this.#source = source
    this.#mesh = mesh
    this.#earlier = earlier
    this.#replaced = replaced
    this.#revisionsOf = earlier ? revisionsIn(earlier) : () => new Map()
  }

  /** Whether everything has been read once; nothing may be served before. */
  get ready(): boolean {
    return this.#config !== undefined
  }

  /** The objects in force, in order of precedence. */
  get objects(): LoadedConfig['objects'] {
    return this.#config?.objects ?? new Map()
  }

  /** Documents with errors of which nothing is in force. */
  get refused(): LoadedConfig['refused'] {
    return this.#config?.refused ?? []
  }

  /** Complaints about files and documents by themselves, worst first. Costs nothing. */
  documentDiagnostics(): readonly Diagnostic[] {
    return [...this.#sourceDiagnostics, ...(this.#config?.diagnostics ?? [])].sort(compareDiagnostics)
  }

  /**
   * All complaints, worst first. The analysis across documents is made when it is first asked for after a change, and takes
   * some 50 µs for each document that it concerns.
   */
  diagnostics(): readonly Diagnostic[] {
    const { diagnostics } = finish(this.analysis()) ?? { diagnostics: [] }
    return [...this.documentDiagnostics(), ...diagnostics].sort(compareDiagnostics)
  }

  /** The analysis across documents, made in pieces when it is first asked for after a change; undefined before the first reading. */
  *analysis(): Generator<void, Analysis | undefined> {
    const config = this.#config
    if (!config) return undefined
    const discovered = this.#mesh.discovered()
    const now = Date.now()
    const known = this.#analysis
    // Certificates end although nothing changes.
    if (known?.of === config && known.with === discovered && known.at === hourOf(now)) return known.analysis
    const analysis = yield* analyzeInSteps(config, known?.analysis, discovered, now)
    this.#analysis = { of: config, with: discovered, at: hourOf(now), analysis }
    return analysis
  }

  /** Resolves after the first complete reading. @throws Error when the source can never be read. */
  async start(): Promise<void> {
    const first = await this.#source.start()
    let newest = first
    this.#unsubscribe = this.#source.onChange((snapshot) => {
      newest = snapshot
      if (this.ready) this.#take(snapshot)
    })
    const start = performance.now()
    const config = this.#earlier ? await this.#after(first, this.#earlier) : loadConfig(first)
    const replaced = await inSlices(objectsIn(this.#replaced(), first, config))
    this.#put(first, config, start)
    this.#mesh.recall(replaced)
    if (newest !== first) this.#take(newest)
  }

  /** The first reading, set against what was in force when an earlier process ended. */
  async #after(snapshot: SourceSnapshot, earlier: EarlierContents): Promise<LoadedConfig> {
    const alone = loadConfig(snapshot)
    const remembered = await inSlices(rememberedBefore(snapshot, alone, earlier))
    return remembered ? loadAfter(snapshot, remembered, this.#revisionsOf) : alone
  }

  /** Calls back after each reading, the first included. Returns the way to unsubscribe. */
  onUpdate(listener: (update: ConfigUpdate) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async stop(): Promise<void> {
    this.#unsubscribe()
    await this.#source.stop()
  }

  #take(snapshot: SourceSnapshot): void {
    const start = performance.now()
    this.#put(snapshot, loadConfig(snapshot, this.#config, this.#revisionsOf), start)
  }

  #put(snapshot: SourceSnapshot, config: LoadedConfig, start: number): void {
    this.#config = config
    this.#sourceDiagnostics = snapshot.diagnostics
    const changed = this.#mesh.commit(config.objects)
    const update = { changed, config, tookMs: performance.now() - start }
    for (const listener of this.#listeners) listener(update)
  }
}

/** Does it to the end; others come in between. */
async function inSlices<T>(steps: Generator<void, T>): Promise<T> {
  let sliceStart = performance.now()
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return step.value
    if (performance.now() - sliceStart < SLICE_MS) continue
    await setImmediate()
    sliceStart = performance.now()
  }
}
