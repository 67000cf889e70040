import { isDeepStrictEqual } from 'node:util'
import type { Area, Difference } from '../area.ts'
import { drawClusters } from '../clusters/draw.ts'
import { type Essential, essential } from '../clusters/essential.ts'
import { comparable, isEmpty, isSubsetOfNames } from '../clusters/on-purpose.ts'
import type { Answered, Asker, Resources } from '../question.ts'

/**
 * Which clusters and endpoints there are for whom, and what policies make of them: ServiceEntries, WorkloadEntries, subsets, Sidecars, `exportTo`,
 * the choice of DestinationRules, all parts of a traffic policy, priorities and weights by place. Compared in the messages.
 */
export const clusters: Area = {
  draw: drawClusters,
  compare: async (answered) => answered.flatMap(differencesOf),
}

/** Outbound clusters of a proxy by name. */
export type OfProxy = Readonly<Record<string, Essential>>

/** What a proxy got, by name of the cluster. */
export function essentials({ clusters, endpoints }: Resources): OfProxy {
  const assignments = new Map(endpoints.map((one) => [one['clusterName'], one]))
  const outbound = clusters.filter(({ name }) => String(name).startsWith('outbound|'))
  return Object.fromEntries(outbound.map((one) => [String(one['name']), essential(one, assignments.get(one['name']))]))
}

function differencesOf({ question, istio, ours }: Answered): readonly Difference[] {
  return question.proxies.flatMap((asker, index) =>
    differencesBetween(essentials(istio.proxies[index]!), essentials(ours.proxies[index]!), asker).map((one) => ({
      id: question.id,
      ...one,
    })),
  )
}

/** What differs for one proxy. */
export function differencesBetween(istio: OfProxy, ours: OfProxy, asker: Asker): readonly Omit<Difference, 'id'>[] {
  const found: Omit<Difference, 'id'>[] = []
  const who = `${JSON.stringify(asker)}\n`
  for (const name of new Set([...Object.keys(istio), ...Object.keys(ours)])) {
    const [theirs, own] = [istio[name], ours[name]]
    if (!own) found.push({ kind: `${asker.type}: a cluster is missing`, text: `${who}${name}` })
    else if (!theirs) {
      if (!isEmpty(own) && !isSubsetOfNames(own, name))
        found.push({ kind: `${asker.type}: a cluster Istio has not`, text: `${who}${name}` })
    } else {
      const [a, b] = comparable(theirs, own, asker)
      for (const field of new Set([...Object.keys(a), ...Object.keys(b)]))
        if (!isDeepStrictEqual(same(a[field]), same(b[field])))
          found.push({
            kind: `${asker.type}: ${field}`,
            text: `${who}${name} ${field}\n  Istio ${JSON.stringify(a[field])}\n  ours  ${JSON.stringify(b[field])}`,
          })
    }
  }
  return found
}

/** As JSON has it: undefined and absent are one. */
function same(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}
