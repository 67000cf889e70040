import type { Rule } from '../api/schema.ts'
import { matchesWords } from '../parts/filters.ts'

/** What is looked for in the list of objects; empty texts do not count. */
export interface RuleFilter {
  /** Words that stand in its kind, name, namespace, file or hosts. */
  readonly q: string
  readonly kind: string
  readonly ns: string
  /** `errors`: those with errors; `all`: those with warnings, too. */
  readonly problems: string
}

/** The objects a filter leaves, in the order they came in. */
export function shownRules(rules: readonly Rule[], { q, kind, ns, problems }: RuleFilter): readonly Rule[] {
  return rules.filter(
    (one) =>
      (kind === '' || one.kind === kind) &&
      (ns === '' || one.namespace === ns) &&
      (problems === '' || one.errors + (problems === 'all' ? one.warnings : 0) > 0) &&
      matchesWords(q, one.kind, one.name, one.namespace, one.file ?? one.path, ...one.hosts),
  )
}
