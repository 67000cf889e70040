import type { Diagnostic as Mark } from '@codemirror/lint'
import type { Diagnostic } from '../api/schema.ts'
import { explained } from '../i18n/explained.ts'
import type { DocumentView } from '../yaml/index.ts'

/** Offsets at which lines begin. */
export function lineStarts(text: string): readonly number[] {
  const starts = [0]
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return starts
}

/** The offset of a line and column, both from 1; of the text's end when it has no such line. */
export function offsetOf(starts: readonly number[], length: number, line: number, column: number): number {
  const start = starts[line - 1]
  return start === undefined
    ? length
    : Math.min(start + column - 1, starts[line] === undefined ? length : starts[line]! - 1)
}

/** Whether a complaint is that a text is no YAML. */
export const isSyntax = (code: string): boolean => code === 'SOURCE_YAML_SYNTAX'

/** Complaints as marks in the text: each over the word it stands at. The reader's own complaint comes first. */
export function marksOf(text: string, found: readonly Diagnostic[], view: DocumentView | undefined): readonly Mark[] {
  const starts = lineStarts(text)
  const syntax = view?.error
  const own: Mark[] = syntax
    ? [
        {
          ...wordAt(text, syntax.position?.offset ?? view.from),
          severity: 'error',
          message: explained(`yaml.${syntax.code}`, syntax.message),
          source: 'YAML',
        },
      ]
    : []
  const others = found
    .filter(({ code }) => !syntax || !isSyntax(code))
    .map(
      (one): Mark => ({
        ...wordAt(text, offsetOf(starts, text.length, one.line, one.column)),
        severity: one.severity,
        message: [explained(one.code, one.message), one.hint].filter(Boolean).join('\n'),
        source: one.code,
      }),
    )
  return [...own, ...others].sort((a, b) => a.from - b.from)
}

/** Complaints that were not there before, wherever their lines have moved to. */
export function newIn(after: readonly Diagnostic[], before: readonly Diagnostic[]): readonly Diagnostic[] {
  const keyOf = ({ file, code, path, message }: Diagnostic) => JSON.stringify([file, code, path, message])
  const known = new Set(before.map(keyOf))
  return after.filter((one) => !known.has(keyOf(one)))
}

function wordAt(text: string, from: number): { readonly from: number; readonly to: number } {
  const rest = /^[^\s,}\]]+/.exec(text.slice(from, from + 200))
  return { from, to: Math.min(text.length, from + Math.max(1, rest?.[0].length ?? 1)) }
}

/** Complaints that stand in a document, by lines. */
export function problemsIn(
  text: string,
  found: readonly Diagnostic[],
  view: DocumentView | undefined,
): readonly Diagnostic[] {
  if (!view) return []
  const starts = lineStarts(text)
  const lineOf = (offset: number) => starts.findLastIndex((start) => start <= offset) + 1
  const [first, last] = [lineOf(view.from), lineOf(Math.max(view.from, view.to - 1))]
  return found.filter(({ line }) => line >= first && line <= last)
}
