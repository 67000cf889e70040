import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Libsql from 'libsql'
import { makeStateFolder, STATE_FOLDER } from './database.ts'
import { storageError } from './storage-error.ts'

/** Who keeps the history of a folder. */
export interface Keeper {
  readonly pid: number
  /** Address of its API, once it listens. */
  readonly api?: string | undefined
}

/**
 * The right to keep the history of a folder and to write its files, for one process at a time: two would complete what the other is
 * in the middle of. The operating system gives it back when the process ends, however that happens.
 */
export class FolderLock {
  readonly #db: Libsql.Database

  readonly #about: string

  private constructor(db: Libsql.Database, about: string) {
    this.#db = db
    this.#about = about
  }

  /**
   * Takes the lock. Answers who has it if that is another process (`undefined` in place of its data when it has not told of itself),
   * and undefined where there can be no lock: the folder cannot be written to, and what opens the history says so.
   */
  static take(root: string, self: Keeper): FolderLock | { readonly keeper: Keeper | undefined } | undefined {
    const about = join(root, STATE_FOLDER, 'keeper.json')
    let db: Libsql.Database | undefined
    try {
      makeStateFolder(root)
      db = new Libsql(join(root, STATE_FOLDER, 'keeper.db'))
      db.exec('pragma busy_timeout = 0')
      // Held until the process ends: nothing is ever written in it.
      db.exec('begin exclusive')
    } catch (error) {
      db?.close()
      const storage = storageError(error)
      if (storage?.code === 'STORAGE_LOCKED') return { keeper: readKeeper(about) }
      if (storage) return undefined
      throw error
    }
    const lock = new FolderLock(db, about)
    lock.tell(self)
    return lock
  }

  /** Tells other processes who has the lock. */
  tell(self: Keeper): void {
    try {
      writeFileSync(this.#about, `${JSON.stringify(self)}\n`)
    } catch {
      // On a full disk the lock still holds; others are told less.
    }
  }

  release(): void {
    this.#db.close()
  }
}

function readKeeper(file: string): Keeper | undefined {
  try {
    const { pid, api } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Keeper>
    return typeof pid === 'number' ? { pid, api } : undefined
  } catch {
    // It is about to be written, or was removed: who has the lock is then not known, that somebody has it is.
    return undefined
  }
}
