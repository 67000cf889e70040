import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KvAccess } from '../../controlplane/consul/index.ts'
import { AccessRows, Accounts, type Database, openDatabase } from '../../controlplane/ledger/index.ts'
import { hasConsul, startConsul, type TestConsul } from '../helpers/consul.ts'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { startToxic } from '../helpers/toxic.ts'

/** Users, sessions and tokens of replicas on one real Consul. */

const PASSWORD = 'correct horse battery'

describe.skipIf(!(await hasConsul()))('users of replicas on one Consul', () => {
  let consul: TestConsul
  let folder: string
  let count = 0
  const open: { access: KvAccess; db: Database }[] = []

  beforeAll(async () => {
    folder = testFolder('test')
    consul = await startConsul()
  })
  afterAll(async () => {
    for (const { access, db } of open) {
      await access.stop()
      db.close()
    }
  })

  const replica = async (prefix: string, { url = consul.url, prepare = async (_: Accounts) => {} } = {}) => {
    const root = join(folder, `replica-${++count}`)
    mkdirSync(root)
    const db = openDatabase(root)
    const accounts = new Accounts(db, { rounds: 16 })
    await prepare(accounts)
    const warnings: string[] = []
    const log = { info: () => {}, warn: (_: object, message: string) => warnings.push(message) }
    const access = await KvAccess.start({ address: { url }, prefix, rows: new AccessRows(db), log, everyMs: 50 })
    open.push({ access, db })
    return { accounts, warnings, db }
  }
  const soon = <T>(look: () => T, value: T) => until(look, (seen) => JSON.stringify(seen) === JSON.stringify(value))

  it('who is added on one may log in on all; a session and a token of one are good on all, and end on all', async () => {
    const [a, b] = [await replica('t/one'), await replica('t/one')]
    await a.accounts.add('joe', 'editor', PASSWORD)
    await soon(() => b.accounts.user('joe')?.role, 'editor')
    expect(await b.accounts.check('joe', PASSWORD)).toMatchObject({ name: 'joe' })
    const session = b.accounts.open('joe')
    await soon(() => a.accounts.session(session.secret)?.csrf, session.csrf)
    const token = a.accounts.issue({ name: 'ci', user: 'joe', role: 'editor', expires: undefined })
    await soon(() => b.accounts.token(token.secret)?.name, 'ci')

    // One that is in use on a replica is not idle on the others.
    const seen = (db: Database) => (db.prepare('select seen from sessions').all() as { seen: number }[])[0]!.seen
    b.db.prepare('update sessions set seen = seen + 7200000').run()
    await until(
      () => seen(a.db),
      (at) => at > Date.now() + 3_600_000,
    )

    a.accounts.close(session.secret)
    await soon(() => b.accounts.session(session.secret), undefined)
    await b.accounts.setPassword('joe', 'another password')
    await soon(() => a.accounts.token(token.secret), undefined)
    await until(
      () => a.accounts.check('joe', 'another password'),
      (user) => user !== undefined,
    )
    b.accounts.remove('joe')
    await soon(() => a.accounts.users(), [])
    // What is kept in Consul is no secret in clear.
    const all = JSON.stringify(await consul.call('GET', '/v1/kv/t/one/access/?recurse'))
    expect(all).not.toContain(Buffer.from(PASSWORD).toString('base64').slice(0, 12))
  })

  it('a replica that joins takes over what is there and adds its own; its own user of the same name gives way', async () => {
    const a = await replica('t/join')
    await a.accounts.add('joe', 'admin', PASSWORD)
    const late = await until(
      () => consul.call('GET', '/v1/kv/t/join/access/?keys').then((keys) => keys as string[]),
      (keys) => keys.includes('t/join/access/user/joe'),
    ).then(() =>
      replica('t/join', {
        prepare: async (accounts) => {
          await accounts.add('joe', 'viewer', 'something else')
          await accounts.add('ann', 'viewer', PASSWORD)
        },
      }),
    )
    await soon(() => late.accounts.users().map(({ name, role }) => `${name} ${role}`), ['ann viewer', 'joe admin'])
    await soon(() => a.accounts.users().map(({ name }) => name), ['ann', 'joe'])
  })

  it('without Consul each goes on with what it knows; what changed meanwhile is exchanged afterwards', async () => {
    const toxic = await startToxic(consul.httpPort)
    const [a, b] = [await replica('t/away'), await replica('t/away', { url: toxic.url })]
    await a.accounts.add('joe', 'viewer', PASSWORD)
    await soon(() => b.accounts.users().length, 1)
    await toxic.set({ kind: 'down' }, true)
    await b.accounts.add('ann', 'viewer', PASSWORD)
    a.accounts.remove('joe')
    await until(
      () => b.warnings,
      (list) => list.length > 0,
    )
    expect(b.accounts.users().map(({ name }) => name)).toEqual(['ann', 'joe'])
    await toxic.set({ kind: 'none' }, true)
    for (const { accounts } of [a, b]) await soon(() => accounts.users().map(({ name }) => name), ['ann'])
  })

  it('a store that was wiped takes nobody away: without users the API would be open', async () => {
    const a = await replica('t/wiped')
    await a.accounts.add('joe', 'admin', PASSWORD)
    await until(
      () => consul.call('GET', '/v1/kv/t/wiped/access/?keys').then((keys) => keys as string[]),
      (keys) => keys.includes('t/wiped/access/user/joe'),
    )
    await consul.call('DELETE', '/v1/kv/t/wiped?recurse=true')
    await until(
      () => a.warnings,
      (list) => list.length > 0,
    )
    expect(a.accounts.users().map(({ name }) => name)).toEqual(['joe'])
    // Once the configuration is back, so are they.
    await consul.call('PUT', '/v1/kv/t/wiped/head', { revision: 1, manifest: '' })
    a.accounts.issue({ name: 'ci', user: 'joe', role: 'viewer', expires: undefined })
    await until(
      () => consul.call('GET', '/v1/kv/t/wiped/access/?keys').catch(() => []) as Promise<string[]>,
      (keys) => ['format', 'user/joe'].every((key) => keys.includes(`t/wiped/access/${key}`)),
    )
    expect(a.accounts.users().map(({ name }) => name)).toEqual(['joe'])
  })
})
