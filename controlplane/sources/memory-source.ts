import { type EarlierContents, isUnreadable, lookBack, type RevisionsOf, revisionsIn, stateBefore } from './earlier.ts'
import { type FileState, keepLastGood, knownPieces, nothingHeld } from './keep.ts'
import { defaultReadLimits, type ReadLimits } from './limits.ts'
import { emptySnapshot, snapshotOf } from './snapshot.ts'
import type { ConfigSource, SourceSnapshot } from './source.ts'
import { limited, readFileInSteps } from './yaml-documents.ts'
import { runNow } from './yaml-parse.ts'

/** File names and their texts. */
export type MemoryFiles = Readonly<Record<string, string | Uint8Array>>

/**
 * A source of texts held in memory: for checks of drafts, `translate` and tests. Reads as a FileStore does, with the last
 * good version of what becomes unreadable; changes count at once.
 */
export class MemorySource implements ConfigSource {
  readonly #limits: ReadLimits
  readonly #others: number
  readonly #states = new Map<string, FileState>()
  readonly #listeners = new Set<(snapshot: SourceSnapshot) => void>()
  readonly #revisionsOf: RevisionsOf | undefined
  /** Until files were read for the first time. */
  #earlier: EarlierContents | undefined
  #snapshot: SourceSnapshot = emptySnapshot

  private constructor(limits: ReadLimits, others: number, earlier: EarlierContents | undefined) {
    this.#limits = limits
    this.#others = others
    this.#earlier = earlier
    this.#revisionsOf = earlier && revisionsIn(earlier)
  }

  /**
   * @param copies what `limits.copies` counts elsewhere
   * @param earlier what files said before, for those that cannot be read when there are files for the first time
   */
  static of(files: MemoryFiles, limits: Partial<ReadLimits> = {}, copies = 0, earlier?: EarlierContents): MemorySource {
    const source = new MemorySource({ ...defaultReadLimits, ...limits }, copies, earlier)
    source.#read(files)
    return source
  }

  get snapshot(): SourceSnapshot {
    return this.#snapshot
  }

  /** Replaces all files and tells the listeners, if that changed anything. */
  set(files: MemoryFiles): SourceSnapshot {
    if (this.#read(files)) for (const listener of [...this.#listeners]) listener(this.#snapshot)
    return this.#snapshot
  }

  async start(): Promise<SourceSnapshot> {
    return this.#snapshot
  }

  onChange(listener: (snapshot: SourceSnapshot) => void): () => void {
    const own = (snapshot: SourceSnapshot) => listener(snapshot)
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  async stop(): Promise<void> {
    this.#listeners.clear()
  }

  #read(files: MemoryFiles): boolean {
    const earlier = this.#earlier
    if (Object.keys(files).length > 0) this.#earlier = undefined
    const budget = lookBack()
    for (const file of this.#states.keys()) if (!Object.hasOwn(files, file)) this.#states.delete(file)
    let copies = this.#others
    for (const [file, text] of Object.entries(files)) {
      const bytes = typeof text === 'string' ? Buffer.from(text) : text
      const held = this.#states.get(file) ?? nothingHeld
      const reading = runNow(readFileInSteps(file, bytes, this.#limits, knownPieces(held), copies))
      const before = earlier && isUnreadable(reading) ? runNow(stateBefore(file, earlier, this.#limits, budget)) : held
      const state = keepLastGood(before, reading, (texts) => this.#revisionsOf?.(file, texts) ?? new Map())
      for (const piece of state.held) copies += piece.copies
      this.#states.set(file, { ...state, diagnostics: limited(file, state.diagnostics, this.#limits) })
    }
    const last = this.#snapshot
    this.#snapshot = snapshotOf(last, this.#states)
    return this.#snapshot !== last
  }
}
