import { doubleQuoted, isUsual, plainKey, plainValue } from './text.ts'

/**
 * The value of one document if it is written in plain YAML (see README.md), as the library would give it; undefined when it is
 * not or when there is any doubt. Nothing that has an error, or that one should be warned of, has a value here.
 * @param depth mappings and lists inside each other, at most
 */
export function readPlainYaml(
  text: string,
  depth: number,
): Readonly<Record<string, unknown>> | readonly unknown[] | undefined {
  if (!isUsual(text)) return undefined
  try {
    return new Reader(text, depth).document()
  } catch (error) {
    if (error === doubt) return undefined
    throw error
  }
}

/** Thrown at anything that is not plain: one object, since no one reads a stack from it. */
const doubt = new Error('not plain YAML')

function refuse(): never {
  throw doubt
}

type Mapping = Record<string, unknown>

/** A key and its colon. No key is longer than the 1,024 characters YAML allows, or near it. */
const plainKeyAt = /(?:[A-Za-z0-9_/]|-[A-Za-z0-9])[\w./-]{0,200}:(?=[ \n]|$)/y
const quotedKeyAt = /(?:"[^"\\\n]{0,200}"|'[^'\n]{0,200}'):(?=[ \n]|$)/y
/** Between brackets nothing has to stand behind the colon of a quoted key: `{"a":1}`. */
const flowQuotedKeyAt = /(?:"[^"\\\n]{0,200}"|'[^'\n]{0,200}'):/y
const doubleQuotedAt = /"(?:[^"\\\n]|\\[^\n])*"/y
const singleQuotedAt = /'(?:[^'\n]|'')*'/y
/** Plain text up to the end of its line or to a comment; a colon within it has no space behind it. */
const plainAt = /(?:[A-Za-z0-9_/\u00a1-\uffff]|-[A-Za-z0-9])(?:[^\s:#]|:(?! |\n|$)|(?<! )#| +(?=[^\s#]))*/y
/** The same between brackets. */
const flowPlainAt =
  /(?:[A-Za-z0-9_/\u00a1-\uffff]|-[A-Za-z0-9])(?:[^\s:#,[\]{}]|:(?![ ,[\]{}\n]|$)|(?<! )#| +(?=[^\s#,[\]{}:]))*/y
const literalHeadAt = /\|(-?) *\n/y

class Reader {
  readonly #text: string
  readonly #depth: number
  /** Where reading stands. */
  #at = 0
  #open = 0

  constructor(text: string, depth: number) {
    this.#text = text
    this.#depth = depth
  }

  document(): Mapping | readonly unknown[] {
    this.#skipLines()
    if (this.#text.startsWith('---', this.#at)) {
      this.#at += 3
      this.#endOfLine()
    }
    const text = this.#text
    if (this.#indent() !== 0) refuse()
    const first = text[this.#at]
    const value = first === '{' || first === '[' ? this.#flow(-1) : this.#block(0)
    if (first === '{' || first === '[') this.#endOfLine()
    if (this.#at < text.length) refuse()
    return value as Mapping | readonly unknown[]
  }

  /** A mapping or list whose first line stands at this indentation. */
  #block(indent: number): unknown {
    this.#enter()
    const value = this.#atDash() ? this.#list(indent) : this.#mapping(indent)
    this.#open -= 1
    return value
  }

  #enter(): void {
    this.#open += 1
    if (this.#open > this.#depth) refuse()
  }

  #atDash(): boolean {
    if (this.#text.charCodeAt(this.#at) !== 0x2d) return false
    const after = this.#text[this.#at + 1]
    return after === ' ' || after === '\n' || after === undefined
  }

  /** Begins at the first key. Ends at the first line that is not indented as far, at the beginning of its content. */
  #mapping(indent: number): Mapping {
    const value: Mapping = {}
    for (;;) {
      const key = this.#key(quotedKeyAt)
      if (key === '__proto__' || Object.hasOwn(value, key)) refuse()
      value[key] = this.#behindKey(indent)
      const next = this.#indent()
      if (next < indent) return value
      if (next > indent) refuse()
    }
  }

  #key(quoted: RegExp): string {
    const plain = this.#match(plainKeyAt)
    if (plain !== undefined) return plainKey(plain.slice(0, -1)) ?? refuse()
    return (this.#match(quoted) ?? refuse()).slice(1, -2)
  }

  /** The value of a key of a mapping at this indentation: on its line, or below. Ends at the beginning of a line. */
  #behindKey(indent: number): unknown {
    this.#skipSpaces()
    if (!this.#atEnd()) return this.#inLine(indent)
    this.#endOfLine()
    const below = this.#indent()
    if (below > indent) return this.#block(below)
    if (below < indent || !this.#atDash()) return null
    this.#enter()
    const list = this.#list(indent)
    this.#open -= 1
    return list
  }

  #list(indent: number): unknown[] {
    const items: unknown[] = []
    for (;;) {
      items.push(this.#item(indent))
      const next = this.#indent()
      if (next < indent || (next === indent && !this.#atDash())) return items
      if (next > indent) refuse()
    }
  }

  #item(indent: number): unknown {
    const dash = this.#at
    this.#at += 1
    this.#skipSpaces()
    if (this.#atEnd()) {
      this.#endOfLine()
      const below = this.#indent()
      return below > indent ? this.#block(below) : null
    }
    if (this.#atDash()) refuse()
    const from = this.#at
    const isKey = this.#match(plainKeyAt) !== undefined || this.#match(quotedKeyAt) !== undefined
    this.#at = from
    return isKey ? this.#block(indent + from - dash) : this.#inLine(indent)
  }

  /** A value that begins on this line, inside of something at `indent`. Ends at the beginning of a line. */
  #inLine(indent: number): unknown {
    const first = this.#text[this.#at]
    if (first === '|') return this.#literal(indent)
    const value = first === '{' || first === '[' ? this.#flow(indent) : this.#scalar(plainAt)
    this.#endOfLine()
    return value
  }

  #scalar(plain: RegExp): unknown {
    const first = this.#text[this.#at]
    let value: unknown
    if (first === '"') value = doubleQuoted(this.#match(doubleQuotedAt) ?? refuse())
    else if (first === "'") value = (this.#match(singleQuotedAt) ?? refuse()).slice(1, -1).replaceAll("''", "'")
    else value = plainValue(this.#match(plain) ?? refuse())
    return value === undefined ? refuse() : value
  }

  /** Lines as they stand, the first of which has content and tells how far they are indented. */
  #literal(indent: number): string {
    const text = this.#text
    const head = this.#match(literalHeadAt) ?? refuse()
    const from = this.#at
    this.#skipSpaces()
    const width = this.#at - from
    if (width <= indent || this.#at >= text.length || text[this.#at] === '\n') refuse()
    const margin = ' '.repeat(width)
    const lines: string[] = []
    this.#at = from
    for (;;) {
      const newline = text.indexOf('\n', this.#at)
      const line = text.slice(this.#at, newline < 0 ? text.length : newline)
      if (line !== '' && !line.startsWith(margin)) break
      if (newline < 0 && line !== '') refuse()
      if (line !== '' && line.trim() === '') refuse()
      if (newline < 0) break
      lines.push(line.slice(width))
      this.#at = newline + 1
    }
    // Less indented than the text, but more than what it stands in: an error, unless it is blank or a comment.
    if (text[this.#at] === ' ' && this.#indent() > indent) refuse()
    this.#skipLines()
    while (lines.at(-1) === '') lines.pop()
    return lines.join('\n') + (head.startsWith('|-') ? '' : '\n')
  }

  /** `{...}` or `[...]`, over several lines too if each is indented more than what it stands in. */
  #flow(indent: number): unknown {
    this.#enter()
    const value = this.#text[this.#at] === '{' ? this.#flowMapping(indent) : this.#flowList(indent)
    this.#open -= 1
    return value
  }

  #flowMapping(indent: number): Mapping {
    const value: Mapping = {}
    this.#at += 1
    this.#skipInFlow(indent)
    if (this.#take('}')) return value
    for (;;) {
      const key = this.#key(flowQuotedKeyAt)
      if (key === '__proto__' || Object.hasOwn(value, key)) refuse()
      this.#skipInFlow(indent)
      value[key] = this.#flowValue(indent)
      this.#skipInFlow(indent)
      if (this.#take('}')) return value
      if (!this.#take(',')) refuse()
      this.#skipInFlow(indent)
    }
  }

  #flowList(indent: number): unknown[] {
    const items: unknown[] = []
    this.#at += 1
    this.#skipInFlow(indent)
    if (this.#take(']')) return items
    for (;;) {
      items.push(this.#flowValue(indent))
      this.#skipInFlow(indent)
      if (this.#take(']')) return items
      if (!this.#take(',')) refuse()
      this.#skipInFlow(indent)
    }
  }

  #flowValue(indent: number): unknown {
    const first = this.#text[this.#at]
    return first === '{' || first === '[' ? this.#flow(indent) : this.#scalar(flowPlainAt)
  }

  #take(sign: string): boolean {
    if (this.#text[this.#at] !== sign) return false
    this.#at += 1
    return true
  }

  /** Spaces and line breaks between brackets; no comment. */
  #skipInFlow(indent: number): void {
    this.#skipSpaces()
    if (this.#text[this.#at] !== '\n') return
    do {
      this.#at += 1
      const from = this.#at
      this.#skipSpaces()
      if (this.#text[this.#at] !== '\n' && this.#at - from <= indent) refuse()
    } while (this.#text[this.#at] === '\n')
  }

  /** What stands here by a sticky pattern, and goes behind it. */
  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  #skipSpaces(): void {
    while (this.#text.charCodeAt(this.#at) === 0x20) this.#at += 1
  }

  /** Whether nothing but a comment follows on this line; spaces were skipped before. */
  #atEnd(): boolean {
    const next = this.#text[this.#at]
    return next === undefined || next === '\n' || (next === '#' && this.#text[this.#at - 1] === ' ')
  }

  /** Goes behind this line and those without content. */
  #endOfLine(): void {
    this.#skipSpaces()
    if (!this.#atEnd()) refuse()
    const newline = this.#text.indexOf('\n', this.#at)
    this.#at = newline < 0 ? this.#text.length : newline + 1
    this.#skipLines()
  }

  /** Goes to the beginning of the next line that has content. */
  #skipLines(): void {
    const text = this.#text
    for (;;) {
      let at = this.#at
      while (text.charCodeAt(at) === 0x20) at += 1
      if (at === text.length) {
        this.#at = at
        return
      }
      if (text[at] !== '\n' && text[at] !== '#') return
      const newline = text.indexOf('\n', at)
      this.#at = newline < 0 ? text.length : newline + 1
    }
  }

  /**
   * How far this line is indented; goes to its content. Reads the same again from there, so that each of those who end with a
   * line learns of it. -1 at the end of the text.
   */
  #indent(): number {
    const text = this.#text
    this.#skipSpaces()
    if (this.#at >= text.length) return -1
    return this.#at - (text.lastIndexOf('\n', this.#at - 1) + 1)
  }
}
