import { useMemo, useRef } from 'react'
import type { Diagnostic } from '../api/schema.ts'
import type { FieldSchema } from '../forms/schema.ts'
import { explained } from '../i18n/explained.ts'
import { formatPath, type Path } from '../yaml/index.ts'
import { subsetsIn } from './documents-of-file.ts'
import type { FormState } from './form/form-context.tsx'
import type { OpenDocument } from './use-document.ts'

export interface FormInputs
  extends Pick<FormState, 'active' | 'hosts' | 'messageFields' | 'protocols' | 'edit' | 'reveal' | 'goTo'> {
  readonly opened: OpenDocument
  /** Undefined as long as it has not come, or where the kind has none: there is no form. */
  readonly schema: FieldSchema | undefined
  readonly mayEdit: boolean
  /** Complaints about the document. */
  readonly own: readonly Diagnostic[]
}

/**
 * What the form of a document knows. It stays the same as long as what it shows is: a form of a thousand fields is not rendered for a plan that
 * came. `edit`, `reveal` and `goTo` may be others each time; the newest are called.
 */
export function useFormState(inputs: FormInputs): FormState | undefined {
  const { opened, schema, active, mayEdit, hosts, messageFields, protocols, own } = inputs
  const latest = useRef(inputs)
  latest.current = inputs
  return useMemo(() => {
    if (!schema || opened.value === undefined) return undefined
    const subsets = new Map<string, readonly string[]>()
    return {
      kind: opened.kind,
      value: opened.value,
      schema,
      active,
      readOnly: !mayEdit || opened.view?.error !== undefined,
      hosts,
      messageFields,
      protocols,
      subsetsOf: (host) => {
        const known = subsets.get(host) ?? subsetsIn(opened.open, host)
        subsets.set(host, known)
        return known
      },
      edit: (edits) => latest.current.edit(edits),
      reveal: (at: Path) => latest.current.reveal(at),
      goTo: (at: Path) => latest.current.goTo(at),
      problemAt: (at) => {
        const found = own.find((one) => one.path === formatPath(at) && one.severity !== 'info')
        return found && explained(found.code, found.message)
      },
    }
  }, [schema, opened, active, mayEdit, hosts, messageFields, protocols, own])
}
