import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { Area, Difference } from '../area.ts'
import type { Answered, Resources } from '../question.ts'
import { Bed, managerOf, type Outcome, type Place } from '../routes/bed.ts'
import { draw, type RouteQuestion } from '../routes/draw.ts'
import { essential, isOnPurpose } from '../routes/on-purpose.ts'
import type { Request } from '../routes/requests.ts'
import { tableDifferences } from '../routes/tables.ts'

/**
 * Routing of HTTP: both sides' tables run on a real Envoy and get the same requests; then tables are held against each other for what
 * requests do not show (weights, retries, chances).
 */
export const routes: Area<RouteQuestion> = {
  draw,
  async compare(answered) {
    const side = (name: 'istio' | 'ours') =>
      outcomes(answered.map(({ question, [name]: { proxies } }) => ({ question, proxies })))
    const [istio, own] = [await side('istio'), await side('ours')]
    return answered.flatMap((one, index) => [
      ...one.question.requests.flatMap((request, position) =>
        requestDifferences(one, request, istio[index]![position]!, own[index]![position]!),
      ),
      ...tableDifferences(one),
    ])
  },
}

/** A mesh, and what its proxies got of one side. */
interface Served {
  readonly question: RouteQuestion
  readonly proxies: readonly Resources[]
}

/** What came of each request of each mesh; undefined where nothing listens. Copies had a moment to arrive. */
export async function outcomes(served: readonly Served[]): Promise<readonly (readonly (Outcome | undefined)[])[]> {
  const bed = await Bed.start(served.flatMap(placesOf))
  try {
    const sent = await Promise.all(
      served.map(async ({ question, proxies }) => {
        const list: ({ readonly id: string; readonly outcome: Outcome } | undefined)[] = []
        for (const request of question.requests) {
          const { proxy, port } = request
          const listens = managerOf(proxies[proxy]!, question.proxies[proxy]!, port) !== undefined
          list.push(listens ? await bed.send(keyOf(question, proxy, port), request) : undefined)
        }
        return list
      }),
    )
    await sleep(COPIES_ARRIVE_MS)
    return sent.map((list) =>
      list.map((one) => {
        const mirrors = one ? bed.copies(one.id, one.outcome) : []
        return mirrors.length > 0 ? { ...one!.outcome, mirrors } : one?.outcome
      }),
    )
  } finally {
    await bed.stop()
  }
}

/** They are sent with the request itself; nobody says when they have come. */
const COPIES_ARRIVE_MS = 300

function keyOf({ id }: RouteQuestion, proxy: number, port: number): string {
  return `${id}-${proxy}-${port}`
}

/** Where the requests of a mesh go. */
function placesOf({ question, proxies }: Served): readonly Place[] {
  const places = new Map<string, Place>()
  for (const { proxy, port } of question.requests) {
    const key = keyOf(question, proxy, port)
    const resources = proxies[proxy]!
    const manager = managerOf(resources, question.proxies[proxy]!, port)
    if (!manager || places.has(key)) continue
    const text = JSON.stringify(manager)
    const names = resources.clusters.map((one) => String(one['name']))
    places.set(key, { key, manager, clusters: names.filter((name) => text.includes(JSON.stringify(name))) })
  }
  return [...places.values()]
}

function requestDifferences(
  { question }: Answered<RouteQuestion>,
  request: Request,
  theirs: Outcome | undefined,
  own: Outcome | undefined,
): readonly Difference[] {
  const asker = question.proxies[request.proxy]!
  if (isOnPurpose(theirs, own, question, request)) return []
  const [a, b] = [essential(theirs), essential(own)]
  if (isDeepStrictEqual(a, b)) return []
  const fields = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (field) => !isDeepStrictEqual(a[field as keyof Outcome], b[field as keyof Outcome]),
  )
  const { type } = asker
  const brief = (outcome: object, field: string) => JSON.stringify(outcome[field as keyof typeof outcome])
  const kind = fields.includes('status')
    ? `${type} status ${brief(a, 'status')} ${a.cluster ? 'of a cluster' : 'of its own'}, ours ${brief(b, 'status')} ${b.cluster ? 'of a cluster' : 'of its own'}`
    : `${type} ${fields.map((field) => (field === 'seen' || field === 'headers' ? `${field}: ${headerNames(a[field], b[field])}` : field)).join(', ')}`
  const text = fields.map(
    (field) => `${field}: Istio ${brief(a, field)}\n${' '.repeat(field.length)}  ours  ${brief(b, field)}`,
  )
  return [{ id: question.id, kind, text: `${JSON.stringify(request)}\n${text.join('\n')}` }]
}

function headerNames(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): string {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => a[name] !== b[name]).join(' ')
}
