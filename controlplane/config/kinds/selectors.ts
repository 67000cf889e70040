import { checked, message, optional, type Report } from '../schema.ts'
import { shown } from '../syntax/host.ts'
import { stringMap } from '../syntax/values.ts'

const workloadSelectorFields = message({
  labels: optional(stringMap, 'Labels a workload must have, all of them.'),
})

/** Labels of a workload selector: no wildcard, no empty key, values of at most 63 characters; empty means everything. */
function selectorLabels(labels: Readonly<Record<string, string>> | undefined, field: string, report: Report): void {
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

/** Chooses workloads by equal labels (networking kinds). */
export const workloadSelector = checked(workloadSelectorFields, ({ labels }, report) =>
  selectorLabels(labels, 'labels', report),
)

const matchLabelsSelectorFields = message({
  matchLabels: optional(stringMap, 'Labels a workload must have, all of them.'),
})
/** Chooses workloads by equal labels (security, telemetry and extension kinds, and DestinationRule). */
export const matchLabelsSelector = checked(matchLabelsSelectorFields, ({ matchLabels }, report) =>
  selectorLabels(matchLabels, 'matchLabels', report),
)
