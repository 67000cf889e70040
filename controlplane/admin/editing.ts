import type { Accounts, Audit } from '../ledger/index.ts'
import type { Changes } from './changes/changes.ts'

/** What the API needs to let people change the configuration. */
export interface Editing {
  readonly changes: Changes
  readonly accounts: Accounts
  readonly audit: Audit
  /** Whether the API can be reached from this machine only; then it is open as long as no users are defined. */
  readonly loopback: boolean
}

/** Why there is no `Editing`. */
export interface NoEditing {
  /** For the one who asks. */
  readonly reason: string
  /** Whether users may be defined who cannot be known: then nobody is let in. */
  readonly closed: boolean
}
