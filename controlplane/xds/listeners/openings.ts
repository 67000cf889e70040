import { isLoopback } from '../../config/syntax/address.ts'
import type { Service } from '../../model/service.ts'

const LOOPBACK = '127.0.0.1'
const ANY_ADDRESS = '0.0.0.0'

/** What a listener is opened at. */
export interface Opening {
  /** IP address or `unix://<path>`. */
  readonly bind: string
  readonly port: number
}

/**
 * Who asks for an opening: `said`, a Sidecar that names the port; `own`, a service with an address on loopback; `rest`, all other services,
 * which share 127.0.0.1 (or the address a Sidecar names for its hosts).
 */
export type Claim = 'said' | 'own' | 'rest'

export interface Claimed<Plan extends Opening> {
  readonly plan: Plan
  readonly claim: Claim
}

/**
 * Where a sidecar listens for a service: at the address of loopback that is the service's own, as nothing is captured there are no other
 * addresses it could be dialled at; else at 127.0.0.1. `bind` is what a Sidecar says of it.
 */
export function openingOf({ addresses }: Service, bind: string | undefined): { bind: string; claim: Claim } {
  const own = bind === undefined ? addresses.find(isLoopback) : undefined
  return own !== undefined && own !== LOOPBACK ? { bind: own, claim: 'own' } : { bind: bind ?? LOOPBACK, claim: 'rest' }
}

/** What can be open at once, the first of two that clash. A port that a Sidecar names is not opened for the rest at another address. */
export function openable<Plan extends Opening>(claimed: readonly Claimed<Plan>[]): readonly Plan[] {
  const open = new Map<number, { readonly bind: string; readonly claim: Claim }[]>()
  const kept: Plan[] = []
  for (const { plan, claim } of claimed) {
    const { bind, port } = plan
    const others = open.get(port) ?? []
    const covered = claim === 'rest' && !isSocket(bind) && others.some((other) => other.claim === 'said')
    if (covered || others.some((other) => clash(bind, other.bind))) continue
    // A socket of the file system takes no port.
    open.set(port, [...others, { bind, claim: isSocket(bind) ? 'rest' : claim }])
    kept.push(plan)
  }
  return kept
}

const isSocket = (bind: string) => bind.startsWith('unix://')

/** Whether listeners on one port of these addresses, or on these sockets, keep each other from being opened. */
export function clash(one: string, other: string): boolean {
  const takes = (all: string, bind: string) =>
    all === '::' ? !isSocket(bind) : all === ANY_ADDRESS && !isSocket(bind) && !bind.includes(':')
  return one === other || takes(one, other) || takes(other, one)
}
