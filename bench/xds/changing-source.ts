import { MemorySource } from '../../controlplane/sources/memory-source.ts'
import type { ConfigSource, SourceSnapshot } from '../../controlplane/sources/source.ts'

/** Files in memory of which one changes at a time; only that one is read again, as a watched folder does it. */
export class ChangingSource implements ConfigSource {
  readonly #files = new Map<string, MemorySource>()
  readonly #listeners = new Set<(snapshot: SourceSnapshot) => void>()

  constructor(files: ReadonlyMap<string, string>) {
    for (const [file, text] of files) this.#files.set(file, MemorySource.of({ [file]: text }))
  }

  /** @throws Error when the text is no valid YAML: a benchmark must not measure changes that are refused */
  change(file: string, text: string): void {
    const source = MemorySource.of({ [file]: text })
    const [complaint] = source.snapshot.diagnostics
    if (complaint) throw new Error(`${file}: ${complaint.message}`)
    this.#files.set(file, source)
    const snapshot = this.#snapshot()
    for (const listener of this.#listeners) listener(snapshot)
  }

  async start(): Promise<SourceSnapshot> {
    return this.#snapshot()
  }

  onChange(listener: (snapshot: SourceSnapshot) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async stop(): Promise<void> {
    this.#listeners.clear()
  }

  #snapshot(): SourceSnapshot {
    const sources = [...this.#files.values()]
    return { documents: sources.flatMap((source) => source.snapshot.documents), diagnostics: [] }
  }
}
