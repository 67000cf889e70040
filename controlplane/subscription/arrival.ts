import type { ResourceType } from '../../proto/types.ts'
import type { ClassLog } from './class-log.ts'
import { type InterestChange, newInterest } from './interest.ts'
import { NameSet } from './name-set.ts'
import type { DeltaRequest } from './request.ts'

const NONE: readonly string[] = []
/** Names followed with each step: less than a millisecond, and a few where each has to be compiled. */
const AT_ONCE = 32
/** Names that are new to a class and are looked up in one turn: some milliseconds if they have to be compiled. */
const FEW = 64

/**
 * A client that comes back with very many names, until its request is taken: what it will be subscribed to is looked up and followed for it, a
 * portion with each step, so that others are served between them. Its request is still taken as a whole, because only the whole tells what it
 * has and should not have; by then little of it is new to the class.
 */
export class Arrival {
  private log: ClassLog
  private readonly type: ResourceType
  private readonly request: DeltaRequest
  private followed = new Set<string>()
  private isOver = false

  constructor(log: ClassLog, type: ResourceType, request: DeltaRequest) {
    this.log = log
    this.type = type
    this.request = request
  }

  /** Follows it. */
  *steps(): Generator<void> {
    let log: ClassLog
    do {
      log = this.log
      if (this.request.subscribe.includes('*')) yield* log.preparation(this.type, true, NONE) ?? []
      let portion = new Set<string>()
      for (const name of wantedBy(log, this.type, this.request)) {
        if (this.isOver || log !== this.log) break
        if (this.followed.has(name) || portion.add(name).size < AT_ONCE) continue
        this.follow(portion)
        portion = new Set()
        yield
      }
      if (!this.isOver && log === this.log) this.follow(portion)
    } while (!this.isOver && log !== this.log)
  }

  private follow(names: ReadonlySet<string>): void {
    const none = newInterest(this.type)
    this.log.track(this.type, {
      before: none,
      interest: none,
      added: [...names],
      dropped: NONE,
      asked: NONE,
      askedAll: false,
    })
    for (const name of names) this.followed.add(name)
  }

  /**
   * The request is taken: what is left of its change, without what is followed already and with what need not be.
   * Nothing of what was followed is this object's afterwards.
   */
  rest(change: InterestChange): InterestChange {
    this.isOver = true
    const added = change.added.filter((name) => !this.followed.delete(name))
    const dropped = [...change.dropped, ...this.followed]
    this.followed.clear()
    return { ...change, added, dropped }
  }

  /** The client belongs to another class from now on, which follows none of it yet. */
  move(to: ClassLog): void {
    for (const _ of this.release());
    this.isOver = false
    this.log = to
  }

  /** The client has gone before its request was taken; a portion of the names with each step. */
  *release(): Generator<void> {
    this.isOver = true
    const names = NameSet.of(this.followed)
    this.followed = new Set()
    yield* this.log.release(this.type, { ...newInterest(this.type), names })
  }
}

/** Whether what the client says of a type when it comes is followed before it is taken. */
export function isLong(log: ClassLog, type: ResourceType, request: DeltaRequest): boolean {
  // Of authorities not all are followed.
  if (type === 'vhds' || request.subscribe.length + request.initialVersions.size <= FEW) return false
  if (request.initialVersions.size === 0) return false
  const known = log.of(type)
  let unread = 0
  for (const name of wantedBy(log, type, request)) if (!known.follows(name) && ++unread > FEW) return true
  return false
}

/** What the client will be subscribed to: what it asks for, and on demand the clusters that it holds. */
function* wantedBy(log: ClassLog, type: ResourceType, request: DeltaRequest): Generator<string> {
  const { onDemand } = log
  const isCluster = type === 'cds' && onDemand !== undefined
  const isWanted = (name: string) => name !== '*' && (!isCluster || onDemand.present(name) === name)
  for (const name of request.subscribe) if (isWanted(name)) yield name
  if (isCluster) for (const name of request.initialVersions.keys()) if (isWanted(name)) yield name
}
