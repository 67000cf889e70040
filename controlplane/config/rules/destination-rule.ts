import type { DestinationRuleSpec, Subset } from '../kinds/destination-rule.ts'
import type { Report } from '../schema.ts'
import { isDnsLabel, shown, wildcardDomainProblem } from '../syntax/host.ts'
import { labelProblems } from '../syntax/label.ts'

export function subsetRule(subset: Subset, report: Report): void {
  if (!isDnsLabel(subset.name)) report(['name'], `${shown(subset.name)} is no subset name: it must be a DNS label`)
  for (const { key, message } of labelProblems(subset.labels ?? {})) report(['labels', key], message)
}

export function destinationRuleRule(spec: DestinationRuleSpec, report: Report): void {
  const problem = wildcardDomainProblem(spec.host)
  if (problem) report(['host'], problem)
  const names = new Map<string, number>()
  for (const [index, { name }] of (spec.subsets ?? []).entries()) {
    const earlier = names.get(name)
    if (earlier !== undefined)
      report(['subsets', index, 'name'], `duplicate subset name ${shown(name)}, see subsets[${earlier}]`)
    else names.set(name, index)
  }
}
