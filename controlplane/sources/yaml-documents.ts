import { hash } from 'node:crypto'
import { compareDiagnostics, type Diagnostic, formatPath, type Path } from '../diagnostics/diagnostic.ts'
import { type SourceCode, sourceCodes } from './codes.ts'
import type { Location, SourceDocument } from './document.ts'
import { defaultReadLimits, formatBytes, type ReadLimits } from './limits.ts'
import { isList, itemsOf } from './lists.ts'
import { locateIn, placeOf } from './piece-places.ts'
import { readPlainYaml } from './plain-yaml/read.ts'
import { type Problem, ProblemError } from './problem.ts'
import { checkEncoding, type Piece, splitDocuments } from './split.ts'
import { countLines, parseInSteps, runNow } from './yaml-parse.ts'
import { placeAt, type Resolved, resolveTree } from './yaml-resolve.ts'

/** One document of a file as read: what it gave, and what is wrong with it. A List gives one document per item. */
export interface PieceReading {
  readonly piece: Piece
  /** False when an error makes it unusable: then `documents` is empty. */
  readonly ok: boolean
  /** Whether the documents are items of a List. */
  readonly list: boolean
  /** Values in it that are there because of aliases only. */
  readonly copies: number
  readonly documents: readonly YamlDocument[]
  readonly diagnostics: readonly Diagnostic[]
}

/** A whole file as read. */
export interface FileReading {
  /** Undefined when the file as such cannot be read: size, encoding, permission. */
  readonly pieces: readonly PieceReading[] | undefined
  /** Complaints about the file as such. */
  readonly diagnostics: readonly Diagnostic[]
}

/** A document that keeps its text, not its tree. */
export class YamlDocument implements SourceDocument {
  readonly id: string
  readonly file: string
  readonly index: number
  readonly value: unknown
  readonly revision: string
  #origin: Origin

  constructor(file: string, index: number, value: unknown, origin: Origin) {
    this.id = `${file}#${index}`
    this.file = file
    this.index = index
    this.value = value
    this.revision = `${origin.digest}.${index}`
    this.#origin = origin
  }

  locate(path: Path, on: 'key' | 'value' = 'value'): Location {
    const { piece, prefix, limits } = this.#origin
    return locateIn(this.file, piece, limits, prefix.length === 0 ? path : [...prefix, ...path], on)
  }

  get text(): string {
    return this.#origin.piece.text
  }

  /** Values in it, or in the List it is the first item of, that are there because of aliases only. */
  get copies(): number {
    return this.#origin.copies
  }

  get broken(): boolean {
    return this.#origin.broken
  }

  /**
   * Takes the text of an equal reading for its own. Nothing one can see changes; but an item of a List would otherwise
   * keep the text of every version of its file alive in which some item stayed the same.
   */
  adopt(equal: YamlDocument): void {
    if (equal.id === this.id && equal.revision === this.revision) this.#origin = equal.#origin
  }

  /** What these documents of one file were read from, without what was said of it then. */
  static readingsOf(documents: readonly YamlDocument[]): readonly PieceReading[] {
    const readings: PieceReading[] = []
    for (const document of documents) {
      const { piece, prefix } = document.#origin
      const last = readings.at(-1)
      if (last?.piece.text === piece.text && last.piece.line === piece.line)
        readings[readings.length - 1] = {
          ...last,
          copies: last.copies + document.copies,
          documents: [...last.documents, document],
        }
      else
        readings.push({
          piece,
          ok: true,
          list: prefix.length > 0,
          copies: document.copies,
          documents: [document],
          diagnostics: [],
        })
    }
    return readings
  }

  /** The same document where the same text stands at another line; only for a document that is its whole piece. */
  in(piece: Piece, index: number): YamlDocument {
    const { limits, copies } = this.#origin
    const moved = digest(this.file, piece.line, piece.text)
    const origin = { piece, prefix: [], limits, copies, digest: moved, broken: false }
    return new YamlDocument(this.file, index, this.value, origin)
  }

