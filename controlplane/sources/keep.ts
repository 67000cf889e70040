import { type Diagnostic, keptOf, withHint } from '../diagnostics/diagnostic.ts'
import { tooLargeToCompare } from './limits.ts'
import type { FileReading, KnownPieces, PieceReading, YamlDocument } from './yaml-documents.ts'

/** What is in force of a file: its documents as read now, with the last good version where there is none now. */
export interface FileState {
  /** The readings in force, all of them good. */
  readonly held: readonly PieceReading[]
  readonly documents: readonly YamlDocument[]
  readonly diagnostics: readonly Diagnostic[]
}

/** The newest revision in which documents of these texts stood in the file; what is not known is left out. */
type RevisionsOfTexts = (texts: ReadonlySet<string>) => ReadonlyMap<string, number>

const none: RevisionsOfTexts = () => new Map()

export const nothingHeld: FileState = { held: [], documents: [], diagnostics: [] }

/** What need not be parsed again when the file is read next. */
export function knownPieces(state: FileState): KnownPieces {
  return new Map(state.held.map((reading) => [reading.piece.text, reading]))
}

/**
 * Sets a new reading of a file against what was in force.
 *
 * - A document that did not change (text, place and position) stays the same object.
 * - A document that cannot be read keeps its last good version. Documents have no name here, so the two are paired by
 *   likeness: equal text first, then the most lines in common (of the last one, which may be cut off, the largest part of its
 *   own lines), then by their order.
 * - While a document cannot be read, a document that went away stays too if its lines stand in the unreadable one (a lost
 *   `---` joins two documents) or if the unreadable one is like nothing that was there. If it is the last one of the file,
 *   all that stood behind its last good version stays: a file that ends in the middle of a document is half written.
 * - A file that cannot be read at all keeps everything; so does one that changed in so many places that pairing would
 *   take too long.
 *
 * Complaints say what is in force instead, and of which revision that is where `revisionsOf` knows it.
 */
export function keepLastGood(before: FileState, now: FileReading, revisionsOf: RevisionsOfTexts = none): FileState {
  if (now.pieces === undefined) {
    return {
      ...before,
      diagnostics: now.diagnostics.map((it) =>
        withHint(it, before.documents.length > 0 ? fates.fileKept : fates.fileAbsent),
      ),
    }
  }
  const bad = now.pieces.some((piece) => !piece.ok)
  const pairs = bad ? pair(before.held, now.pieces) : undefined
  if (pairs === 'too many') {
    const all = [...now.diagnostics, ...now.pieces.flatMap((piece) => piece.diagnostics)]
    return { ...before, diagnostics: all.map((it) => withHint(it, fates.fileKept)) }
  }
  const held: PieceReading[] = []
  const diagnostics: Diagnostic[] = [...now.diagnostics]
  const revisions = revisionsOf(new Set([...(pairs?.kept.values() ?? [])].map(({ piece }) => piece.text)))
  for (const piece of now.pieces) {
    const last = piece.ok ? undefined : pairs?.kept.get(piece)
    if (piece.ok) held.push(piece)
    else if (last) held.push(last)
    const fate = last ? keptOf(revisions.get(last.piece.text)) : fates.absent
    for (const it of piece.diagnostics) diagnostics.push(piece.ok ? it : withHint(it, fate))
  }
  held.push(...(pairs?.stay ?? []))
  return reuse(before, held, diagnostics)
}

/** Numbers the documents anew and puts the objects of before in place of equal ones. */
function reuse(before: FileState, held: readonly PieceReading[], diagnostics: readonly Diagnostic[]): FileState {
  const known = new Map(before.documents.map((document) => [document.id, document]))
  let index = 0
  const settled = held.map((reading) => ({
    ...reading,
    documents: reading.documents.map((document) => {
      const fresh = document.at(index++)
      const old = known.get(fresh.id)
      if (old?.revision !== fresh.revision) return fresh
      old.adopt(fresh)
      return old
    }),
  }))
  return { held: settled, documents: settled.flatMap((it) => it.documents), diagnostics }
}

/** For every unreadable piece its last good version, if one is found, and what else has to stay. */
function pair(
  before: readonly PieceReading[],
  pieces: readonly PieceReading[],
): { kept: Map<PieceReading, PieceReading>; stay: PieceReading[] } | 'too many' {
  const open: PieceReading[] = []
  const byText = new Map<string, PieceReading[]>()
  for (const old of before) byText.set(old.piece.text, [...(byText.get(old.piece.text) ?? []), old])
  const taken = new Set<PieceReading>()
  const kept = new Map<PieceReading, PieceReading>()
  for (const piece of pieces) {
    const equal = byText.get(piece.piece.text)?.find((old) => !taken.has(old))
    if (!equal) open.push(piece)
    else {
      taken.add(equal)
      if (!piece.ok) kept.set(piece, equal)
    }
  }
  const left = before.filter((old) => !taken.has(old))
  if (open.length * left.length > tooLargeToCompare) return 'too many'
  const lines = new Map<string, Set<string>>()
  for (const { piece } of [...left, ...open]) lines.set(piece.text, linesOf(piece.text))
  const end = pieces.at(-1)
  const candidates = open.flatMap((piece) => {
    const measure = piece === end && !piece.ok ? partOf : likeness
    return left.map((old) => ({
      piece,
      old,
      likeness: measure(lines.get(old.piece.text), lines.get(piece.piece.text)),
    }))
  })
  const answered = new Set<PieceReading>()
  for (const { piece, old, likeness } of candidates.sort((a, b) => b.likeness - a.likeness)) {
    if (likeness === 0 || taken.has(old) || answered.has(piece)) continue
    taken.add(old)
    answered.add(piece)
    if (!piece.ok) kept.set(piece, old)
  }
  const unreadable = open.filter((piece) => !piece.ok)
  const strange = unreadable.filter((piece) => !answered.has(piece))
  for (const piece of strange) {
    const old = left.find((it) => !taken.has(it))
    if (!old) break
    taken.add(old)
    kept.set(piece, old)
  }
  const cutOff = end && kept.get(end)
  const behind = cutOff ? before.indexOf(cutOff) : Number.POSITIVE_INFINITY
  const stay = before.filter(
    (old, index) =>
      !taken.has(old) &&
      (strange.length > 0 ||
        index > behind ||
        unreadable.some((piece) => contains(lines.get(piece.piece.text), lines.get(old.piece.text)))),
  )
  return { kept, stay }
}

function linesOf(text: string): Set<string> {
  return new Set(
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && line !== '---'),
  )
}

function common(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let count = 0
  for (const line of a) if (b.has(line)) count += 1
  return count
}

/** Share of common lines, 0 to 1. */
function likeness(a: ReadonlySet<string> | undefined, b: ReadonlySet<string> | undefined): number {
  if (!a || !b || a.size + b.size === 0) return 0
  return (2 * common(a, b)) / (a.size + b.size)
}

/** Share of the lines of a document that may be cut off that stand in a whole one, 0 to 1. */
function partOf(whole: ReadonlySet<string> | undefined, part: ReadonlySet<string> | undefined): number {
  return whole && part && part.size > 0 ? common(part, whole) / part.size : 0
}

/** Whether at least half of the lines of `small` stand in `large`. */
function contains(large: ReadonlySet<string> | undefined, small: ReadonlySet<string> | undefined): boolean {
  if (!large || !small || small.size === 0) return false
  return common(small, large) * 2 >= small.size
}

const fates = {
  absent: 'Until then this document is absent.',
  fileKept: 'Until then the last valid documents of this file stay in force.',
  fileAbsent: 'Until then this file gives no documents.',
} as const
