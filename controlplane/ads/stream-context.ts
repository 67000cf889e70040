import type { StatusBook } from '../status/book.ts'
import type { ClassLog } from '../subscription/class-log.ts'
import type { Client } from '../subscription/client.ts'
import type { FrameOptions } from '../subscription/frames.ts'
import type { WorkingSet } from '../subscription/on-demand.ts'
import type { Mesh, NodeInfo } from '../xds/resource.ts'
import type { Classes } from './classes.ts'
import type { Limits } from './limits.ts'
import type { Logger } from './logger.ts'
import type { AdsMetrics } from './metrics.ts'
import type { Preparations } from './preparations.ts'
import type { RefusalLog } from './refusal-log.ts'
import type { Turns } from './turns.ts'
import type { Warming } from './warming.ts'

/** A stream that waits for something, if only for its client to say something. */
interface Waiting {
  /** @param now ms */
  tick(now: number): void
}

/** What all streams of a server share. */
export interface StreamContext {
  readonly mesh: Mesh
  readonly classes: Classes
  readonly status: StatusBook
  readonly limits: Limits
  readonly frames: FrameOptions
  readonly logger: Logger
  readonly refusals: RefusalLog
  readonly metrics: AdsMetrics
  readonly now: () => number
  /** Streams to look after when time has passed. */
  readonly waiting: Set<Waiting>
  readonly warming: Warming
  /** What is remembered of the workload of a node. */
  readonly workingSets: ((node: NodeInfo) => WorkingSet) | undefined
  /** What classes compile for their first clients. */
  readonly preparations: Preparations<ClassLog>
  /** What is looked up for streams whose clients come back with very much. */
  readonly arrivals: Preparations<object>
  readonly turns: Turns
  /** `stream` is the number of one that ended. */
  closed(stream: number): void
  /** A client is gone whose names are to be let go of. */
  leaving(client: Client): void
  /** All streams together ask for more names that do not exist than may be. */
  crowded(): void
  /** A class can take the changes it held back. */
  ready(): void
}
