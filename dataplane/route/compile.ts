import { type Codec, type ConnectionMode, codecOfSide, type Edit, sharedIdBits } from '../../codecs/contract.ts'
import { rotation } from '../cluster/balance/picker.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { DirectReply, MessageRoute, RateLimit, RouteAction, RouteTable } from '../configuration.ts'
import { Lots } from '../filters/lots.ts'
import { compileEdits } from '../filters/mutate.ts'
import { Limiter } from '../filters/rate-limit.ts'
import { type CompiledLimit, compileLimits } from '../limits/descriptors.ts'
import { type Histogram, RouteStats } from '../stats/counters.ts'
import { compileHasher, type Hasher } from './hash.ts'
import { compileLookup, type Lookup } from './table.ts'

/** What a route keeps over changes of the configuration, by its table and name. */
export interface RouteState {
  readonly name: string
  readonly counters: Float64Array
  readonly latency: Histogram
  readonly stats: RouteStats
  readonly limiters: Limiter[]
}

export interface Destination {
  readonly name: string
  cluster: Cluster | undefined
  readonly edits: readonly Edit[]
}

export interface MirrorTarget {
  readonly name: string
  cluster: Cluster | undefined
}

export interface CompiledRoute {
  // What every message looks at stands first and is no object of the route's own: of ten thousand routes few lie in the cache.
  /** Where its requests are counted: see `RouteStats`. */
  readonly statsBlock: Float64Array
  readonly statsAt: number
  /** Of a straight route, when it is there. */
  cluster: Cluster | null
  /** Anything of limits, faults or direct replies: what most routes skip with one look. */
  readonly filtered: boolean
  /** One destination and no edits of the message on its way there. */
  readonly straight: boolean
  /** Whether replies are edited. */
  readonly editsReplies: boolean
  /** -1: not said. */
  readonly timeoutMs: number
  /** Until a try is given up when nothing of its reply comes: the shorter of `idleTimeoutMs` and the time of a try, ms; 0: never. */
  readonly quietMs: number
  /** Between two frames of a reply, ms; 0: any. */
  readonly idleTimeoutMs: number
  /** Index into a cluster's breakers. */
  readonly priority: 0 | 1
  readonly mode: ConnectionMode | undefined
  readonly hasher: Hasher | undefined
  /** Which messages the fault delays (the first) and which it aborts (the second). */
  readonly faults: Lots | undefined
  /** Which messages are copied to which of `mirrors`. */
  readonly copied: Lots | undefined
  /** Answers in place of a service. */
  readonly reply: DirectReply | undefined

  readonly name: string
  readonly action: RouteAction
  readonly state: RouteState
  readonly destinations: readonly Destination[]
  /** Index of the destination for the next message; undefined with one destination or none. */
  readonly draw: (() => number) | undefined
  readonly limiters: readonly Limiter[]
  /** Limits a service is asked about. */
  readonly globalLimits: readonly CompiledLimit[]
  readonly mirrors: readonly MirrorTarget[]
  readonly requestEdits: readonly Edit[]
  readonly responseEdits: readonly Edit[]
  readonly retries: boolean
}

export interface CompiledTable {
  readonly source: RouteTable
  readonly codec: Codec
  readonly routes: readonly CompiledRoute[]
  readonly lookup: Lookup
  /** The first route that asks for nothing: it can be chosen before there is a message. */
  readonly open: CompiledRoute | undefined
  readonly limiters: readonly Limiter[]
}

export type States = Map<string, RouteState>

/** Whether ids of this protocol can be rewritten for shared connections. Narrow ones count only where the protocol shares: every frame has one then. */
export function canShare(codec: Codec): boolean {
  if (codec.writeId === undefined && codec.spliceId === undefined) return false
  return codec.idBits >= sharedIdBits || (codec.idBits > 0 && codec.modes.includes('shared'))
}

/** The mode asked for where the protocol allows it, else the protocol's first that is possible. */
export function chooseMode(codec: Codec, wanted: ConnectionMode | undefined): ConnectionMode {
  const possible = codec.modes.filter((mode) => mode !== 'shared' || canShare(codec))
  return wanted && possible.includes(wanted) ? wanted : (possible[0] ?? 'bound')
}

/** Routes and their lookup for frames of one codec. `states` holds counters and buckets of earlier tables of this name. */
export function compileTable(codec: Codec, table: RouteTable, states: States): CompiledTable {
  const routes = table.routes.map((route, i) => compileRoute(codec, states, table.name, route, i))
  return {
    source: table,
    codec,
    lookup: compileLookup(codec, table.routes),
    routes,
    open: routes[table.routes.findIndex(({ match }) => match.length === 0)],
    limiters: limitersOf(codec, table.rateLimits ?? [], stateOf(states, table.name, '', -1)),
  }
}

