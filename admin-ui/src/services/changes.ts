import type { Policy, Revision, Rule } from '../api/schema.ts'
import { speaksOf } from '../parts/speaks-of.ts'

const MOST_FILES = 6
const SHOWN = 6

/** Files of rules that decide about a service, its own declaration last: whoever changed one of them may have changed what it does. */
export function filesAbout(
  rules: readonly Pick<Rule, 'key' | 'kind' | 'namespace' | 'hosts' | 'file'>[],
  policies: readonly Pick<Policy, 'document'>[],
  hostname: string,
): readonly string[] {
  const documents = new Set(policies.map(({ document }) => document))
  const about = rules.filter((rule) => documents.has(rule.key) || speaksOf(rule, hostname))
  const declares = ({ kind }: Pick<Rule, 'kind'>) => (kind === 'ServiceEntry' ? 1 : 0)
  const files = [...about].sort((a, b) => declares(a) - declares(b)).flatMap(({ file }) => file ?? [])
  return [...new Set(files)].slice(0, MOST_FILES)
}

/** Each revision once, the newest first. */
export function newestOf(revisions: readonly Revision[]): readonly Revision[] {
  const byId = new Map(revisions.map((one) => [one.id, one]))
  return [...byId.values()].sort((a, b) => b.id - a.id).slice(0, SHOWN)
}
