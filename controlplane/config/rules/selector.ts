import type { Report } from '../schema.ts'
import { shown } from '../syntax/host.ts'

/** Labels of a workload selector: no wildcard, no empty key, values of at most 63 characters; empty means everything. */
export function selectorLabels(
  labels: Readonly<Record<string, string>> | undefined,
  field: string,
  report: Report,
): void {
  const entries = Object.entries(labels ?? {})
  if (entries.length === 0)
    report([], 'a selector without labels selects every workload', { code: 'FIELD_QUESTIONABLE' })
  for (const [key, value] of entries) {
    if (key === '') report([field, key], 'key must not be empty')
    if (key.includes('*')) report([field, key], `wildcard not allowed in label key match, found ${shown(key)}`)
    if (value.includes('*')) report([field, key], `wildcard is not supported in selector, found ${shown(value)}`)
    if (value.length > 63) report([field, key], 'a label value has at most 63 characters')
  }
}
