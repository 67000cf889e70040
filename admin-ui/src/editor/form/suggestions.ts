import { FIELD_TYPES, fieldNames, KINDS } from '../../forms/protocol.ts'
import type { Path } from '../../yaml/index.ts'
import { type FormState, useForm } from './form-context.tsx'

/** Values to choose from at a place of the document, beside free text; undefined where nothing is known. */
export function choicesAt(form: FormState, path: Path, siblings: readonly { name: string; value: unknown }[]) {
  const name = String(path.at(-1))
  if (form.kind === 'Protocol') return protocolSuggestions(form, path)
  if (name === 'host' || name === 'svrName' || name === 'hosts') return form.hosts
  if (form.kind === 'MsgRouter' && (name === 'hashKey' || name === 'field'))
    return [...form.messageFields, ...(name === 'hashKey' ? ['sourceIp'] : [])]
  if (form.kind === 'MsgRouter' && name === 'protocol') return form.protocols
  const host = siblings.find((one) => one.name === 'host')?.value
  return name === 'subset' && typeof host === 'string' ? form.subsetsOf(host) : undefined
}

function protocolSuggestions(form: FormState, path: Path): readonly string[] | undefined {
  const [parent, name] = [String(path.at(-2)), String(path.at(-1))]
  if (['type', 'keys', 'values', 'items', 'count'].includes(name)) return FIELD_TYPES
  if (['after', 'in', 'of', 'trace', 'status', 'timeout'].includes(name)) return fieldNames(form.value)
  return name === 'is' || name === 'kind' || parent === 'is' ? KINDS : undefined
}

/** Keys to choose from for a new entry of a map. */
export function useKeySuggestions(path: Path): readonly string[] {
  const form = useForm()
  const name = String(path.at(-1))
  const parent = String(path.at(-2))
  if (form.kind === 'Protocol')
    return ['when', 'set', 'error', 'more', 'ends'].includes(name) ? fieldNames(form.value) : []
  return form.kind === 'MsgRouter' && (parent === 'match' || name === 'match') ? form.messageFields : []
}
