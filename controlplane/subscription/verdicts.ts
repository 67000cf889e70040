import type { ResourceType } from '../../proto/types.ts'
import type { Resource } from '../xds/resource.ts'

/** A response as the verdicts see it: what was in it and how many clients took it. */
export interface Batch {
  readonly type: ResourceType
  readonly upserts: readonly Resource[]
  /** Clients that accepted exactly this response. */
  readonly acks: number
}

/**
 * What the clients of one class have accepted and refused so far, and what follows from it for what may be sent. The
 * serving side asks; the answer is policy and lives elsewhere (see docs/decisions/nack.md).
 */
export interface Verdicts {
  /** Whether anything was refused; while false, nothing below changes any answer. */
  readonly any: boolean
  /** Every resource that was refused and not yet replaced or forgotten. */
  readonly refused: Iterable<Resource>
  /** What the class is to get in place of `compiled`, the newest version: the last accepted one, or nothing. */
  publishable(type: ResourceType, name: string, compiled: Resource | undefined): Resource | undefined
  /** The resource itself, or the version accepted before it if anybody refused it. */
  usable(resource: Resource): Resource | undefined
  /** Whether a resource of one of these types is served in an older version than the newest. */
  pinned(types: ReadonlySet<ResourceType>): boolean
  /** What this client is to get in place of `published`: the same, or what it had before it refused it, or nothing. */
  forClient(client: string, published: Resource): Resource | undefined
  /** Whether this client still refuses the newest version of some resource of these types. */
  refusing(client: string, types: ReadonlySet<ResourceType>): boolean
  /** Whether the machine of this client does not let it take something, whatever is under way about it. */
  isUnable(client: string): boolean
  /** What the machine of this client does not let it take may be sent to it once more. @returns the names of the listeners */
  offerAgain(client: string): readonly string[]
  /** The last version some client of the class accepted that is not this one. */
  lastAccepted(type: ResourceType, name: string, otherThan: string): Resource | undefined
  /** Whether some client of the class accepted exactly this version. */
  isAccepted(resource: Resource): boolean
  accepted(client: string, batch: Batch): void
  /** A reconnecting client says it holds this version. */
  holds(resource: Resource): void
  /** Nobody asks for this name any more, and it has changed or gone since: what was accepted under it need not be remembered for long. */
  unfollowed(type: ResourceType, name: string): void
  /**
   * Which resources of a refused batch are to blame: those the text names, or the only one that can be; empty when it cannot be told.
   * @param suspects those of the batch that the client has not accepted before
   */
  culprits(batch: Batch, error: string, suspects: readonly Resource[]): readonly Resource[]
  /**
   * These resources made the client refuse.
   * @param holders ids of the clients that have a resource in just this version
   * @returns those that the class goes on getting: no change will bring this client something else
   */
  blame(
    client: string,
    culprits: readonly Resource[],
    error: string,
    batch: Batch,
    holders: (resource: Resource) => Iterable<string>,
  ): readonly Resource[]
}
