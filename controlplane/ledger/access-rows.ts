import { type Database, rows, run, transact } from './database.ts'

const HOUR_MS = 3_600_000

/** Texts by key; undefined: it is gone. */
export type RowChanges = ReadonlyMap<string, string | undefined>

/**
 * Users, sessions and tokens as texts by key (`user/NAME`, `session/HASH`, `token/ID`), to be copied between control planes, and
 * what was copied last (`base`), which tells what changed here from what changed elsewhere.
 */
export class AccessRows {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Users, sessions and tokens as rows, by a key that says which; times of sessions to the hour. */
  read(): Map<string, string> {
    const all = new Map<string, string>()
    for (const { name, role, password, created } of rows<UserRow>(this.#db, 'select * from users'))
      all.set(`user/${name}`, JSON.stringify({ name, role, password, created }))
    // When it was last used, to the hour: one that is in use elsewhere must not be taken for idle here.
    for (const { hash, user, csrf, created, seen } of rows<SessionRow>(this.#db, 'select * from sessions'))
      all.set(`session/${hash}`, JSON.stringify({ hash, user, csrf, created, seen: seen - (seen % HOUR_MS) }))
    for (const { id, hash, name, user, role, created, expires } of rows<TokenRow>(this.#db, 'select * from tokens'))
      all.set(`token/${id}`, JSON.stringify({ id, hash, name, user, role, created, expires }))
    return all
  }

  /** The rows as all replicas had them last. */
  base(): Map<string, string> {
    return new Map(
      rows<{ key: string; row: string }>(this.#db, 'select key, row from access_base').map(({ key, row }) => [
        key,
        row,
      ]),
    )
  }

  /** Takes over what changed elsewhere, and notes what both sides have now: `here` and `agreed` together. */
  write(here: RowChanges, agreed: RowChanges): void {
    transact(this.#db, () => {
      // Users first: sessions and tokens refer to them.
      for (const key of [...here.keys()].sort((a, b) => rank(a) - rank(b))) this.#put(key, here.get(key))
      for (const [key, row] of [...here, ...agreed])
        if (row === undefined) run(this.#db, 'delete from access_base where key = ?', key)
        else run(this.#db, 'insert or replace into access_base (key, row) values (?, ?)', key, row)
    })
  }

  #put(key: string, text: string | undefined): void {
    const [kind, id] = [key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)]
    const column = { user: 'name', session: 'hash', token: 'id' }[kind]
    if (!column) return
    if (text === undefined) {
      run(this.#db, `delete from ${kind}s where ${column} = ?`, id)
      return
    }
    if (kind === 'user') {
      const { name, role, password, created } = JSON.parse(text) as UserRow
      run(
        this.#db,
        `insert into users (name, role, password, created) values (?, ?, ?, ?)
         on conflict (name) do update set role = excluded.role, password = excluded.password`,
        ...[name, role, password, created],
      )
      return
    }
    const { user } = JSON.parse(text) as { user: string | null }
    // Of a user who is gone by now.
    if (user !== null && rows(this.#db, 'select 1 from users where name = ?', user).length === 0) return
    if (kind === 'session') {
      const { hash, csrf, created, seen } = JSON.parse(text) as SessionRow
      run(
        this.#db,
        `insert into sessions (hash, user, csrf, created, seen) values (?, ?, ?, ?, ?)
         on conflict (hash) do update set seen = max(seen, excluded.seen)`,
        ...[hash, user, csrf, created, seen],
      )
    } else {
      const { hash, name, role, created, expires } = JSON.parse(text) as TokenRow
      run(
        this.#db,
        'insert or replace into tokens (id, hash, name, user, role, created, expires) values (?, ?, ?, ?, ?, ?, ?)',
        ...[id, hash, name, user, role, created, expires],
      )
    }
  }
}

interface UserRow {
  readonly name: string
  readonly role: string
  readonly password: string
  readonly created: number
}

interface SessionRow {
  readonly hash: string
  readonly user: string
  readonly csrf: string
  readonly created: number
  readonly seen: number
}

interface TokenRow {
  readonly id: string
  readonly hash: string
  readonly name: string
  readonly user: string | null
  readonly role: string
  readonly created: number
  readonly expires: number | null
}

function rank(key: string): number {
  return key.startsWith('user/') ? 0 : 1
}
