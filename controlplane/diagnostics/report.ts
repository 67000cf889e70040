import { type Code, severityOf } from './codes.ts'
import { type Diagnostic, formatPath, type Path } from './diagnostic.ts'

/** Something that knows where its nodes stand: a source document. Lines and columns count from 1. */
export interface Locatable {
  locate(path: Path, on?: 'key' | 'value'): { readonly file: string; readonly line: number; readonly column: number }
}

/** What a complaint may carry beside code, place and text. */
export interface ComplaintOptions {
  readonly hint?: string | undefined
  /** Point at the key of the field instead of its value. */
  readonly on?: 'key' | 'value'
}

/** Makes the diagnostic of a place in a document. */
export function complain(
  document: Locatable,
  code: Code,
  path: Path,
  message: string,
  options: ComplaintOptions = {},
): Diagnostic {
  const { file, line, column } = document.locate(path, options.on)
  const base = { code, severity: severityOf(code), message, file, line, column, path: formatPath(path) }
  return options.hint === undefined ? base : { ...base, hint: options.hint }
}
