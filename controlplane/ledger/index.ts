export { AccessRows, type RowChanges } from './access-rows.ts'
export { Accounts, ROLES, type Role, type Session, SHORTEST_PASSWORD, type Token, type User } from './accounts.ts'
export { Audit, type AuditEntry } from './audit.ts'
export { type Database, openDatabase } from './database.ts'
export { contentHash, History, type RevisionFilter } from './history.ts'
export { Ledger, type LedgerOptions } from './ledger.ts'
export { RecordedLedger } from './recorded.ts'
export {
  type ChangedFile,
  ConflictError,
  type FileChange,
  FileRefusedError,
  type LedgerFile,
  REVISION_SOURCES,
  type Revision,
  type RevisionSource,
} from './revision.ts'
export type { ApplyOptions, RevisionLedger } from './revision-ledger.ts'
export { nameProblem } from './tree.ts'
