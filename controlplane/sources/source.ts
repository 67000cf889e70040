import type { Diagnostic } from '../diagnostics/diagnostic.ts'
import type { SourceDocument } from './document.ts'

/** Everything a source holds at one moment, complete: files that could not be read keep their last good documents. */
export interface SourceSnapshot {
  readonly documents: readonly SourceDocument[]
  /** Complaints about files as such: syntax, encoding, size, permissions. */
  readonly diagnostics: readonly Diagnostic[]
}

/** A place configuration comes from: a folder of files, later Consul KV or Kubernetes. */
export interface ConfigSource {
  /** Reads everything once; resolves with the first complete snapshot and rejects only when there can never be one. */
  start(): Promise<SourceSnapshot>
  /** Calls back with a new complete snapshot after each change, until `stop`. Returns the way to end the subscription. */
  onChange(listener: (snapshot: SourceSnapshot) => void): () => void
  stop(): Promise<void>
}
