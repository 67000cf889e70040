import { compareDiagnostics, type Diagnostic } from '../diagnostics/diagnostic.ts'
import type { SourceDocument } from './document.ts'
import type { SourceSnapshot } from './source.ts'

/** What one file contributes to a snapshot. */
interface Part {
  readonly documents: readonly SourceDocument[]
  readonly diagnostics: readonly Diagnostic[]
}

export const emptySnapshot: SourceSnapshot = { documents: [], diagnostics: [] }

/** The snapshot of some files, by path; the very object `last` when it would say the same. */
export function snapshotOf(
  last: SourceSnapshot,
  parts: ReadonlyMap<string, Part>,
  further: readonly Diagnostic[] = [],
): SourceSnapshot {
  const inOrder = [...parts.keys()].sort().map((path) => parts.get(path) as Part)
  const documents = inOrder.flatMap((part) => part.documents)
  const diagnostics = [...further, ...inOrder.flatMap((part) => part.diagnostics)].sort(compareDiagnostics)
  const same =
    documents.length === last.documents.length &&
    documents.every((document, index) => document === last.documents[index]) &&
    JSON.stringify(diagnostics) === JSON.stringify(last.diagnostics)
  return same ? last : { documents, diagnostics }
}
