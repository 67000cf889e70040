import type { Registry } from 'prom-client'
import type { LiveConfig } from '../live-config.ts'
import type { CompiledMesh } from '../mesh.ts'
import type { StatusBook } from '../status/book.ts'

/** What the API reads. It changes nothing. */
export interface AdminContext {
  /** Version of meshgate. */
  readonly version: string
  readonly config: LiveConfig
  readonly mesh: CompiledMesh
  readonly metrics: Registry
  /** Who is connected. */
  readonly status: StatusBook
}
