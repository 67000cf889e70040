import { type FileState, keepLastGood, nothingHeld } from './keep.ts'
import type { ReadLimits } from './limits.ts'
import { checkEncoding, splitDocuments } from './split.ts'
import { type FileReading, type PieceReading, readFileInSteps, type YamlDocument } from './yaml-documents.ts'

/** A content that a file had. */
export interface EarlierContent {
  /** The revision after which it had it; undefined when that is not known any more. */
  readonly revision: number | undefined
  readonly bytes: Uint8Array
}

/** What a file held, and its name in the source. */
export interface NamedContent {
  readonly file: string
  readonly bytes: Uint8Array
}

/**
 * Contents that a file had, by the name under which the source knows it: the newest first, which may be the present one, back to when
 * there was no such file. Whoever asks may stop at any of them. Never throws.
 */
export type EarlierContents = (file: string) => Iterable<EarlierContent>

/** Finds the newest revision in which documents of these texts stood in a file; what is not found is left out. */
export type RevisionsOf = (file: string, texts: ReadonlySet<string>) => ReadonlyMap<string, number>

/** Bytes that may still be read to look back; one for all files that are looked for together. */
export interface LookBack {
  bytesLeft: number
}

/** How far a start looks back for one file: contents, and bytes of them. */
const MOST_CONTENTS = 200
const MOST_BYTES = 16 * 1024 * 1024
/** The same for all files of a start, bytes. */
const MOST_BYTES_IN_ALL = 64 * 1024 * 1024
/** The same to name a revision, which is done while everything is served: they are cut into documents, not parsed. */
const MOST_BYTES_FOR_A_NUMBER = 4 * 1024 * 1024

export const lookBack = (): LookBack => ({ bytesLeft: MOST_BYTES_IN_ALL })

/**
 * A file as it was in force after each of its last contents, the oldest first: what a process held that read them one after the other.
 * It goes back to the content for which `reached` says that nothing before it matters, or as far as one may look; `reached` is told
 * the documents that can be read, and whether those are all. Yields often.
 */
export function* earlierStates(
  file: string,
  contents: EarlierContents,
  limits: ReadLimits,
  budget: LookBack,
  reached: (documents: readonly YamlDocument[], all: boolean) => boolean,
): Generator<void, readonly FileState[]> {
  const readings: FileReading[] = []
  const known = new Map<string, PieceReading>()
  let left = MOST_BYTES
  for (const { bytes } of contents(file)) {
    left -= bytes.length
    budget.bytesLeft -= bytes.length
    if (left < 0 || budget.bytesLeft < 0) break
    const reading = yield* readFileInSteps(file, bytes, limits, known)
    for (const piece of reading.pieces ?? []) if (piece.ok) known.set(piece.piece.text, piece)
    readings.push(reading)
    const all = reading.pieces?.every(({ ok }) => ok) ?? false
    if (reached(reading.pieces?.flatMap(({ documents }) => documents) ?? [], all)) break
    if (readings.length === MOST_CONTENTS) break
  }
  let state = nothingHeld
  return readings.reverse().map((reading) => {
    state = keepLastGood(state, reading)
    return state
  })
}

/** What is in force of a file that cannot be read as it is now, as far as its earlier contents tell. */
export function* stateBefore(
  file: string,
  contents: EarlierContents,
  limits: ReadLimits,
  budget: LookBack,
): Generator<void, FileState> {
  const states = yield* earlierStates(file, contents, limits, budget, (_, all) => all)
  return states.at(-1) ?? nothingHeld
}

/** Whether something of a file cannot be read, so that earlier contents matter. */
export function isUnreadable({ pieces }: FileReading): boolean {
  return pieces === undefined || pieces.some(({ ok }) => !ok)
}

/** Looks for revisions in the contents of files, at the newest ones only. */
export function revisionsIn(contents: EarlierContents): RevisionsOf {
  return (file, texts) => {
    const found = new Map<string, number>()
    let count = 0
    let left = MOST_BYTES_FOR_A_NUMBER
    if (texts.size === 0) return found
    for (const { revision, bytes } of contents(file)) {
      left -= bytes.length
      if (left < 0 || ++count > MOST_CONTENTS || revision === undefined) break
      if (checkEncoding(bytes)) continue
      for (const { text } of splitDocuments(bytes)) if (texts.has(text) && !found.has(text)) found.set(text, revision)
      if (found.size === texts.size) break
    }
    return found
  }
}
