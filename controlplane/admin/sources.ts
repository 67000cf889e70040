import type { SourceState } from '../consul/index.ts'
import type { Drain } from './drain-advice.ts'

/** The registries the mesh reads beside its configuration. */
export interface Sources {
  /** Whether all names were read once, by this process or an earlier one. */
  readonly ready: boolean
  /** How each is doing. */
  states(): readonly SourceState[]
  /** How long a backend that left should go on serving. */
  drain(): Drain
  /** Believes what is held: all of it, or one thing by its name. Returns how many things that were. */
  confirm(what?: string): number
}
