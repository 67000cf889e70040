import type { Resource } from '../xds/resource.ts'
import type { ClassLog } from './class-log.ts'
import type { InterestChange } from './interest.ts'
import type { WorkingSet } from './on-demand.ts'
import type { DeltaRequest } from './request.ts'

/**
 * The rules for clients that ask for virtual hosts. What makes them necessary (docs/decisions/on-demand.md): a request that asks
 * waits without a limit, and neither silence nor "removed" ends that; anybody who can send a request can ask for any name.
 */

/** Authorities of wildcards that one client is kept up to date about. Each costs Envoy some kB. */
const MOST_STRANGERS = 2000

/** Longer authorities are of nobody. */
const MOST_NAME = 1024

const NOBODY: readonly string[] = []

/** The answer for a name that nothing is told about: the request that asked gets a 404. */
export function nowhere(name: string): Resource {
  return { type: 'vhds', name, version: '', bytes: new Uint8Array(), bodiless: true, origins: [], children: [] }
}

/**
 * What a request for virtual hosts means: who comes for the first time gets what its workload has learned, and authorities nobody
 * declared are not followed beyond a number.
 * @param first the request, when it is the first of its stream
 * @param strangers how many authorities of wildcards the client follows already
 */
export function withKnownHosts(
  change: InterestChange,
  log: Pick<ClassLog, 'onDemand' | 'virtualHost'>,
  workingSet: WorkingSet | undefined,
  first: DeltaRequest | undefined,
  strangers: number,
): { readonly change: InterestChange; readonly strangers: number } {
  const hosts = log.onDemand?.virtualHosts
  let count = strangers - change.dropped.filter((name) => hosts?.stranger(name)).length
  const ignored: string[] = []
  const known: string[] = []
  for (const name of change.added) {
    const isStranger = hosts?.stranger(name)
    // A star in an authority would be a wildcard as a domain.
    if (name.includes('*') || name.length > MOST_NAME || (isStranger && count >= MOST_STRANGERS)) ignored.push(name)
    else if (isStranger) count++
    else if (log.virtualHost(name)) known.push(name)
  }
  const resumed = first !== undefined && first.initialVersions.size > 0
  const learned = first && !resumed && hosts ? learnedHosts(change, log, workingSet) : NOBODY
  if (!resumed && known.length > 0) workingSet?.asked(known)
  if (ignored.length + learned.length === 0) return { change, strangers: count }
  const { interest, added, asked } = change
  const left = new Set(ignored)
  return {
    strangers: count,
    change: {
      ...change,
      interest: { ...interest, names: interest.names.change(learned, ignored) },
      added: [...added.filter((name) => !left.has(name)), ...learned],
      asked: [...asked, ...learned],
    },
  }
}

/** What the workload has asked for and still uses, as far as one can tell: it also uses a cluster of it. */
function learnedHosts(
  { interest }: InterestChange,
  { onDemand, virtualHost }: Pick<ClassLog, 'onDemand' | 'virtualHost'>,
  workingSet: WorkingSet | undefined,
): readonly string[] {
  if (!onDemand?.virtualHosts || !workingSet) return NOBODY
  const { virtualHosts, present } = onDemand
  const learned = [...workingSet.learned()]
  const clusters = new Set(learned.map(present))
  return learned.filter((name) => {
    if (interest.names.has(name) || !virtualHost(name) || virtualHosts.stranger(name)) return false
    const needed = virtualHosts.clusters(name)
    return needed.length === 0 || needed.some((cluster) => clusters.has(cluster))
  })
}
