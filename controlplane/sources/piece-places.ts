import type { LineCounter } from 'yaml'
import type { Path } from '../diagnostics/diagnostic.ts'
import type { Location } from './document.ts'
import { defaultReadLimits, type ReadLimits } from './limits.ts'
import type { Piece } from './split.ts'
import { countLines, parseNow } from './yaml-parse.ts'
import { countPlaces, type Place, placeAt, resolveTree } from './yaml-resolve.ts'

/*
 * Places are wanted seldom (a complaint, a NACK, the editor) and cost many times the text, so a document keeps its
 * text only and is parsed again when somebody asks. A few documents asked for last stay here, for runs of questions.
 */
interface Known {
  readonly root: Place | undefined
  readonly lines: LineCounter
  readonly cost: number
}

const maxPieces = 32
const maxCost = 100_000
const known = new Map<Piece, Known>()
let totalCost = 0

/** File, line and column of `path` in a piece that was read before under the same limits. */
export function locateIn(file: string, piece: Piece, limits: ReadLimits, path: Path, on: 'key' | 'value'): Location {
  const { root, lines } = recall(piece, limits)
  return placeOf(file, piece, lines, root ? placeAt(root, path, on) : 0)
}

/** An offset in a piece as a place in its file. */
export function placeOf(file: string, piece: Piece, lines: LineCounter, offset: number): Location {
  const { line, col } = lines.linePos(offset)
  return { file, line: piece.line + line, column: col }
}

function recall(piece: Piece, limits: ReadLimits): Known {
  const hit = known.get(piece)
  if (hit) {
    known.delete(piece)
    known.set(piece, hit)
    return hit
  }
  const root = parsePlaces(piece.text, limits)
  const cost = root ? countPlaces(root, maxCost) : 1
  const fresh = { root, lines: countLines(piece.text), cost }
  known.set(piece, fresh)
  totalCost += cost
  for (const [oldest, { cost: freed }] of known) {
    if (known.size <= 1 || (known.size <= maxPieces && totalCost <= maxCost)) break
    known.delete(oldest)
    totalCost -= freed
  }
  return fresh
}

function parsePlaces(text: string, limits: ReadLimits = defaultReadLimits): Place | undefined {
  const parsed = parseNow(text, limits)
  return parsed.ok && parsed.root ? resolveTree(parsed.root, limits).place : undefined
}
