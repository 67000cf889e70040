import { createContext, useContext } from 'react'
import { useTranslation } from 'react-i18next'
import type { FormEdit } from '../../forms/edits.ts'
import { fieldLabel } from '../../forms/labels.ts'
import type { FieldSchema } from '../../forms/schema.ts'
import { formatPath, type Path } from '../../yaml/index.ts'

/** What a form needs to know of the document it shows. */
export interface FormState {
  readonly kind: string
  readonly value: unknown
  readonly schema: FieldSchema
  /** Where the cursor of the text is. */
  readonly active: Path | undefined
  readonly readOnly: boolean
  /** Hosts of the mesh, to choose from. */
  readonly hosts: readonly string[]
  /** Subsets that DestinationRules declare, by host as it is written. */
  readonly subsetsOf: (host: string) => readonly string[]
  /** Fields of messages that Protocols of the mesh declare, to choose from; and the names of these Protocols. */
  readonly messageFields: readonly string[]
  readonly protocols: readonly string[]
  readonly edit: (edits: readonly FormEdit[]) => void
  /** Shows the text of a path. */
  readonly reveal: (path: Path) => void
  /** Puts the cursor there. */
  readonly goTo: (path: Path) => void
  /** The first complaint that stands exactly at a path. */
  readonly problemAt: (path: Path) => string | undefined
}

const context = createContext<FormState | undefined>(undefined)
export const FormProvider = context.Provider

/** What the form around a field knows. @throws Error outside of a form */
export function useForm(): FormState {
  const form = useContext(context)
  if (!form) throw new Error('a form field stands outside of a form')
  return form
}

/** The item or entry at `path` that the cursor of the text stands in; undefined when it stands elsewhere. */
export function useActiveIn(path: Path): string | number | undefined {
  const { active } = useForm()
  const inside = active && formatPath(active.slice(0, path.length)) === formatPath(path)
  return inside ? active[path.length] : undefined
}

/** Names of fields in the language of the page. */
export function useFieldLabel(): (name: string) => string {
  const { i18n } = useTranslation()
  return (name) => fieldLabel(name, i18n.language)
}
