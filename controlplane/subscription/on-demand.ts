import type { ResourceType } from '../../proto/types.ts'
import type { OnDemand, Resource } from '../xds/resource.ts'
import type { ClassLog } from './class-log.ts'
import type { Interest, InterestChange } from './interest.ts'
import type { DeltaRequest } from './request.ts'

/**
 * What changes in the rules for clients that ask for clusters on demand. A cluster such a client gets unasked is treated as
 * if it had subscribed to it: updates, removals and order then are the same for both. What makes this necessary is in
 * docs/decisions/on-demand.md: Envoy asks for a name once in its life, and takes "removed" as an answer for ever.
 */

/** What is remembered of a workload, over its streams and our restarts. Names of clusters without generation. */
export interface WorkingSet {
  /** What a new replica gets at once. */
  learned(): Iterable<string>
  /** The client asked for these, and they exist. */
  asked(clusters: readonly string[]): void
  /** The client asked for these names, whatever they are: it will never ask for them again. */
  named(names: readonly string[]): void
  /** A client of a class came back and names clusters, with generations that may be newer than ours. */
  returned(classKey: string, names: Iterable<string>): void
}

/**
 * Clusters to send with those that were asked for: the others of their splits; for a new client what its workload has
 * learned; for one that comes back what it holds, which is not on its list where it was sent unasked.
 * @param first the request, when it is the first of its stream
 */
export function withCompanions(
  change: InterestChange,
  log: Pick<ClassLog, 'key' | 'onDemand' | 'exists'>,
  workingSet: WorkingSet | undefined,
  first: DeltaRequest | undefined,
): InterestChange {
  const { interest } = change
  const { onDemand } = log
  if (!onDemand) return change
  // An acknowledgement, as nearly all requests are.
  if (!first && change.asked.length === 0 && change.added.length === 0) return change
  const resumed = first && first.initialVersions.size > 0
  if (resumed) workingSet?.returned(log.key, [...first.subscribe, ...first.initialVersions.keys()])
  workingSet?.named(change.asked)
  const lists = (name: string) => interest.names.has(name)
  const live = (name: string) => onDemand.present(name) === name
  const asked = change.asked.filter(live)
  workingSet?.asked(asked.filter((name) => !change.before.names.has(name) && log.exists(name)))
  const unasked = new Set<string>()
  const add = (name: string) => {
    if (live(name) && !lists(name)) unasked.add(name)
  }
  const wanted = asked.filter((name) => !change.before.names.has(name))
  if (resumed) for (const name of first.initialVersions.keys()) add(name)
  else if (first)
    for (const name of workingSet?.learned() ?? []) {
      const present = onDemand.present(name)
      if (!log.exists(present)) continue
      add(present)
      wanted.push(present)
    }
  for (const name of wanted) for (const companion of onDemand.companions(name)) add(companion)
  // Past generations are answered, but nothing will ever be said about them again.
  const past = change.added.filter((name) => !live(name))
  if (unasked.size === 0 && past.length === 0) return change
  const more = [...unasked]
  return {
    ...change,
    interest: { ...interest, names: interest.names.change(more, past) },
    added: [...change.added.filter(live), ...more],
    asked: [...change.asked, ...(resumed ? [] : more)],
  }
}

/**
 * What is sent in place of clusters that do not exist.
 * @param isNew whether the client has just asked for the name: its request was routed by routes that may have changed meanwhile
 * @param isWanted whether it is subscribed to the name; who has just ended that is told that nothing is there
 */
export function standInsFor(
  type: ResourceType,
  absent: readonly string[],
  onDemand: OnDemand | undefined,
  isNew: (name: string) => boolean,
  isWanted: (name: string) => boolean,
): { readonly stay: readonly Resource[]; readonly pass: readonly Resource[] } {
  if (type !== 'cds' || !onDemand || absent.length === 0) return NO_STAND_INS
  const stay: Resource[] = []
  const pass: Resource[] = []
  for (const name of absent) {
    const departing = isNew(name) ? onDemand.departing(name) : undefined
    const placeholder = departing || !isWanted(name) ? undefined : onDemand.placeholder(name)
    if (departing) pass.push(departing)
    else if (placeholder) stay.push(placeholder)
  }
  return { stay, pass }
}

const NO_STAND_INS = { stay: [], pass: [] }

/** Whether what a client that came back holds under a name is what it would get now: the name is free, and it knows. */
export function isPlaceholder(
  type: ResourceType,
  name: string,
  version: string,
  onDemand: OnDemand | undefined,
): boolean {
  return type === 'cds' && onDemand?.isPlaceholder(name, version) === true
}

/** Those of the names that no route of the class will ever name again. */
export function past(type: ResourceType, names: readonly string[], onDemand: OnDemand | undefined): readonly string[] {
  return type === 'cds' && onDemand ? names.filter((name) => onDemand.present(name) !== name) : []
}

/** Clusters that a request may wait for of those a client names when it comes back: it does not hold them, and they may exist. */
export function awaited(onDemand: OnDemand, request: DeltaRequest): ReadonlySet<string> {
  const { subscribe, initialVersions } = request
  return new Set(
    subscribe.filter((name) => name !== '*' && !initialVersions.has(name) && onDemand.present(name) === name),
  )
}

/**
 * The interest of a client that moves to another class. It keeps what it has, under the names of the new class; and it gets
 * unasked what either class ever let go of, because it may have asked for that name already and would not ask again.
 */
export function carriedOver(interest: Interest, from: ClassLog, to: ClassLog): Interest {
  const { onDemand } = to
  if (!onDemand) return interest
  const had = from.of('cds').all(interest)
  const candidates = [
    ...had.map((resource) => resource.name),
    ...interest.names,
    ...(from.onDemand?.renamed() ?? []),
    ...onDemand.renamed(),
  ]
  return { ...interest, names: interest.names.change(candidates.map(onDemand.present), []) }
}
