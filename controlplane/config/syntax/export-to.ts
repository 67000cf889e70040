import { isDnsLabel, shown } from './host.ts'

export interface ExportToOptions {
  /** `~` (nobody) is allowed for services only. */
  readonly service?: boolean
  /** A DestinationRule with a workload selector may only be for its own namespace. */
  readonly ownNamespaceOnly?: boolean
}

/** Problems of an exportTo list of a document in `namespace`, each with its index (-1: of the whole list). */
export function exportToProblems(
  list: readonly string[],
  namespace: string,
  options: ExportToOptions = {},
): readonly { index: number; message: string }[] {
  const problems: { index: number; message: string }[] = []
  const seen = new Set<string>()
  for (const [index, entry] of list.entries()) {
    const key = entry === '.' ? namespace : entry
    if (seen.has(key)) problems.push({ index, message: `duplicate entry ${shown(entry)} in exportTo` })
    else if (entry === '~' && !options.service)
      problems.push({ index, message: '~ (nobody) is allowed in the exportTo of a ServiceEntry only' })
    else if (entry !== '*' && entry !== '~' && entry !== '.' && !isDnsLabel(entry))
      problems.push({ index, message: `${shown(entry)} is neither ., * nor the name of a namespace` })
    else seen.add(key)
  }
  if (options.ownNamespaceOnly && seen.size > 0 && (seen.size > 1 || !seen.has(namespace)))
    problems.push({ index: -1, message: 'a rule with a workload selector may be exported to its own namespace only' })
  if (seen.has('*') && list.length > 1)
    problems.push({ index: -1, message: '* together with other namespaces is contradictory' })
  if (seen.has('~') && list.length > 1)
    problems.push({ index: -1, message: '~ (nobody) together with namespaces is contradictory' })
  return problems
}
