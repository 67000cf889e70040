import type { RevisionLedger } from './revision-ledger.ts'

/** A file as it was before it changed or went. */
export interface ReplacedFile {
  /** Its name in the ledger. */
  readonly file: string
  readonly bytes: Buffer
}

/** Revisions looked at: whoever makes more of them in seconds is not waited for. */
const MOST_REVISIONS = 100

/** What files held that was replaced or went since `since` (ms since 1970), the oldest first. */
export function* replacedSince(ledger: RevisionLedger, since: number): Generator<ReplacedFile> {
  const revisions = ledger.revisions({ limit: MOST_REVISIONS }).filter(({ at }) => at >= since)
  for (const { files } of [...revisions].reverse())
    for (const { file, before } of files) {
      const bytes = before === undefined ? undefined : ledger.content(before)
      if (bytes) yield { file, bytes }
    }
}
