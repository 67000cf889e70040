/** Where a revision came from: the API, an edit of the files by hand, a rollback, or a rule whose time was up. */
export type RevisionSource = 'api' | 'files' | 'rollback' | 'expiry'

export const REVISION_SOURCES: readonly RevisionSource[] = ['api', 'files', 'rollback', 'expiry']

/** A step in the history of the configuration. Revisions are numbered without gaps, in the order they came into force. */
export interface Revision {
  readonly id: number
  /** The one before; undefined for the first one that is kept. */
  readonly parent: number | undefined
  /** ms since 1970. */
  readonly at: number
  /** Name of a user or of a token, `files` for edits by hand. */
  readonly who: string
  readonly why: string
  readonly source: RevisionSource
  /** The revision a rollback went back to, or took back. */
  readonly refers: number | undefined
  readonly files: readonly ChangedFile[]
}

/** Hashes of a file's bytes before and after a revision; undefined where there was no such file. */
export interface ChangedFile {
  readonly file: string
  readonly before: string | undefined
  readonly after: string | undefined
}

/** A file as the newest revision has it. */
export interface LedgerFile {
  readonly file: string
  readonly hash: string
  /** The newest revision that changed it. */
  readonly revision: number
}

/** What to do to a file; without bytes it is deleted. */
export interface FileChange {
  readonly file: string
  readonly bytes: Uint8Array | undefined
}

/** Somebody else changed files in between: they do not have the content the change was made for. */
export class ConflictError extends Error {
  override name = 'ConflictError'
  readonly files: readonly string[]

  constructor(files: readonly string[]) {
    super(`changed in the meantime: ${files.join(', ')}`)
    this.files = files
  }
}

/** A file may not be written; the message says why. */
export class FileRefusedError extends Error {
  override name = 'FileRefusedError'
  readonly file: string

  constructor(file: string, reason: string) {
    super(`${JSON.stringify(file)}: ${reason}`)
    this.file = file
  }
}
