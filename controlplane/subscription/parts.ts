import type { ResourceType } from '../../proto/types.ts'
import type { ClassLog } from './class-log.ts'
import type { FrameOptions } from './frames.ts'
import type { WorkingSet } from './on-demand.ts'
import type { Form } from './request.ts'
import type { TypeState } from './type-state.ts'

export interface ClientOptions {
  /** Identifies the client over reconnects; what it refused is remembered under it. */
  readonly id: string
  readonly form: Form
  /** How long a type waits for the answers of those before it in the order, in ms. */
  readonly ackTimeoutMs: number
  /** How long its class waits with the next state for it to take the last one, in ms. */
  readonly paceMs: number
  /** How long a removal waits for the answers that show that nothing uses the resource, in ms. A refusal makes it wait on. */
  readonly removalTimeoutMs: number
  /** How long removals wait after a reconnect for the client to say what else it uses, in ms. */
  readonly settleMs: number
  readonly frames: FrameOptions
  /** Clusters that are updated, or removed, in one response to who gets them on demand, unless it asked for them. */
  readonly clustersAtOnce: number
  /** What is remembered of the workload the client belongs to. Default: nothing. */
  readonly workingSet?: WorkingSet
}

/** What the parts of one client share. */
export interface Parts {
  readonly options: ClientOptions
  readonly types: Partial<Record<ResourceType, TypeState>>
  /** Another one when the client moves to another class. */
  log: ClassLog
}
