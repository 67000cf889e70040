import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { type Database, row, rows, run, transact } from './database.ts'
import { StorageError } from './storage-error.ts'

/** viewer: reads. editor: changes configuration. admin: sees secrets and manages tokens of others as well. */
export type Role = 'viewer' | 'editor' | 'admin'

export const ROLES: readonly Role[] = ['viewer', 'editor', 'admin']

export interface User {
  readonly name: string
  readonly role: Role
  /** ms since 1970. */
  readonly created: number
}

export interface Session {
  readonly user: User
  /** To be sent along with every write. */
  readonly csrf: string
}

/** A secret of a script. */
export interface Token {
  readonly id: string
  readonly name: string
  readonly user: string | undefined
  readonly role: Role
  readonly created: number
  /** ms since 1970; undefined for never. */
  readonly expires: number | undefined
}

const SESSION_IDLE_MS = 12 * 3_600_000
const SESSION_MS = 7 * 24 * 3_600_000
/** Rounds of scrypt for a new password, with 8 blocks: 32 MiB, a tenth of a second. */
const ROUNDS = 2 ** 15
const SHORTEST_PASSWORD = 8
const LONGEST_PASSWORD = 1_024

/** Users, their sessions and tokens. Only hashes of secrets are kept. Several processes may change it at the same time. */
export class Accounts {
  readonly #db: Database
  readonly #now: () => number
  readonly #rounds: number
  /** Until then no use of a session is noted. */
  #noteFrom = 0
  /** For names nobody has, so that they take as long as others to be refused. */
  readonly #nobody = randomBytes(48).toString('base64')

  /** `rounds` is the cost of a new password, a power of two; only tests need another. */
  constructor(db: Database, { now = Date.now, rounds = ROUNDS }: { now?: () => number; rounds?: number } = {}) {
    this.#db = db
    this.#now = now
    this.#rounds = rounds
  }

