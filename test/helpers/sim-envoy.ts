import type { ResourceType } from '../../proto/types.ts'
import type { Answer, Ask, EngineClient } from './xds-engine.ts'

/** How the world's texts are read: a cluster's text names its endpoints, a listener's its route, a route's its clusters. */
const pointsTo = (text: string) => text.split(';')[1]?.split(',').filter(Boolean) ?? []

/**
 * A client that behaves like Envoy as far as the protocol shows: wildcard clusters and listeners, then the endpoints and
 * routes they point to; it holds what it was sent and drops what nothing points to. Messages wait in two queues, so that a
 * test decides in which order the two sides hear of each other.
 */
export class SimEnvoy {
  readonly form: 'delta' | 'sotw'
  /** type → name → text. */
  readonly held: Record<ResourceType, Map<string, string>> = {
    cds: new Map(),
    eds: new Map(),
    lds: new Map(),
    rds: new Map(),
    vhds: new Map(),
    sds: new Map(),
    pds: new Map(),
    mrds: new Map(),
    mlds: new Map(),
  }
  /** Requests the server has not seen. */
  readonly upward: (readonly [ResourceType, Ask])[] = []
  /** Responses the client has not seen. */
  readonly downward: Answer[] = []
  /** What went wrong, seen from the client: routes to clusters it does not have. */
  readonly broken: string[] = []
  /** While true, `broken` is not filled. */
  forgiving = false
  private subscribed: Record<'eds' | 'rds', Set<string>> = { eds: new Set(), rds: new Set() }
  private versions: Partial<Record<ResourceType, string>> = {}
  private nonces: Partial<Record<ResourceType, string>> = {}
  private readonly versionOf: (type: ResourceType, name: string, text: string) => string

  constructor(form: 'delta' | 'sotw', versionOf: (type: ResourceType, name: string, text: string) => string) {
    this.form = form
    this.versionOf = versionOf
  }

  /** A new stream: all types at once, with what it has. */
  connect(): void {
    this.upward.length = 0
    this.downward.length = 0
    this.nonces = {}
    for (const type of ['cds', 'lds', 'eds', 'rds'] as const) {
      const names = type === 'eds' || type === 'rds' ? [...this.subscribed[type]] : []
      if ((type === 'eds' || type === 'rds') && names.length === 0) continue
      if (this.form === 'sotw') this.upward.push([type, { names, version: this.versions[type] ?? '' }])
      else {
        const initial = Object.fromEntries(
          [...this.held[type]].map(([name, text]) => [name, this.versionOf(type, name, text)]),
        )
        const wildcard = Object.keys(initial).length > 0 && names.length === 0 ? ['*'] : names
        this.upward.push([type, { names: wildcard, initial }])
      }
    }
  }

  /** Takes the oldest response. `silent`: the answer to it is lost. */
  take(silent: boolean): void {
    const answer = this.downward.shift()
    if (!answer) return
    const { type } = answer
    const held = this.held[type]
    const full = this.form === 'sotw' && (type === 'cds' || type === 'lds')
    if (full) held.clear()
    for (const entry of answer.resources) {
      const at = entry.indexOf('=')
      const name = entry.slice(0, at)
      const wanted = type !== 'eds' && type !== 'rds' ? true : this.subscribed[type].has(name)
      if (wanted) held.set(name, entry.slice(at + 1))
    }
    for (const name of answer.removed) held.delete(name)
    this.check(type)
    this.versions[type] = answer.version
    this.nonces[type] = answer.nonce
    if (!silent) {
      const names = type === 'eds' || type === 'rds' ? [...this.subscribed[type]] : []
      this.upward.push([
        type,
        this.form === 'sotw' ? { names, nonce: answer.nonce, version: answer.version } : { nonce: answer.nonce },
      ])
    }
    if (type === 'cds') this.follow('eds', held)
    if (type === 'lds') this.follow('rds', held)
  }

  /** Subscribes again to a name it has, or to one that does not exist, with a nonce that means nothing. */
  disturb(type: 'eds' | 'rds', name: string): void {
    const names = this.subscribed[type]
    if (this.form === 'sotw') this.upward.push([type, { names: [...names], nonce: 'stale' }])
    else if (names.has(name)) this.upward.push([type, { names: [name], nonce: 'stale' }])
  }

  /** The server takes the oldest request. */
  deliver(server: EngineClient): void {
    const request = this.upward.shift()
    if (request) this.downward.push(...server.ask(...request))
  }

  /** Children of what it holds: subscribes to new ones, lets go of the others. */
  private follow(type: 'eds' | 'rds', parents: ReadonlyMap<string, string>): void {
    const wanted = new Set([...parents.values()].flatMap(pointsTo))
    const before = this.subscribed[type]
    const added = [...wanted].filter((name) => !before.has(name))
    const dropped = [...before].filter((name) => !wanted.has(name))
    this.subscribed[type] = wanted
    for (const name of dropped) this.held[type].delete(name)
    if (added.length + dropped.length === 0) return
    if (this.form === 'sotw') {
      this.upward.push([
        type,
        { names: [...wanted], nonce: this.nonces[type] ?? '', version: this.versions[type] ?? '' },
      ])
    } else this.upward.push([type, { names: added, unsubscribe: dropped }])
  }

  private check(after: ResourceType): void {
    if (this.forgiving) return
    for (const [route, text] of this.held.rds) {
      for (const cluster of pointsTo(text)) {
        if (!this.held.cds.has(cluster)) this.broken.push(`after ${after}: route ${route} points to ${cluster}`)
      }
    }
  }
}
