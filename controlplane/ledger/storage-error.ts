/**
 * Why the place of the history cannot be used. DISK_FULL: no room or no quota left. FOLDER_READ_ONLY: no right to write.
 * STORAGE_LOCKED: another process holds the database. STORAGE_DAMAGED: the database is none, or parts of it are lost.
 * STORAGE_GONE: it was removed or replaced under this process. STORAGE_FAILED: anything else the system says.
 */
export type StorageCode =
  | 'DISK_FULL'
  | 'FOLDER_READ_ONLY'
  | 'STORAGE_LOCKED'
  | 'STORAGE_DAMAGED'
  | 'STORAGE_GONE'
  | 'STORAGE_FAILED'

/** The history, the users or the files cannot be read or written. The message says what is wrong and what to do about it. */
export class StorageError extends Error {
  override name = 'StorageError'
  readonly code: StorageCode

  constructor(code: StorageCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.code = code
  }
}

/** What the operating system and SQLite (https://sqlite.org/rescode.html) call it. */
const CODES: readonly (readonly [pattern: RegExp, code: StorageCode])[] = [
  [/^(ENOSPC|EDQUOT|SQLITE_FULL)$/, 'DISK_FULL'],
  [/^(EROFS|EACCES|EPERM|SQLITE_READONLY.*|SQLITE_PERM|SQLITE_AUTH)$/, 'FOLDER_READ_ONLY'],
  [/^SQLITE_(BUSY|LOCKED|PROTOCOL)/, 'STORAGE_LOCKED'],
  [/^SQLITE_(CORRUPT|NOTADB)/, 'STORAGE_DAMAGED'],
]

const TEXTS: Readonly<Record<StorageCode, string>> = {
  DISK_FULL: 'no space is left on the disk of the configuration: make room and try again',
  FOLDER_READ_ONLY: 'the folder of the configuration cannot be written to: make it writable for meshgate and try again',
  STORAGE_LOCKED: 'another process keeps .meshgate/ledger.db locked: end it, or try again in a moment',
  STORAGE_DAMAGED:
    '.meshgate/ledger.db is damaged: stop meshgate, put back a copy of it or move it away, and start again (without it, history and users begin anew; the configuration itself is in its files)',
  STORAGE_FAILED: '.meshgate/ledger.db cannot be opened: see that it is a file which meshgate may read and write',
  STORAGE_GONE:
    '.meshgate/ledger.db was removed or replaced while meshgate runs: start meshgate again, so that nothing is written into a history nobody will find',
}

/** What a failure of the file system or the database means; undefined for a failure of anything else. */
export function storageError(error: unknown): StorageError | undefined {
  if (error instanceof StorageError) return error
  const { code, message, syscall } = error as NodeJS.ErrnoException
  // How the driver tells of a file that cannot be opened at all.
  if (message?.startsWith('ConnectionFailed(')) return new StorageError('STORAGE_FAILED', TEXTS.STORAGE_FAILED, error)
  if (typeof code !== 'string' || (syscall === undefined && !code.startsWith('SQLITE_'))) return undefined
  const [, known] = CODES.find(([pattern]) => pattern.test(code)) ?? []
  if (known && known !== 'STORAGE_FAILED') return new StorageError(known, TEXTS[known], error)
  return new StorageError('STORAGE_FAILED', `the configuration cannot be read or written: ${message}`, error)
}

/** The database is not the one that was opened any more. */
export const storageGone = () => new StorageError('STORAGE_GONE', TEXTS.STORAGE_GONE)
