import { type Place, places } from '../../explain/step.ts'
import type { ClientStatus, StatusBook, TypeStatus } from '../../status/book.ts'
import type { ClassChanges } from './class-changes.ts'
import type { Plan, Planner } from './planner.ts'

/**
 * waiting: the files are not read yet, or the next state of its class waits for other proxies. sent: on its way. ACK: accepted
 * (which says that it is valid, not that traffic does well). NACK: refused. offline: left before it answered.
 */
export type ProxyConvergence = 'waiting' | 'sent' | 'ACK' | 'NACK' | 'offline'

export interface ConvergedProxy {
  readonly node: string
  readonly state: ProxyConvergence
  readonly rejected?: { readonly type: string; readonly message: string; readonly places: readonly Place[] }
}

export interface Convergence {
  readonly revision: number
  /** Whether the files of the revision have been read and are in force. */
  readonly inForce: boolean
  /** Another revision came later: the states are those of that moment. */
  readonly superseded: boolean
  readonly counts: Readonly<Record<ProxyConvergence, number>>
  readonly proxies: readonly ConvergedProxy[]
}

interface Followed {
  readonly revision: number
  readonly plan: Plan
  /** When its files were found in force, ms since 1970. */
  inForceAt: number | undefined
  frozen: Convergence | undefined
}

const MOST_FOLLOWED = 50

/** Follows what was applied until the proxies it concerns have answered. Computed when somebody asks. */
export class Convergences {
  readonly #planner: Planner
  readonly #status: StatusBook
  readonly #now: () => number
  readonly #followed = new Map<number, Followed>()

  constructor(planner: Planner, status: StatusBook, now: () => number = Date.now) {
    this.#planner = planner
    this.#status = status
    this.#now = now
  }

  /** Begins to follow a revision that was just written; the one before stays as it stands. */
  follow(revision: number, plan: Plan): void {
    for (const one of this.#followed.values()) one.frozen ??= { ...this.#compute(one), superseded: true }
    this.#followed.set(revision, { revision, plan, inForceAt: undefined, frozen: undefined })
    for (const oldest of this.#followed.keys()) if (this.#followed.size > MOST_FOLLOWED) this.#followed.delete(oldest)
  }

  /** The configuration was read again. */
  read(): void {
    for (const one of this.#followed.values())
      if (one.inForceAt === undefined && !one.frozen && this.#planner.isInForce(one.plan)) one.inForceAt = this.#now()
  }

  /** Undefined for revisions made by hand, and for those this process has not written. */
  of(revision: number): Convergence | undefined {
    const found = this.#followed.get(revision)
    return found && (found.frozen ?? this.#compute(found))
  }

  /** The newest one, for events. */
  latest(): Convergence | undefined {
    const last = [...this.#followed.keys()].at(-1)
    return last === undefined ? undefined : this.of(last)
  }

  #compute(followed: Followed): Convergence {
    this.read()
    const { revision, plan, inForceAt } = followed
    const concerned = new Set(plan.proxies.map(({ stream }) => stream))
    const connected = new Map(this.#status.clients().map((client) => [client.node.id, client]))
    const proxies = plan.classes.flatMap((group) => {
      const members = group.clients.filter(({ stream }) => concerned.has(stream))
      const live = members.map(({ node }) => connected.get(node.id))
      const reference = live.find((client) => client && client.disconnectedAt === undefined)
      const published = inForceAt !== undefined && reference !== undefined && this.#isPublished(group, reference)
      return members.map((member, index): ConvergedProxy => {
        const client = live[index]
        const node = member.node.id
        if (!client || client.disconnectedAt !== undefined) return { node, state: 'offline' }
        if (!published) return { node, state: 'waiting' }
        return { node, ...this.#stateOf(group, client) }
      })
    })
    const counts = { waiting: 0, sent: 0, ACK: 0, NACK: 0, offline: 0 }
    for (const { state } of proxies) counts[state]++
    return { revision, inForce: inForceAt !== undefined, superseded: false, counts, proxies }
  }

  /** Whether the class has been given what the plan foresaw: the new versions, or what a proxy refused of them. */
  #isPublished({ types, versions }: ClassChanges, client: ClientStatus): boolean {
    const refused = new Set(
      this.#status.rejections().map(({ resource: { type, name, version } }) => `${type} ${name} ${version}`),
    )
    return types.every(({ type, changed }) => {
      if (changed.length === 0) return true
      const held = new Map(
        this.#status.resources(client.stream, type)?.map(({ resource }) => [resource.name, resource.version]),
      )
      return changed.every((name) => {
        const expected = versions.get(`${type} ${name}`)!
        const version = held.get(name)
        return version === undefined || version === expected || refused.has(`${type} ${name} ${expected}`)
      })
    })
  }

  #stateOf({ types, versions }: ClassChanges, client: ClientStatus): Omit<ConvergedProxy, 'node'> {
    const asked = client.types.filter(({ type }) => types.some((one) => one.type === type))
    const nacked = asked.find(({ nack }) => nack !== undefined)
    if (nacked) return { state: 'NACK', rejected: this.#rejected(nacked, client, versions) }
    return { state: asked.some(({ state }) => state === 'STALE') ? 'sent' : 'ACK' }
  }

  #rejected({ type, nack }: TypeStatus, client: ClientStatus, versions: ReadonlyMap<string, string>) {
    const culprits = this.#status
      .rejections()
      .filter(({ class: key, resource }) => key === client.class && resource.type === type)
    const ours = culprits.filter(({ resource }) => versions.get(`${type} ${resource.name}`) === resource.version)
    return {
      type,
      message: nack!.message,
      places: places((ours.length > 0 ? ours : culprits).flatMap(({ origins }) => origins.slice(0, 1))),
    }
  }
}
