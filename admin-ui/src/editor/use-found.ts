import type { Diagnostic as Mark } from '@codemirror/lint'
import { useQuery } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import { queries } from '../api/queries.ts'
import type { Diagnostic } from '../api/schema.ts'
import { type Draft, sentFile } from '../change/drafts.ts'
import { type PlanState, usePlan } from '../change/use-plan.ts'
import type { DocumentView } from '../yaml/index.ts'
import { isSyntax, marksOf, newIn, problemsIn } from './problems.ts'

/** A file and the document of it that is shown, as the page knows them. */
export interface FoundIn {
  /** As it lies in the folder of configuration. */
  readonly file: string
  /** As complaints name it. */
  readonly path: string
  /** What the text editor has. */
  readonly text: string
  /** The same with the line ends of the file. */
  readonly raw: string
  readonly base: Pick<Draft, 'base' | 'baseText'>
  readonly changed: boolean
  readonly view: DocumentView | undefined
}

export interface Found {
  /** What the changes would do. */
  readonly planning: PlanState
  /** Complaints about the file: those of the plan where it was changed, else those of what is in force. */
  readonly found: readonly Diagnostic[]
  /** Those that the change brings about in other files: what names something that is no longer there. */
  readonly elsewhere: readonly Diagnostic[]
  /** Those that stand in the document. */
  readonly own: readonly Diagnostic[]
  /** How many of them are errors; a text that is no YAML is one. */
  readonly errors: number
  /** All of `found` as marks in `text`. */
  readonly marks: readonly Mark[]
}

/** What the control plane and the reader of YAML know of a file that is edited. */
export function useFound({ file, path, text, raw, base, changed, view }: FoundIn): Found {
  const sent = useMemo(
    () => (changed ? [sentFile({ file, ...base, text: raw, savedAt: 0 })] : undefined),
    [changed, file, base, raw],
  )
  const planning = usePlan(sent, base.base)
  const { plan } = planning
  const { data: inForce } = useQuery(queries.diagnostics())
  const isOwn = useCallback((one: Diagnostic) => one.file === path || one.file.endsWith(`/${file}`), [path, file])
  const found = useMemo(() => {
    const diagnostics = changed ? (plan?.diagnostics ?? []) : (inForce?.diagnostics ?? [])
    return diagnostics.filter(isOwn)
  }, [changed, plan, inForce, isOwn])
  const elsewhere = useMemo(
    () => (changed && plan && inForce ? newIn(plan.diagnostics, inForce.diagnostics).filter((one) => !isOwn(one)) : []),
    [changed, plan, inForce, isOwn],
  )
  const marks = useMemo(() => marksOf(text, found, view), [text, found, view])
  const own = useMemo(() => problemsIn(text, found, view), [text, found, view])
  // The reader and the control plane both tell of a text that is no YAML.
  const broken = view?.error !== undefined
  const counted = own.filter(({ severity, code }) => severity === 'error' && !(broken && isSyntax(code)))
  return { planning, found, elsewhere, own, errors: counted.length + (broken ? 1 : 0), marks }
}
