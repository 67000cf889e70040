import { accessSync, chmodSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Libsql from 'libsql'
import { StorageError, storageError } from './storage-error.ts'

export type Database = Libsql.Database
export type Value = string | number | bigint | null | Uint8Array

/** The folder for what the control plane keeps about a folder of configuration; hidden, so that it is not read as one. */
export const STATE_FOLDER = '.meshgate'

/** Statements that lead from each version of the layout to the next. Never edit one that was released: add another. */
const STEPS: readonly string[] = [
  `
  create table blobs (hash text primary key, bytes blob not null) without rowid;
  create table revisions (
    id integer primary key, parent integer, at integer not null, who text not null, why text not null,
    source text not null, state text not null, refers integer
  );
  create table changes (
    revision integer not null references revisions (id) on delete cascade,
    file text not null, before text, after text, primary key (revision, file)
  ) without rowid;
  create index changes_by_file on changes (file, revision);
  create index changes_by_before on changes (before);
  create index changes_by_after on changes (after);
  create table files (file text primary key, hash text not null, revision integer not null) without rowid;
  create index files_by_hash on files (hash);

  create table users (name text primary key, role text not null, password text not null, created integer not null) without rowid;
  create table sessions (
    hash text primary key, user text not null references users (name) on delete cascade,
    csrf text not null, created integer not null, seen integer not null
  ) without rowid;
  create table tokens (
    id text primary key, hash text not null, name text not null, user text references users (name) on delete cascade,
    role text not null, created integer not null, expires integer
  ) without rowid;
  create table audit (
    id integer primary key, at integer not null, who text not null, peer text not null, action text not null,
    outcome text not null, detail text not null, times integer not null
  );
  `,
  `
  create table origin (id integer primary key check (id = 1), note text not null);
  `,
  `
  create table access_base (key text primary key, row text not null) without rowid;
  `,
  `
  create table figures (revision integer primary key references revisions (id) on delete cascade, figures text not null);
  `,
]

/** How long a command waits for a lock that another process has, ms. */
const COMMAND_WAIT_MS = 10_000
/** The same for a process that serves: nothing else happens in it meanwhile. */
const SERVER_WAIT_MS = 20
/** How long `patiently` goes on asking, ms. */
const PATIENCE_MS = 10_000

/** The file of the database of a folder. */
export const databasePath = (root: string): string => join(root, STATE_FOLDER, 'ledger.db')

/**
 * Opens the database of a folder of configuration, and makes it first when there is none. Readable by its owner only: texts of
 * configuration may hold private keys. Several processes may have it open.
 * @param waitMs how long each use of it waits, doing nothing else, for another process that has it locked
 * @throws StorageError when it cannot be opened; Error when it was made by a newer meshgate
 */
export function openDatabase(root: string, waitMs = COMMAND_WAIT_MS): Database {
  try {
    return open(root, waitMs)
  } catch (error) {
    throw storageError(error) ?? error
  }
}

/** The same for a process that serves: a lock is waited for without keeping anybody else waiting. */
export function openDatabaseForServer(root: string): Promise<Database> {
  return patiently(() => openDatabase(root, SERVER_WAIT_MS))
}

/** Tries again, for ten seconds, as long as another process has the database locked; this process does other things meanwhile. */
export async function patiently<Result>(work: () => Result): Promise<Result> {
  const until = performance.now() + PATIENCE_MS
  for (let waitMs = 10; ; waitMs = Math.min(waitMs * 2, 200)) {
    try {
      return work()
    } catch (error) {
      const locked = error instanceof StorageError && error.code === 'STORAGE_LOCKED'
      if (!locked || performance.now() + waitMs > until) throw error
    }
    await sleep(waitMs)
  }
}

/** Makes the folder for what is kept about a folder of configuration, for its owner only. */
export function makeStateFolder(root: string): void {
  const folder = join(root, STATE_FOLDER)
  // On a file system without writing, making a folder fails with a reason that misleads.
  if (!existsSync(folder)) accessSync(root, constants.W_OK)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const ignore = join(folder, '.gitignore')
  if (!existsSync(ignore)) writeFileSync(ignore, '*\n')
}

function open(root: string, waitMs: number): Database {
  makeStateFolder(root)
  const path = databasePath(root)
  const db = new Libsql(path)
  try {
    db.exec(`pragma busy_timeout = ${waitMs}`)
    db.exec('pragma journal_mode = wal')
    // Everything that was acknowledged survives a power cut, too.
    db.exec('pragma synchronous = full')
    db.exec('pragma foreign_keys = on')
    chmodSync(path, 0o600)
    migrate(db, path)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function migrate(db: Database, path: string): void {
  transact(db, () => {
    const [{ user_version: version } = { user_version: 0 }] = rows<{ user_version: number }>(db, 'pragma user_version')
    if (version > STEPS.length)
      throw new Error(`${path} was made by a newer meshgate (layout ${version}, this one knows ${STEPS.length})`)
    for (const step of STEPS.slice(version)) db.exec(step)
    db.exec(`pragma user_version = ${STEPS.length}`)
  })
}

/** All rows of a query. Numbers are numbers, blobs are ArrayBuffers, absent values null. */
export function rows<Row>(db: Database, sql: string, ...values: Value[]): Row[] {
  return stored(() => db.prepare(sql).all(...values) as Row[])
}

/** The first row of a query. */
export function row<Row>(db: Database, sql: string, ...values: Value[]): Row | undefined {
  return rows<Row>(db, sql, ...values)[0]
}

/**
 * Runs a statement; answers how many rows it changed. Always in a transaction: a statement that met a lock by itself stays under way
 * until its object is collected, and no transaction can be ended before.
 */
export function run(db: Database, sql: string, ...values: Value[]): number {
  const work = () => stored(() => db.prepare(sql).run(...values).changes)
  return db.inTransaction ? work() : transact(db, work)
}

/** Runs a statement for each of many rows of values, inside of a transaction: it is prepared once. */
export function runEach(db: Database, sql: string, values: readonly (readonly Value[])[]): void {
  if (values.length === 0) return
  stored(() => {
    const statement = db.prepare(sql)
    for (const one of values) statement.run(...one)
  })
}

/** All or nothing. Takes the write lock at once, so that what is read inside stays true until the end. @throws StorageError */
export function transact<Result>(db: Database, work: () => Result): Result {
  return stored(() => {
    db.exec('begin immediate')
    try {
      const result = work()
      db.exec('commit')
      return result
    } catch (error) {
      // Some failures, a full disk among them, have taken everything back already.
      if (db.inTransaction) db.exec('rollback')
      throw error
    }
  })
}

function stored<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw storageError(error) ?? error
  }
}
