import { Composer, type CST, type Document, Lexer, LineCounter, type ParsedNode, Parser, type YAMLError } from 'yaml'
import { errorText } from '../../errors/thrown.ts'
import type { ReadLimits } from './limits.ts'
import type { Problem } from './problem.ts'
import { explainSyntax, type OpenMarks } from './yaml-errors.ts'

/** A document's syntax tree, or the first reason why there is none. Warnings come with a tree only. */
type Parsed =
  | { readonly ok: true; readonly root: ParsedNode | null; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problem: Problem }

/**
 * Options are fixed so that a `%YAML 1.1` directive does not change how values are read. Duplicate keys and merge keys
 * are ours (yaml-resolve.ts): the library compares every key with every other one.
 */
const options = {
  schema: 'core',
  merge: false,
  resolveKnownTags: false,
  uniqueKeys: false,
  prettyErrors: false,
  strict: true,
  logLevel: 'silent',
} as const

const lexemesPerStep = 2048

/** Parses one document; yields now and then so that the caller may let other work run. The text is one piece of splitDocuments. */
export function* parseInSteps(text: string, limits: ReadLimits): Generator<void, Parsed> {
  const lexed = yield* tokensInSteps(text, limits)
  if ('problem' in lexed) return { ok: false, problem: lexed.problem }
  const documents: Document.Parsed<ParsedNode>[] = []
  try {
    const composer = new Composer(options)
    for (const document of composer.compose(lexed.tokens, true, text.length))
      documents.push(document as Document.Parsed<ParsedNode>)
  } catch (error) {
    return { ok: false, problem: gaveUp(error, 0) }
  }
  const errors = documents.flatMap((document) => document.errors).sort((a, b) => a.pos[0] - b.pos[0])
  const first = errors[0]
  if (first) return { ok: false, problem: explainSyntax(text, first, lexed.open) }
  const second = documents[1]
  if (second) {
    const offset = second.range[0]
    return {
      ok: false,
      problem: { code: 'SOURCE_YAML_SYNTAX', offset, message: 'a second document begins here without a --- line' },
    }
  }
  const warnings = documents.flatMap((document) => document.warnings).map((warning) => explainWarning(warning))
  return { ok: true, root: documents[0]?.contents ?? null, warnings }
}

/** Like {@link parseInSteps}, in one go. */
export function parseNow(text: string, limits: ReadLimits): Parsed {
  return runNow(parseInSteps(text, limits))
}

/** Drives a stepped computation to its end without pause. */
export function runNow<T>(steps: Generator<void, T>): T {
  let step = steps.next()
  while (!step.done) step = steps.next()
  return step.value
}

/** Line starts of a text, for `linePos`. */
export function countLines(text: string): LineCounter {
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1)
  return lines
}

/**
 * The flat part of parsing. Limits are kept here, while the parser still works with a stack of its own: the composer
 * recurses, and makes an error object for each of a million mistakes.
 */
function* tokensInSteps(
  text: string,
  limits: ReadLimits,
): Generator<void, { tokens: CST.Token[]; open: OpenMarks } | { problem: Problem }> {
  const parser = new Parser()
  const tokens: CST.Token[] = []
  const gauge = new Gauge(limits, text.length)
  try {
    for (const lexeme of new Lexer().lex(text)) {
      const offset = parser.offset
      const problem = gauge.take(lexeme, offset)
      if (problem) return { problem }
      for (const token of parser.next(lexeme)) tokens.push(token)
      if (parser.stack.length > limits.depth + 2) {
        return { problem: { code: 'SOURCE_TOO_DEEP', offset, message: tooDeep(limits) } }
      }
      if (gauge.lexemes % lexemesPerStep === 0) yield
    }
    for (const token of parser.end()) tokens.push(token)
  } catch (error) {
    return { problem: gaveUp(error, parser.offset) }
  }
  return { tokens, open: gauge }
}

