export { AccessRows, type RowChanges } from './access-rows.ts'
export { Accounts, ROLES, type Role, type Session, type Token, type User } from './accounts.ts'
export { Audit, type AuditEntry } from './audit.ts'
export { type Database, databasePath, openDatabase, openDatabaseForServer, STATE_FOLDER } from './database.ts'
export { FolderLock, type Keeper } from './folder-lock.ts'
export { FollowedLedger } from './followed.ts'
export { contentHash, History, type RevisionFilter } from './history.ts'
export { Ledger, type LedgerOptions } from './ledger.ts'
export { RecordedLedger } from './recorded.ts'
export { type ReplacedFile, replacedSince } from './replaced.ts'
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
export type { ApplyOptions, ReadOnlyReason, RevisionLedger } from './revision-ledger.ts'
export { type StorageCode, StorageError, storageError } from './storage-error.ts'
export { nameProblem } from './tree.ts'
