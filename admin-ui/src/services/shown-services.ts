import type { Policy, Service } from '../api/schema.ts'
import { matchesWords } from '../parts/filters.ts'

type Topic = Policy['topic']

/** What is looked for in the list of services; empty texts do not count. */
export interface ServiceFilter {
  /** Words that stand in its name, its namespace or a protocol. */
  readonly q: string
  readonly ns: string
  readonly topic: string
}

/** The topics of the policies in force for each host. */
export function topicsByHost(policies: readonly Pick<Policy, 'topic' | 'services'>[]): ReadonlyMap<string, Set<Topic>> {
  const found = new Map<string, Set<Topic>>()
  for (const { topic, services } of policies)
    for (const host of services) found.set(host, (found.get(host) ?? new Set()).add(topic))
  return found
}

/** The services a filter leaves, in the order they came in. */
export function shownServices<S extends Pick<Service, 'hostname' | 'namespace' | 'ports'>>(
  services: readonly S[],
  { q, ns, topic }: ServiceFilter,
  topics: ReadonlyMap<string, ReadonlySet<string>>,
): readonly S[] {
  return services.filter(
    ({ hostname, namespace, ports }) =>
      (ns === '' || namespace === ns) &&
      (topic === '' || topics.get(hostname)?.has(topic)) &&
      matchesWords(q, hostname, namespace, ...ports.map(({ protocol }) => protocol)),
  )
}
