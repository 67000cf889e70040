import type { SourceDocument } from '../../controlplane/sources/document.ts'
import { MemorySource } from '../../controlplane/sources/memory-source.ts'
import type { ConfigSource, SourceSnapshot } from '../../controlplane/sources/source.ts'

/** Files of one document each, in memory. A change reads one of them again, as a watched folder does. */
export class ChangingSource implements ConfigSource {
  readonly #files = new Map<string, number>()
  readonly #documents: SourceDocument[] = []
  readonly #listeners = new Set<(snapshot: SourceSnapshot) => void>()

  /** @throws Error when a text is no single valid document: a benchmark must not measure changes that are refused */
  constructor(files: ReadonlyMap<string, string>) {
    for (const [file, text] of files) this.#files.set(file, this.#documents.push(read(file, text)) - 1)
  }

  /** Replaces a file and tells the listeners. @throws Error as the constructor does, or when there is no such file */
  change(file: string, text: string): void {
    const at = this.#files.get(file)
    if (at === undefined) throw new Error(`there is no file ${file}`)
    this.#documents[at] = read(file, text)
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
    return { documents: this.#documents.slice(), diagnostics: [] }
  }
}

function read(file: string, text: string): SourceDocument {
  const { documents, diagnostics } = MemorySource.of({ [file]: text }).snapshot
  const [document] = documents
  if (!document || documents.length > 1 || diagnostics.length > 0)
    throw new Error(`${file}: ${diagnostics[0]?.message ?? `${documents.length} documents`}`)
  return document
}
