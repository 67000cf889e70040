import { isDeepStrictEqual } from 'node:util'
import type { Area, Difference } from '../area.ts'
import type { Resources } from '../question.ts'
import { isRefused, type Place, TlsBed } from '../tls/bed.ts'
import { draw, type TlsQuestion } from '../tls/draw.ts'
import { identities } from '../tls/identities.ts'
import { isOnPurpose } from '../tls/on-purpose.ts'
import type { Outcome } from '../tls/probe.ts'

/** TLS and TCP at gateways: both sides' listeners run on a real Envoy and get the same connections. */
export const tls: Area<TlsQuestion> = {
  draw,
  async compare(answered) {
    const side = (name: 'istio' | 'ours') =>
      connections(answered.map(({ question, [name]: { proxies } }) => ({ question, resources: proxies[0]! })))
    const [istio, own] = [await side('istio'), await side('ours')]
    return answered.flatMap(({ question }, index) =>
      question.probes.flatMap((one, position): Difference[] => {
        const [theirs, mine] = [istio[index]![position], own[index]![position]]
        if (theirs === undefined || mine === undefined) return []
        if (isDeepStrictEqual(theirs, mine) || isOnPurpose(question, one)) return []
        const kind = `Istio ${brief(theirs)}, ours ${brief(mine)}`
        const text = `${JSON.stringify(one)}\nIstio ${JSON.stringify(theirs)}\nours  ${JSON.stringify(mine)}`
        return [{ id: question.id, kind, text }]
      }),
    )
  },
}

/** A mesh, and what its gateway got of one side. */
interface Served {
  readonly question: TlsQuestion
  readonly resources: Resources
}

/** What came of each connection of each mesh; undefined where Envoy would refuse the listener. */
export async function connections(served: readonly Served[]): Promise<readonly (readonly (Outcome | undefined)[])[]> {
  const listeners = served.map(({ resources }) => new Map(resources.listeners.map((one) => [String(one['name']), one])))
  const places = served.flatMap(({ question, resources }, index): Place[] =>
    [...listeners[index]!].flatMap(([name, listener]) =>
      isRefused(listener)
        ? []
        : [
            {
              key: `${question.id} ${name}`,
              listener,
              clusters: new Set(resources.clusters.map((one) => String(one['name']))),
            },
          ],
    ),
  )
  const bed = await TlsBed.start(places, await identities())
  try {
    return await Promise.all(
      served.map(async ({ question }, index) => {
        const outcomes: (Outcome | undefined)[] = []
        for (const one of question.probes) {
          const name = `0.0.0.0_${one.port}`
          const listener = listeners[index]!.get(name)
          if (!listener) outcomes.push({})
          else outcomes.push(isRefused(listener) ? undefined : await bed.connect(`${question.id} ${name}`, one))
        }
        return outcomes
      }),
    )
  } finally {
    await bed.stop()
  }
}

function brief({ to, shown, alpn }: Outcome): string {
  if (to === undefined) return 'closes'
  return shown === undefined
    ? 'passes on'
    : `ends TLS${alpn ? ` (${alpn})` : ''}, ${to.startsWith('table') ? 'HTTP' : 'TCP'}`
}
