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
const recalled = new Map<Piece, Known>()
let totalCost = 0

/*
 * Lists of a whole mesh ask for the same few places of every document again and again, so answers are kept: a place within its
 * piece is one number. A piece that is gone takes its answers along.
 */
const maxAnswers = 200_000
const columns = 2 ** 24
let answers = new WeakMap<Piece, Map<string, number>>()
let answerCount = 0

/** File, line and column of `path` in a piece that was read before under the same limits. */
export function locateIn(file: string, piece: Piece, limits: ReadLimits, path: Path, on: 'key' | 'value'): Location {
  const question = path.length === 0 ? on : JSON.stringify([on, ...path])
  const answered = answers.get(piece)
  const known = answered?.get(question)
  if (known !== undefined) return { file, line: piece.line + Math.floor(known / columns), column: known % columns }
  const { root, lines } = recall(piece, limits)
  const { line, col } = lines.linePos(root ? placeAt(root, path, on) : 0)
  if (col < columns) keep(piece, question, line * columns + col)
  return { file, line: piece.line + line, column: col }
}

function keep(piece: Piece, question: string, answer: number): void {
  if (answerCount >= maxAnswers) {
    answers = new WeakMap()
    answerCount = 0
  }
  answerCount++
  const own = answers.get(piece)
  if (own) own.set(question, answer)
  else answers.set(piece, new Map([[question, answer]]))
}

/** An offset in a piece as a place in its file. */
export function placeOf(file: string, piece: Piece, lines: LineCounter, offset: number): Location {
  const { line, col } = lines.linePos(offset)
  return { file, line: piece.line + line, column: col }
}

function recall(piece: Piece, limits: ReadLimits): Known {
  const hit = recalled.get(piece)
  if (hit) {
    recalled.delete(piece)
    recalled.set(piece, hit)
    return hit
  }
  const root = parsePlaces(piece.text, limits)
  const cost = root ? countPlaces(root, maxCost) : 1
  const fresh = { root, lines: countLines(piece.text), cost }
  recalled.set(piece, fresh)
  totalCost += cost
  for (const [oldest, { cost: freed }] of recalled) {
    if (recalled.size <= 1 || (recalled.size <= maxPieces && totalCost <= maxCost)) break
    recalled.delete(oldest)
    totalCost -= freed
  }
  return fresh
}

function parsePlaces(text: string, limits: ReadLimits = defaultReadLimits): Place | undefined {
  const parsed = parseNow(text, limits)
  return parsed.ok && parsed.root ? resolveTree(parsed.root, limits).place : undefined
}