/** Lets go of the states no route of these tables has. */
export function keepStates(states: States, tables: readonly CompiledTable[]): void {
  const used = new Set<RouteState | undefined>()
  for (const { source, routes } of tables) {
    used.add(states.get(stateKey(source.name, '', -1)))
    for (const { state } of routes) used.add(state)
  }
  for (const [key, state] of states) if (!used.has(state)) states.delete(key)
}

const stateKey = (table: string, name: string, index: number) => `${table}\n${name || `#${index}`}`

function stateOf(states: States, table: string, name: string, index: number): RouteState {
  const key = stateKey(table, name, index)
  let state = states.get(key)
  if (!state) {
    const stats = new RouteStats()
    state = {
      name: name || String(index),
      counters: stats.counters,
      latency: stats.latency,
      stats,
      limiters: [],
    }
    states.set(key, state)
  }
  return state
}

/** Buckets go on as they are where the limit did not change. */
function limitersOf(codec: Codec, limits: readonly RateLimit[], state: RouteState): readonly Limiter[] {
  const text = (limit: RateLimit) =>
    JSON.stringify(limit, (_, value) => (typeof value === 'bigint' ? `${value}n` : value))
  const limiters = limits.map((limit, i) => {
    const old = state.limiters[i]
    return old?.codec === codec && text(old.config) === text(limit) ? old : new Limiter(codec, limit)
  })
  state.limiters.splice(0, state.limiters.length, ...limiters)
  return limiters
}

/** Routes as compiled last: a table that changed in one route has all others from here. */
const compiled = new WeakMap<
  MessageRoute,
  { readonly codec: Codec; readonly states: States; readonly key: string; readonly route: CompiledRoute }
>()

function compileRoute(codec: Codec, states: States, table: string, source: MessageRoute, index: number): CompiledRoute {
  const before = compiled.get(source)
  const key = source.name === '' ? `${table}\n#${index}` : table
  if (before?.codec === codec && before.states === states && before.key === key) {
    // It may have been gone meanwhile.
    const place = stateKey(table, source.name, index)
    if (!states.has(place)) states.set(place, before.route.state)
    return before.route
  }
  const route = freshRoute(codec, source, stateOf(states, table, source.name, index))
  compiled.set(source, { codec, states, key, route })
  return route
}

function freshRoute(codec: Codec, { name, action }: MessageRoute, state: RouteState): CompiledRoute {
  const live = action.destinations.filter(({ weight }) => weight > 0)
  const destinations = (live.length > 0 ? live : action.destinations.slice(0, 1)).map((destination) => ({
    name: destination.cluster,
    cluster: undefined,
    edits: compileEdits(codec, destination.requestMutation),
  }))
  const limiters = limitersOf(codec, action.rateLimits ?? [], state)
  const globalLimits = compileLimits(codec, action.globalRateLimits)
  const requestEdits = compileEdits(codec, action.requestMutation)
  const responseEdits = compileEdits(codecOfSide(codec, 'upstream'), action.responseMutation)
  const { mirrors = [], fault } = action
  return {
    statsBlock: state.stats.block,
    statsAt: state.stats.at,
    cluster: null,
    filtered:
      limiters.length > 0 || globalLimits.length > 0 || action.fault !== undefined || action.reply !== undefined,
    straight: destinations.length === 1 && destinations[0]!.edits.length === 0 && requestEdits.length === 0,
    editsReplies: responseEdits.length > 0,
    timeoutMs: action.timeoutMs ?? -1,
    quietMs: shorter(action.idleTimeoutMs, action.retry?.perTryTimeoutMs),
    idleTimeoutMs: action.idleTimeoutMs ?? 0,
    priority: action.priority === 'high' ? 1 : 0,
    mode: action.mode && chooseMode(codec, action.mode),
    hasher: compileHasher(codec, action.hashKeys ?? []),
    faults: fault && new Lots([fault.delay?.percent ?? 0, fault.abort?.percent ?? 0]),
    copied: mirrors.length > 0 ? new Lots(mirrors.map(({ percent }) => percent)) : undefined,
    reply: action.reply,
    name: state.name || name,
    action,
    state,
    destinations,
    draw: live.length > 1 ? rotation(live.map(({ weight }) => weight)) : undefined,
    limiters,
    globalLimits,
    mirrors: mirrors.map(({ cluster }) => ({ name: cluster, cluster: undefined })),
    requestEdits,
    responseEdits,
    retries: action.retry !== undefined,
  }
}

/** The shorter of two times of which 0 is none. */
function shorter(a = 0, b = 0): number {
  return a === 0 || b === 0 ? a + b : Math.min(a, b)
}

/** Points destinations at the clusters there are now. */
export function link(table: CompiledTable, resolve: (name: string) => Cluster | undefined): void {
  for (const route of table.routes) {
    const { destinations, mirrors, globalLimits } = route
    for (const { service } of globalLimits) service.cluster = resolve(service.name)
    for (const destination of destinations) destination.cluster = resolve(destination.name)
    if (route.straight) route.cluster = destinations[0]?.cluster ?? null
    for (const mirror of mirrors) mirror.cluster = resolve(mirror.name)
  }
}