/** Lexemes of a document for each value of its limit: three to eight in real ones, more only in blank lines and comments. */
const lexemesPerValue = 8

/** Anchors and tags in a row; valid text has four at most, two of a mapping and two of its first key. */
const maxPropsInRow = 8

/** Counts what lexemes cost, and keeps what is open. */
class Gauge implements OpenMarks {
  readonly brackets: number[] = []
  quote = -1
  cut = false
  lexemes = 0
  readonly #limits: ReadLimits
  /** Of the text. */
  readonly #length: number
  #unclosed = false
  #values = 0
  #props = 0
  /** The next lexeme is the text of a plain or block scalar, whatever it begins with. */
  #textNext = false

  constructor(limits: ReadLimits, length: number) {
    this.#limits = limits
    this.#length = length
  }

  take(lexeme: string, offset: number): Problem | undefined {
    this.lexemes += 1
    if (this.#textNext) this.#textNext = false
    else this.#count(lexeme, offset)
    // Never more than there are, so that a document refused here would be refused later too.
    if (this.#values > this.#limits.nodes * 1.5)
      return { code: 'SOURCE_TOO_LARGE', offset, message: tooManyValues(this.#limits) }
    if (this.lexemes > this.#limits.nodes * lexemesPerValue) {
      return { code: 'SOURCE_TOO_LARGE', offset, message: 'the document has too many lines, comments or signs' }
    }
    if (this.#props > maxPropsInRow) {
      return {
        code: 'SOURCE_YAML_SYNTAX',
        offset,
        message: 'a value can have one anchor and one tag only',
        hint: 'Remove the others.',
      }
    }
    return undefined
  }

  /** The text of a quoted value, up to its closing quote, or to where it had to end without. */
  #quoted(lexeme: string, offset: number): void {
    if (this.#unclosed) return
    this.quote = offset
    this.#unclosed = lexeme.length === 1 || !lexeme.endsWith(lexeme.charAt(0))
    this.cut = this.#unclosed && offset + lexeme.length < this.#length
  }

  #count(lexeme: string, offset: number): void {
    switch (lexeme.charCodeAt(0)) {
      case 0x1f:
        this.#textNext = true
        this.#values += 1
        this.#props = 0
        return
      case 0x22: // "
      case 0x27: // '
        this.#quoted(lexeme, offset)
        this.#values += 1
        this.#props = 0
        return
      case 0x5b: // [
      case 0x7b: // {
        this.brackets.push(offset)
        this.#values += 1
        this.#props = 0
        return
      case 0x5d: // ]
      case 0x7d: // }
        this.brackets.pop()
        return
      case 0x2a: // *
        this.#values += 1
        return
      case 0x26: // &
      case 0x21: // !
        this.#props += 1
        return
      case 0x2d: // -
      case 0x3a: // :
      case 0x2c: // ,
        this.#values += 0.5
        this.#props = 0
    }
  }
}

/** What is said of a document that is nested deeper than is read. */
export function tooDeep(limits: ReadLimits): string {
  return `more than ${limits.depth} mappings and lists inside each other`
}

/** What is said of a document with more values than are read. */
export function tooManyValues(limits: ReadLimits): string {
  return `the document has more than ${limits.nodes} values`
}

/** The library reports errors as data; what it throws is a document that is too much for it (stack, argument count). */
function gaveUp(error: unknown, offset: number): Problem {
  const reason = errorText(error)
  return { code: 'SOURCE_YAML_SYNTAX', offset, message: `the document is too complicated to read (${reason})` }
}

function explainWarning(warning: YAMLError): Problem {
  const tag = /^Unresolved tag: (?:tag:yaml\.org,2002:)?(.*)$/s.exec(warning.message)?.[1]
  const message = tag === undefined ? lowerFirst(warning.message) : `the tag ${tag} is not understood and ignored`
  return { code: 'SOURCE_TAG', offset: warning.pos[0], message }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
