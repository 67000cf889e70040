import { type ConfigSource, type EarlierContents, MemorySource, type SourceSnapshot } from '../../sources/index.ts'
import type { KvLedger } from './kv-ledger.ts'

/** Configuration in Consul as a source: the documents of the newest revision, the same on every replica. */
export class KvSource implements ConfigSource {
  readonly #ledger: KvLedger
  readonly #memory: MemorySource
  #unsubscribe = () => {}

  /** @param earlier what files said before, for those that cannot be read when it starts */
  constructor(ledger: KvLedger, earlier?: EarlierContents) {
    this.#ledger = ledger
    this.#memory = MemorySource.of({}, {}, 0, earlier)
  }

  get snapshot(): SourceSnapshot {
    return this.#memory.snapshot
  }

  async start(): Promise<SourceSnapshot> {
    this.#unsubscribe = this.#ledger.onRevision(() => this.#read())
    return this.#read()
  }

  /** Looks for revisions of other replicas now. */
  async refresh(): Promise<SourceSnapshot> {
    await this.#ledger.sync()
    return this.snapshot
  }

  onChange(listener: (snapshot: SourceSnapshot) => void): () => void {
    return this.#memory.onChange(listener)
  }

  async stop(): Promise<void> {
    this.#unsubscribe()
    await this.#memory.stop()
  }

  #read(): SourceSnapshot {
    const files = this.#ledger.files().map(({ file, hash }) => {
      const bytes = this.#ledger.content(hash)
      if (!bytes) throw new Error(`the copy of ${this.#ledger.name} has lost the content of ${file}`)
      return [file, bytes] as const
    })
    return this.#memory.set(Object.fromEntries(files))
  }
}
