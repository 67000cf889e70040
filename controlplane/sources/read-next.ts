import type { SourceDocument } from './document.ts'
import { type FileState, keepLastGood } from './keep.ts'
import { defaultReadLimits } from './limits.ts'
import { emptySnapshot, snapshotOf } from './snapshot.ts'
import type { SourceSnapshot } from './source.ts'
import { limited, readFileInSteps, YamlDocument } from './yaml-documents.ts'
import { runNow } from './yaml-parse.ts'

/**
 * What a source would have of one file that has these contents one after the other: of what cannot be read, the last good version,
 * which may be older than all of them.
 * @param inForce what the source has of the file now
 * @param copies what `ReadLimits.copies` counts in other files
 */
export function readNext(
  file: string,
  contents: readonly Uint8Array[],
  inForce: readonly SourceDocument[],
  copies = 0,
): SourceSnapshot {
  const documents = inForce.filter((document) => document instanceof YamlDocument)
  let state: FileState = { held: YamlDocument.readingsOf(documents), documents, diagnostics: [] }
  for (const bytes of contents)
    state = keepLastGood(state, runNow(readFileInSteps(file, bytes, defaultReadLimits, undefined, copies)))
  const diagnostics = limited(file, state.diagnostics, defaultReadLimits)
  return snapshotOf(emptySnapshot, new Map([[file, { ...state, diagnostics }]]))
}
