/** Where in a document something stands: keys and list indexes from the document's root. */
export type Path = readonly (string | number)[]

export type Severity = 'error' | 'warning' | 'info'

/** One complaint about configuration; the same everywhere: command line, API, UI, logs. Lines and columns count from 1. */
export interface Diagnostic {
  readonly code: string
  readonly severity: Severity
  readonly message: string
  readonly file: string
  readonly line: number
  readonly column: number
  /** `spec.http[0].route[1].weight`; empty for a complaint about the whole document or file. */
  readonly path: string
  readonly hint?: string
}

/** `['spec', 'http', 0, 'match']` as people write it: `spec.http[0].match`; keys that are no plain words are quoted. */
export function formatPath(path: Path): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else if (/^[A-Za-z_$][\w$-]*$/.test(step)) text += text ? `.${step}` : step
    else text += `[${JSON.stringify(step)}]`
  }
  return text
}

/** `file:line:column: error CODE: message (at path)`, then the hint on its own line. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, severity, code, message, path, hint } = diagnostic
  const where = path ? ` (at ${path})` : ''
  return `${file}:${line}:${column}: ${severity} ${code}: ${message}${where}${hint ? `\n    → ${hint}` : ''}`
}

/** Errors first, then by file, line and column. */
export function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  const rank = { error: 0, warning: 1, info: 2 }
  return (
    rank[a.severity] - rank[b.severity] ||
    (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) ||
    a.line - b.line ||
    a.column - b.column
  )
}

/** What is in force while a document has errors: its last valid version, as it was after a revision where that is known. */
export function keptOf(revision: number | undefined): string {
  const which = revision === undefined ? '' : ` (of revision ${revision})`
  return `Until then the last valid version of this document${which} stays in force.`
}

/** An error with one more sentence in its hint; whatever is no error stays as it is. */
export function withHint(diagnostic: Diagnostic, sentence: string): Diagnostic {
  if (diagnostic.severity !== 'error') return diagnostic
  const { hint } = diagnostic
  if (!hint) return { ...diagnostic, hint: sentence }
  return { ...diagnostic, hint: `${hint}${/[.?!]$/.test(hint) ? '' : '.'} ${sentence}` }
}
