import type { Registry } from 'prom-client'
import type { ServiceFigures } from '../figures/index.ts'
import type { LiveConfig } from '../live-config.ts'
import type { CompiledMesh } from '../mesh.ts'
import type { OnDemandMemory } from '../ondemand/index.ts'
import type { Reports } from '../reports/index.ts'
import type { Presence } from '../shared/index.ts'
import type { StatusBook } from '../status/book.ts'
import type { Editing, NoEditing } from './editing.ts'
import type { Sources } from './sources.ts'

/** What the API reads, and what it changes configuration with. */
export interface AdminContext {
  /** Version of meshgate. */
  readonly version: string
  /** Where proxies connect, `host:port`. */
  readonly xds?: string
  /** The folder of configuration as it was named. */
  readonly folder?: string
  readonly config: LiveConfig
  readonly mesh: CompiledMesh
  readonly metrics: Registry
  /** Who is connected. */
  readonly status: StatusBook
  /** What proxies report besides; absent where nothing takes reports. */
  readonly reports?: Reports
  /** Traffic of services; absent where nothing tells it. */
  readonly figures?: ServiceFigures
  /** Registries; absent where there can be none. */
  readonly sources?: Sources
  /** What is remembered of proxies that get clusters on demand; absent where nothing is. */
  readonly memory?: OnDemandMemory
  /** What other replicas have; absent where there are none. */
  readonly presence?: Presence
  /** Absent where, or as long as, the configuration cannot be changed. */
  readonly editing?: Editing | undefined
  /** Why it is absent, where that is known. */
  readonly noEditing?: NoEditing | undefined
}
