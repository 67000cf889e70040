export { contentHash, type RevisionFilter } from './history.ts'
export { Ledger, type LedgerOptions } from './ledger.ts'
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
export { nameProblem } from './tree.ts'
