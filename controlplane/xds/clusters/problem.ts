import type { Origin } from '../../config/object.ts'

/** Why a cluster is not what its documents ask for; whoever compiles turns it into a diagnostic at the line of `origin`. */
export interface Problem {
  readonly code: string
  readonly severity: 'error' | 'warning'
  readonly message: string
  readonly hint: string
  readonly origin: Origin
}
