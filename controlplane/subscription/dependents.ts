import type { ResourceType } from '../../proto/types.ts'
import type { Resource } from '../xds/resource.ts'
import { changeNames, type InterestChange, newInterest } from './interest.ts'
import { withCompanions } from './on-demand.ts'
import type { Parts } from './parts.ts'
import type { DeltaRequest, DiscoveryRequest } from './request.ts'
import { NONE_IN_FLIGHT, newTypeState, owe, type TypeState } from './type-state.ts'
import { withKnownHosts } from './virtual-hosts.ts'

const NONE: readonly string[] = []
/** Types whose resources point to no others. All resources of a response are of one type. */
const CHILDLESS: ReadonlySet<ResourceType> = new Set(['eds', 'sds'])

/** What a client gets without asking, because of what it asked for or was sent: companions, clusters of virtual hosts, endpoints. */
export class Dependents {
  private readonly parts: Parts
  /** Authorities of wildcards it is told about. */
  private strangers = 0
  /** Children of what was sent to a reconnected client before it subscribed to their type. */
  private orphans: Map<ResourceType, Set<string>> | undefined

  constructor(parts: Parts) {
    this.parts = parts
  }

  /** Children of a type that were not sent because the client did not ask for the type; they are not kept. */
  takeOrphans(type: ResourceType): ReadonlySet<string> | undefined {
    const orphans = this.orphans?.get(type)
    this.orphans?.delete(type)
    return orphans
  }

  /** With what belongs to it of what comes on demand. */
  completed(type: ResourceType, said: InterestChange, first: DeltaRequest | undefined): InterestChange {
    const { workingSet } = this.parts.options
    if (type === 'cds') return withCompanions(said, this.parts.log, workingSet, first)
    if (type !== 'vhds') return said
    const { change, strangers } = withKnownHosts(said, this.parts.log, workingSet, first, this.strangers)
    this.strangers = strangers
    return change
  }

  /** The clusters of virtual hosts that were asked for go out before them, so that the request need not ask for those too. */
  adoptClusters(request: DiscoveryRequest, asked: readonly string[]): void {
    const { onDemand } = this.parts.log
    const state = this.parts.types.cds
    if (!state || !onDemand?.virtualHosts || request.form !== 'delta') return
    const { virtualHosts } = onDemand
    const clusters = asked.flatMap((name) => (request.initialVersions.has(name) ? NONE : virtualHosts.clusters(name)))
    this.adopt(state, clusters, 'unseen')
  }

  /**
   * The client said that it does not have these clusters: sends them, whatever it was thought to have.
   * @returns those that exist
   */
  rescue(clusters: readonly string[]): readonly string[] {
    const state = this.parts.types.cds
    return state && this.parts.log.onDemand ? this.adopt(state, clusters, 'all') : NONE
  }

  private adopt(state: TypeState, clusters: readonly string[], which: 'unseen' | 'all'): readonly string[] {
    const { companions } = this.parts.log.onDemand!
    const log = this.parts.log.of('cds')
    const wanted = new Set<string>()
    for (const cluster of clusters)
      for (const one of [cluster, ...companions(cluster)])
        if ((which === 'all' || !log.visible(one, state.interest)) && this.parts.log.exists(one)) wanted.add(one)
    if (wanted.size === 0) return NONE
    const change = changeNames('cds', state.interest, [...wanted], NONE)
    this.parts.log.track('cds', change)
    state.interest = change.interest
    owe(state, wanted)
    this.parts.options.workingSet?.asked([...wanted])
    return [...wanted]
  }

  /** Envoy forgets the endpoints of a cluster that was updated, and waits for them again. */
  oweChildren(parents: readonly Resource[]): void {
    // There may be thousands, for each of thousands of clients.
    if (parents.length === 0 || CHILDLESS.has(parents[0]!.type)) return
    if (this.parts.log.onDemand) this.adoptChildren(parents)
    // A new client has not asked for endpoints yet, and will ask for those of all its clusters.
    if (parents[0]?.type === 'cds' && !this.parts.types.eds && !this.parts.types.cds?.resumed) return
    for (const parent of parents) {
      for (const { type, name } of parent.children) {
        const state = this.parts.types[type]
        if (state) {
          if (type === 'vhds' || this.parts.log.of(type).visible(name, state.interest)) owe(state, [name])
        } else if (this.parts.types[parent.type]?.resumed) {
          this.orphans ??= new Map()
          const orphans = this.orphans.get(type) ?? new Set()
          this.orphans.set(type, orphans.add(name))
        }
      }
    }
  }

  /**
   * Endpoints of clusters got on demand are sent right behind them, before they are asked for: that saves a round trip, and
   * while one cluster waits for its endpoints Envoy asks for no other. A client that came back says itself what it holds.
   */
  private adoptChildren(parents: readonly Resource[]): void {
    const names = parents.flatMap(({ type, children }) =>
      type === 'cds' ? children.filter((child) => child.type === 'eds').map((child) => child.name) : [],
    )
    if (names.length === 0 || (!this.parts.types.eds && this.parts.types.cds?.resumed)) return
    this.parts.types.eds ??= newTypeState(newInterest('eds'), this.parts.log.of('eds').position)
    const state = this.parts.types.eds
    const change = changeNames(
      'eds',
      state.interest,
      names.filter((name) => !state.interest.names.has(name)),
      NONE,
    )
    if (change.added.length === 0) return
    this.parts.log.track('eds', change)
    state.interest = change.interest
    state.unasked ??= new Set()
    for (const name of change.added) state.unasked.add(name)
  }

  /**
   * The client refused a response with these clusters. It has asked for the endpoints of those it took all the same, before it said so; of
   * the others it never will, and an Envoy that has asked for none at all does not even answer them: nothing may wait for that.
   */
  disown(clusters: readonly Resource[]): void {
    const state = this.parts.types.eds
    if (!state?.unasked) return
    const names = clusters.flatMap(({ children }) =>
      children.flatMap(({ type, name }) => (type === 'eds' && state.unasked!.has(name) ? [name] : [])),
    )
    for (const name of names) {
      state.unasked.delete(name)
      state.owed?.delete(name)
    }
    if (state.unasked.size === 0) state.unasked = undefined
    if (state.owed?.size === 0) state.owed = undefined
    this.forget('eds', state, names)
    if (state.interest.names.size === 0) state.inFlight = NONE_IN_FLIGHT
  }

  /** Names that will never be asked for again: the client keeps them on its list for ever, we do not. */
  forget(type: ResourceType, state: TypeState, names: readonly string[]): void {
    if (names.length === 0) return
    const change = changeNames(type, state.interest, NONE, names)
    this.parts.log.track(type, change)
    state.interest = change.interest
  }
}
