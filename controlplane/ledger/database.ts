import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Libsql from 'libsql'

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
]

/**
 * Opens the database of a folder of configuration, and makes it first when there is none. Readable by its owner only: texts of
 * configuration may hold private keys. Several processes may have it open.
 * @throws Error when the folder cannot be written to or the database was made by a newer meshgate.
 */
export function openDatabase(root: string): Database {
  const folder = join(root, STATE_FOLDER)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const ignore = join(folder, '.gitignore')
  if (!existsSync(ignore)) writeFileSync(ignore, '*\n')
  const path = join(folder, 'ledger.db')
  const db = new Libsql(path)
  try {
    db.exec('pragma busy_timeout = 10000')
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
  return db.prepare(sql).all(...values) as Row[]
}

/** The first row of a query. */
export function row<Row>(db: Database, sql: string, ...values: Value[]): Row | undefined {
  return rows<Row>(db, sql, ...values)[0]
}

/** Runs a statement; answers how many rows it changed. */
export function run(db: Database, sql: string, ...values: Value[]): number {
  return db.prepare(sql).run(...values).changes
}

/** All or nothing. Takes the write lock at once, so that what is read inside stays true until the end. */
export function transact<Result>(db: Database, work: () => Result): Result {
  db.exec('begin immediate')
  try {
    const result = work()
    db.exec('commit')
    return result
  } catch (error) {
    db.exec('rollback')
    throw error
  }
}