  users(): readonly User[] {
    return rows<User>(this.#db, 'select name, role, created from users order by name')
  }

  user(name: string): User | undefined {
    return row<User>(this.#db, 'select name, role, created from users where name = ?', name)
  }

  /** @throws RangeError when name or password cannot be used, or the name is taken. */
  async add(name: string, role: Role, password: string): Promise<void> {
    if (!/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/.test(name))
      throw new RangeError('a user name consists of up to 64 letters, digits and ._@-, a letter or digit first')
    if (name === 'files') throw new RangeError('"files" stands for edits by hand; choose another name')
    const hash = await hashPassword(password, this.#rounds)
    const added = run(
      this.#db,
      'insert or ignore into users (name, role, password, created) values (?, ?, ?, ?)',
      ...[name, role, hash, this.#now()],
    )
    if (added === 0) throw new RangeError(`there is a user ${name} already`)
  }

  /** Ends the user's sessions and tokens, too. Answers whether there was one. */
  remove(name: string): boolean {
    return transact(this.#db, () => {
      this.#end(name)
      run(this.#db, 'delete from tokens where user = ?', name)
      return run(this.#db, 'delete from users where name = ?', name) > 0
    })
  }

  /** Sets a new password and ends all sessions and tokens. Answers whether there is such a user. @throws RangeError */
  async setPassword(name: string, password: string): Promise<boolean> {
    const hash = await hashPassword(password, this.#rounds)
    return transact(this.#db, () => {
      this.#end(name)
      run(this.#db, 'delete from tokens where user = ?', name)
      return run(this.#db, 'update users set password = ? where name = ?', hash, name) > 0
    })
  }

  /** The user, when the password is right. Takes the same time when there is no such user. */
  async check(name: string, password: string): Promise<User | undefined> {
    const found = row<{ password: string }>(this.#db, 'select password from users where name = ?', name)
    const right = await matches(
      password.slice(0, LONGEST_PASSWORD + 1),
      found?.password ?? `scrypt$${this.#rounds}$x$${this.#nobody}`,
    )
    return found && right ? this.user(name) : undefined
  }

  /** A new session; its secret is known to nobody else and never chosen by a client. */
  open(user: string): { readonly secret: string; readonly csrf: string } {
    const secret = randomBytes(32).toString('base64url')
    const csrf = randomBytes(32).toString('base64url')
    const now = this.#now()
    run(this.#db, 'delete from sessions where seen < ? or created < ?', now - SESSION_IDLE_MS, now - SESSION_MS)
    run(
      this.#db,
      'insert into sessions (hash, user, csrf, created, seen) values (?, ?, ?, ?, ?)',
      ...[digest(secret), user, csrf, now, now],
    )
    return { secret, csrf }
  }

  /** The session of a secret, and that it was used; undefined when there is none, it idled too long or is too old. */
  session(secret: string): Session | undefined {
    const hash = digest(secret)
    const now = this.#now()
    const found = row<{ user: string; csrf: string; seen: number }>(
      this.#db,
      'select user, csrf, seen from sessions where hash = ? and seen >= ? and created >= ?',
      ...[hash, now - SESSION_IDLE_MS, now - SESSION_MS],
    )
    const user = found && this.user(found.user)
    if (!user) return undefined
    // Once a minute is exact enough, and spares a write per request.
    if (now - found.seen > 60_000) this.#seen(hash, now)
    return { user, csrf: found.csrf }
  }

  /** Notes that a session is in use. Who reads needs no place on the disk for it: when it cannot be noted, the next minute may. */
  #seen(hash: string, now: number): void {
    if (now < this.#noteFrom) return
    try {
      run(this.#db, 'update sessions set seen = ? where hash = ?', now, hash)
    } catch (error) {
      if (!(error instanceof StorageError)) throw error
      this.#noteFrom = now + 60_000
    }
  }

  /** Ends a session; one that is not there is as good. */
  close(secret: string): void {
    run(this.#db, 'delete from sessions where hash = ?', digest(secret))
  }

  /** A new token; the secret is told this once. */
  issue(token: { name: string; user: string | undefined; role: Role; expires: number | undefined }): {
    readonly token: Token
    readonly secret: string
  } {
    const id = randomBytes(6).toString('hex')
    const secret = `mg_${id}_${randomBytes(32).toString('base64url')}`
    const created = this.#now()
    const { name, user, role, expires } = token
    run(
      this.#db,
      'insert into tokens (id, hash, name, user, role, created, expires) values (?, ?, ?, ?, ?, ?, ?)',
      ...[id, digest(secret), name, user ?? null, role, created, expires ?? null],
    )
    return { token: { id, name, user, role, created, expires }, secret }
  }

  tokens(): readonly Token[] {
    return rows<TokenRow>(this.#db, 'select * from tokens order by created').map(tokenOf)
  }

  /** Ends a token. @returns whether there was one */
  revoke(id: string): boolean {
    return run(this.#db, 'delete from tokens where id = ?', id) > 0
  }

  /** The token with this secret, unless it has expired or was revoked. Its role is never more than its user's is now. */
  token(secret: string): Token | undefined {
    const found = row<TokenRow>(this.#db, 'select * from tokens where hash = ?', digest(secret))
    if (!found || (found.expires !== null && found.expires <= this.#now())) return undefined
    const token = tokenOf(found)
    const user = token.user === undefined ? undefined : this.user(token.user)
    return user && ROLES.indexOf(user.role) < ROLES.indexOf(token.role) ? { ...token, role: user.role } : token
  }

  #end(user: string): void {
    run(this.#db, 'delete from sessions where user = ?', user)
  }
}

interface TokenRow {
  readonly id: string
  readonly name: string
  readonly user: string | null
  readonly role: Role
  readonly created: number
  readonly expires: number | null
}

function tokenOf({ id, name, user, role, created, expires }: TokenRow): Token {
  return { id, name, user: user ?? undefined, role, created, expires: expires ?? undefined }
}

function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

async function hashPassword(password: string, rounds: number): Promise<string> {
  if (password.length < SHORTEST_PASSWORD)
    throw new RangeError(`a password has ${SHORTEST_PASSWORD} characters at least`)
  if (password.length > LONGEST_PASSWORD) throw new RangeError(`a password has ${LONGEST_PASSWORD} characters at most`)
  const salt = randomBytes(16).toString('base64')
  return `scrypt$${rounds}$${salt}$${(await derive(password, salt, rounds)).toString('base64')}`
}

async function matches(password: string, hash: string): Promise<boolean> {
  const [, rounds, salt, key] = hash.split('$')
  const expected = Buffer.from(key!, 'base64')
  const given = await derive(password, salt!, Number(rounds))
  return expected.length === given.length && timingSafeEqual(expected, given)
}

function derive(password: string, salt: string, rounds: number): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    scrypt(password.normalize('NFC'), salt, 48, { N: rounds, r: 8, p: 1, maxmem: 256 * rounds * 8 }, (error, key) =>
      error ? reject(error) : resolve(key),
    ),
  )
}