  /** The same document at another position among the documents of its file. */
  at(index: number): YamlDocument {
    return index === this.index ? this : new YamlDocument(this.file, index, this.value, this.#origin)
  }
}

interface Origin {
  readonly piece: Piece
  /** Where the document stands in its piece: `['items', 3]` for an item of a List. */
  readonly prefix: Path
  readonly limits: ReadLimits
  readonly copies: number
  /** Hash of file, place and text. */
  readonly digest: string
  readonly broken: boolean
}

/**
 * Reads every document of one file: YAML 1.2 core or JSON, any number of documents, UTF-8 with or without a byte order
 * mark, LF or CRLF. Empty documents are left out, a List is taken apart (`lists.ts`). A bad document gives a diagnostic with
 * its place and does not stop the others. Never throws for what is in the bytes.
 */
export function readDocuments(
  file: string,
  bytes: Uint8Array,
  limits: Partial<ReadLimits> = {},
): { documents: SourceDocument[]; diagnostics: Diagnostic[] } {
  const full = { ...defaultReadLimits, ...limits }
  const reading = runNow(readFileInSteps(file, bytes, full))
  return {
    documents: reading.pieces?.flatMap((piece) => piece.documents) ?? [],
    diagnostics: limited(
      file,
      [...reading.diagnostics, ...(reading.pieces ?? []).flatMap((it) => it.diagnostics)],
      full,
    ),
  }
}

/** What was read of a file before, by the text of its documents. */
export type KnownPieces = ReadonlyMap<string, PieceReading>

/**
 * Like {@link readDocuments}, document by document; yields often, so that a large file does not hold up the process.
 * A document whose text is among `known` is not parsed again.
 * @param copies what `limits.copies` counts in other files
 */
export function* readFileInSteps(
  file: string,
  bytes: Uint8Array,
  limits: ReadLimits,
  known?: KnownPieces,
  copies = 0,
): Generator<void, FileReading> {
  if (bytes.length > limits.fileBytes) return unusable(tooLarge(file, bytes.length, limits))
  const bad = checkEncoding(bytes)
  if (bad) return unusable(complain('SOURCE_ENCODING', { file, line: bad.line, column: bad.column }, bad.message))
  const pieces: PieceReading[] = []
  let index = 0
  let spent = copies
  const all = splitDocuments(bytes)
  if (all.length > limits.documents) {
    const message = `the file has ${all.length} documents; the limit is ${limits.documents}`
    return unusable(complainAt('SOURCE_TOO_LARGE', file, message))
  }
  for (const piece of all) {
    const before = known?.get(piece.text)
    const read = (before && moved(file, before, piece, index)) ?? (yield* readPiece(file, piece, index, limits))
    const reading = read && spent + read.copies > limits.copies ? overspent(file, read, limits) : read
    if (reading) {
      spent += reading.copies
      pieces.push(reading)
      index += reading.ok ? reading.documents.length : 1
    }
    yield
  }
  return { pieces, diagnostics: [] }
}

/** The complaint about a file that is over the limit; it is made without reading the file. */
export function tooLarge(file: string, size: number, limits: ReadLimits): Diagnostic {
  const more = formatBytes(size - limits.fileBytes)
  const message = `the file is ${formatBytes(size)}, ${more} more than the limit of ${formatBytes(limits.fileBytes)}`
  return complainAt('SOURCE_TOO_LARGE', file, message)
}

/** A reading of a file that gave nothing. */
export function unusable(diagnostic: Diagnostic): FileReading {
  return { pieces: undefined, diagnostics: [diagnostic] }
}

/** A diagnostic with the severity and, if no better hint is given, the advice of its code. */
function complain(code: SourceCode, at: Location, message: string, hint?: string, path = ''): Diagnostic {
  const entry = sourceCodes[code]
  return { code, severity: entry.severity, message, ...at, path, hint: hint ?? entry.whatToDo }
}

/** A complaint about a file or folder as such. */
export function complainAt(code: SourceCode, file: string, message: string): Diagnostic {
  return complain(code, { file, line: 1, column: 1 }, message)
}

/** Complaints about a file, at most `limits.diagnostics` of them and then one that counts the rest. */
export function limited(file: string, diagnostics: readonly Diagnostic[], limits: ReadLimits): Diagnostic[] {
  const all = [...diagnostics].sort(compareDiagnostics)
  const next = all[limits.diagnostics]
  if (!next) return all
  const rest = all.length - limits.diagnostics
  const message = `${next.message}; ${rest} complaints about ${file} in all are not shown one by one`
  return [...all.slice(0, limits.diagnostics), { ...next, message }]
}

/** A reading of the same text, for where it stands now; undefined when it has to be read again. */
function moved(file: string, before: PieceReading, piece: Piece, index: number): PieceReading | undefined {
  const [document] = before.documents
  if (!document || document.file !== file) return undefined
  if (before.piece.line === piece.line && document.index === index) return before
  if (before.list) return undefined
  const by = piece.line - before.piece.line
  const diagnostics = before.diagnostics.map((it) => ({ ...it, line: it.line + by }))
  const { copies } = before
  return { piece, ok: true, list: false, copies, documents: [document.in(piece, index)], diagnostics }
}

/** A document that stays under its own limits, but not together with the others. */
function overspent(file: string, { piece }: PieceReading, { copies }: ReadLimits): PieceReading {
  const message = `aliases make more than ${copies} values of all documents together`
  const diagnostics = [complain('SOURCE_ALIAS_LIMIT', { file, line: piece.line, column: 1 }, message)]
  return { piece, ok: false, list: false, copies: 0, documents: [], diagnostics }
}

/** Undefined for an empty document. */
function* readPiece(
  file: string,
  piece: Piece,
  index: number,
  limits: ReadLimits,
): Generator<void, PieceReading | undefined> {
  const failed = (problems: readonly Problem[]) => ({
    piece,
    ok: false,
    list: false,
    copies: 0,
    documents: [],
    diagnostics: located(file, piece, problems),
  })
  const control = controlCharacter(piece.text)
  if (control) return failed([control])
  const plain = plainValue(piece.text, limits)
  if (plain !== undefined) {
    const documents = [wholeDocument(file, piece, index, plain, 0, limits)]
    return { piece, ok: true, list: false, copies: 0, documents, diagnostics: [] }
  }
  const parsed = yield* parseInSteps(piece.text, limits)
  if (!parsed.ok) return failed([parsed.problem])
  if (parsed.root === null) return undefined
  try {
    const { value, place, warnings, duplicates, usesAliases, copies } = resolveTree(parsed.root, limits)
    const broken = duplicates.length > 0 ? itemsWith(value, duplicates) : []
    if (!broken) return failed(duplicates)
    if (value === null) return undefined
    const diagnostics = located(file, piece, [...parsed.warnings, ...warnings, ...duplicates])
    const documents = documentsOf(file, piece, index, { value, place, usesAliases, copies, broken }, limits)
    return { piece, ok: true, list: isList(value), copies, documents, diagnostics }
  } catch (error) {
    if (error instanceof ProblemError) return failed([error.problem])
    throw error
  }
}

/** The value of a document in plain YAML; undefined for any other, for a List, and for one that may come near a limit. */
function plainValue(text: string, limits: ReadLimits): unknown {
  // No text has more values than characters.
  if (text.length + 8 > limits.nodes) return undefined
  const value = readPlainYaml(text, Math.floor(limits.depth / 2))
  return isList(value) ? undefined : value
}

function wholeDocument(
  file: string,
  piece: Piece,
  index: number,
  value: unknown,
  copies: number,
  limits: ReadLimits,
): YamlDocument {
  const whole = digest(file, piece.line, piece.text)
  return new YamlDocument(file, index, value, { piece, prefix: [], limits, copies, digest: whole, broken: false })
}

interface Read extends Pick<Resolved, 'value' | 'place' | 'usesAliases' | 'copies'> {
  /** Where items stand that cannot be used. */
  readonly broken: readonly Path[]
}

/** The items of a List that all problems stand in; undefined where one stands elsewhere. */
function itemsWith(value: unknown, problems: readonly Problem[]): readonly Path[] | undefined {
  if (!isList(value)) return undefined
  const items = new Map(itemsOf(value).map(({ path }) => [JSON.stringify(path), path]))
  const found = problems.map(({ path = [] }) =>
    path.map((_, length) => items.get(JSON.stringify(path.slice(0, length + 1)))).find((item) => item !== undefined),
  )
  return found.every((item) => item !== undefined) ? found : undefined
}

function documentsOf(file: string, piece: Piece, index: number, read: Read, limits: ReadLimits): YamlDocument[] {
  if (!isList(read.value)) return [wholeDocument(file, piece, index, read.value, read.copies, limits)]
  const whole = digest(file, piece.line, piece.text)
  const lines = countLines(piece.text)
  const items = itemsOf(read.value)
  const broken = new Set(read.broken.map((path) => JSON.stringify(path)))
  const starts = items.map(({ path }) => placeAt(read.place, path, 'value'))
  return items.map(({ value, path, head }, item) => {
    const start = starts[item] as number
    const { line, col } = lines.linePos(start)
    const own = read.usesAliases
      ? digest(whole, path)
      : digest(file, piece.line + line, col, piece.text.slice(start, starts[item + 1] ?? piece.text.length), head)
    return new YamlDocument(file, index + item, value, {
      ...{ piece, prefix: path, limits, digest: own, broken: broken.has(JSON.stringify(path)) },
      copies: item === 0 ? read.copies : 0,
    })
  })
}

function digest(...parts: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(parts), 'base64url').slice(0, 22)
}

/** What YAML calls printable (YAML 1.2.2, 5.1), without the C1 controls other than NEL; go-yaml refuses the same. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const notPrintable = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]/

function controlCharacter(text: string): Problem | undefined {
  const offset = text.search(notPrintable)
  if (offset < 0) return undefined
  const code = text.charCodeAt(offset).toString(16).toUpperCase().padStart(4, '0')
  return {
    code: 'SOURCE_ENCODING',
    offset,
    message: `a control character (U+${code}) stands in the text`,
    hint: `Remove it; in double quotes write \\u${code}.`,
  }
}

function located(file: string, piece: Piece, problems: readonly Problem[]): Diagnostic[] {
  if (problems.length === 0) return []
  const lines = countLines(piece.text)
  return problems.map(({ code, offset, message, hint, first, path }) => {
    const at = placeOf(file, piece, lines, offset)
    const also = first === undefined ? '' : ` (first at line ${placeOf(file, piece, lines, first).line})`
    return complain(code, at, message + also, hint, path ? formatPath(path) : '')
  })
}
