/** Where in a document something stands: keys and list indexes from the document's root. */
export type Path = readonly (string | number)[]

/**
 * Why a text could not be read or an edit not be made. The given text is never touched when one of these is thrown.
 * - `SYNTAX`: the document is no valid YAML (duplicate keys and unknown aliases included)
 * - `NO_DOCUMENT`, `NO_PATH`: there is no such document, or nothing at the path
 * - `KIND`: the node at the path is of another kind than the operation needs (a list, a map)
 * - `EXISTS`: the key is already there
 * - `SHARED`: the node is used in several places through an alias; the caller must say `here` or `everywhere`
 * - `VALUE`: the value cannot be written as YAML
 * - `TOO_LARGE`, `TOO_DEEP`, `CIRCULAR`: the text is beyond what is edited here
 * - `UNEDITABLE`: no way of writing the edit gave the intended meaning
 */
export type YamlErrorCode =
  | 'SYNTAX'
  | 'NO_DOCUMENT'
  | 'NO_PATH'
  | 'KIND'
  | 'EXISTS'
  | 'SHARED'
  | 'VALUE'
  | 'TOO_LARGE'
  | 'TOO_DEEP'
  | 'CIRCULAR'
  | 'UNEDITABLE'

/** A place in a text: UTF-16 offset from 0, line and column from 1. */
export interface Position {
  readonly offset: number
  readonly line: number
  readonly column: number
}

/** The line and column of an offset; a byte order mark at the start counts for nothing. */
export function positionOf(text: string, offset: number): Position {
  const at = Math.max(0, Math.min(offset, text.length))
  const before = at === 0 ? -1 : text.lastIndexOf('\n', at - 1)
  let line = 1
  for (let i = text.indexOf('\n'); i !== -1 && i < at; i = text.indexOf('\n', i + 1)) line++
  const bom = before === -1 && at > 0 && text.charCodeAt(0) === 0xfeff ? 1 : 0
  return { offset: at, line, column: at - before - bom }
}

interface Details {
  readonly document?: number
  readonly path?: Path
  readonly position?: Position
  readonly choices?: readonly ('here' | 'everywhere')[]
  readonly edit?: number
}

/** What a person can read, with the place it is about. `choices` is there for `SHARED` alone; `edit` is the index in the list of edits. */
export class YamlEditError extends Error {
  override readonly name = 'YamlEditError'
  readonly code: YamlErrorCode
  readonly document: number | undefined
  readonly path: Path | undefined
  readonly position: Position | undefined
  readonly choices: readonly ('here' | 'everywhere')[] | undefined
  readonly edit: number | undefined

  constructor(code: YamlErrorCode, message: string, details: Details = {}) {
    super(message)
    this.code = code
    this.document = details.document
    this.path = details.path
    this.position = details.position
    this.choices = details.choices
    this.edit = details.edit
  }
}

/** Thrown below the public functions, where only an offset in the document's own slice is known. */
export class Refusal extends Error {
  readonly code: YamlErrorCode
  readonly offset: number
  readonly choices: readonly ('here' | 'everywhere')[] | undefined

  constructor(code: YamlErrorCode, message: string, offset: number, choices?: readonly ('here' | 'everywhere')[]) {
    super(message)
    this.code = code
    this.offset = offset
    this.choices = choices
  }
}

/** `['spec', 'http', 0]` as people write it: `spec.http[0]`; the root is `(root)`. */
export function formatPath(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[A-Za-z_$][\w$-]*$/.test(step)) text += text ? `.${step}` : step
    else text += `[${JSON.stringify(step)}]`
  }
  return text || '(root)'
}
