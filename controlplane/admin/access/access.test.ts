import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type TestApi, testApi } from '../testing.ts'

const TEXT = '# a\n'
const CHANGES = [{ file: 'a.yaml', text: '# b\n' }]
const PASSWORD = 'correct horse'

let api: TestApi
beforeEach(async () => {
  api = await testApi({ 'a.yaml': TEXT })
  for (const role of ['viewer', 'editor', 'admin'] as const) await api.editing.accounts.add(role, role, PASSWORD)
})
afterEach(() => api.stop())

type Headers = Record<string, string>
const call = (method: 'GET' | 'POST' | 'DELETE', url: string, headers: Headers = {}, payload?: object) =>
  api.app.inject({ method, url, headers: { host: 'localhost', ...headers }, ...(payload ? { payload } : {}) })

async function login(user: string, headers: Headers = {}) {
  const answer = await call('POST', '/api/v1/login', headers, { user, password: PASSWORD })
  const setCookie = String(answer.headers['set-cookie'])
  const cookie = setCookie.split(';')[0]!
  return { answer, setCookie, cookie, headers: { cookie, 'x-csrf-token': answer.json().csrf as string } }
}

async function token(user: string, role: string) {
  const { headers } = await login(user)
  const answer = await call('POST', '/api/v1/tokens', headers, { name: 'ci', role })
  const { secret, token: made } = answer.json()
  return { answer, id: made?.id as string, headers: { authorization: `Bearer ${secret}` } }
}

const plan = async (headers: Headers) =>
  (await call('POST', '/api/v1/plan', headers, { changes: CHANGES })).json().plan as string
const apply = (headers: Headers, hash: string) =>
  call('POST', '/api/v1/apply', headers, { base: 1, changes: CHANGES, plan: hash, reason: 'x' })

describe('what runs on this machine', () => {
  const mesh = (port: number, command: string) =>
    `apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {httpPort: ${port}, processes: [{name: demo, command: [${command}]}]}\n`
  const protocol = (module: string) =>
    `apiVersion: meshgate.io/v1\nkind: Protocol\nmetadata: {name: mine}\nspec: {module: ${module}, fields: {verb: {}}}\n`
  const write = async (user: string, changes: readonly { file: string; text: string }[]) => {
    const { headers } = await login(user)
    const { plan: hash } = (await call('POST', '/api/v1/plan', headers, { changes })).json()
    const base = api.editing.changes.ledger.head
    return call('POST', '/api/v1/apply', headers, { base, changes, plan: hash, reason: 'x' })
  }

  test.each([
    ['a program of the Mesh document', { file: 'mesh.yaml', text: mesh(15_080, 'sh') }],
    ['code of a Protocol document', { file: 'p.yaml', text: protocol('./x.js') }],
  ])('%s is for admins', async (_, change) => {
    const refused = await write('editor', [change])
    expect(refused.statusCode).toBe(403)
    expect(refused.json()).toMatchObject({ code: 'ROLE_NEEDED' })
    expect((await write('admin', [change])).statusCode).toBe(200)
  })

  test('the rest of the Mesh document, also in another file, is for editors', async () => {
    await write('admin', [{ file: 'mesh.yaml', text: mesh(15_080, 'sh') }])
    expect((await write('editor', [{ file: 'mesh.yaml', text: mesh(15_081, 'sh') }])).statusCode).toBe(200)
    const moved = [
      { file: 'mesh.yaml', text: '' },
      { file: 'other.yaml', text: mesh(15_081, 'sh') },
    ]
    expect((await write('editor', moved)).statusCode).toBe(200)
    expect((await write('editor', [{ file: 'other.yaml', text: mesh(15_081, 'bash') }])).statusCode).toBe(403)
  })
})

test('a caller that goes before it is answered stands in the audit with its address, and keeps nobody from being written', async () => {
  const { headers } = await token('editor', 'editor')
  await api.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = api.app.server.address() as AddressInfo
  const body = JSON.stringify({ base: 1, changes: CHANGES, plan: await plan(headers), reason: 'x' })
  const sent = httpRequest({
    ...{ host: '127.0.0.1', port, method: 'POST', path: '/api/v1/apply' },
    headers: { ...headers, 'content-type': 'application/json', 'content-length': body.length },
  })
  sent.on('error', () => {})
  const { ledger } = api.editing.changes
  const { apply: write } = ledger
  vi.spyOn(ledger, 'apply').mockImplementationOnce(async (...args) => {
    sent.destroy()
    const open = () => new Promise((resolve) => api.app.server.getConnections((_, count) => resolve(count)))
    await expect.poll(open).toBe(0)
    return write.apply(ledger, args)
  })
  sent.end(body)
  const audit = () => api.editing.audit.entries(10).filter(({ action }) => action.endsWith('/apply'))
  await expect.poll(audit).toMatchObject([{ who: 'editor/ci', peer: '127.0.0.1' }])
  const next = [{ file: 'a.yaml', text: '# c\n' }]
  const { plan: hash } = (await call('POST', '/api/v1/plan', headers, { changes: next })).json()
  const answer = await call('POST', '/api/v1/apply', headers, {
    base: ledger.head,
    changes: next,
    plan: hash,
    reason: 'y',
  })
  expect(answer.statusCode).toBe(200)
})

describe('roles', () => {
  const routes = [
    ['GET', '/api/v1/documents', 'viewer'],
    ['GET', '/api/v1/documents/a.yaml', 'viewer'],
    ['GET', '/api/v1/revisions', 'viewer'],
    ['GET', '/api/v1/revisions/1', 'viewer'],
    ['GET', '/api/v1/revisions/1/diff', 'viewer'],
    ['GET', '/api/v1/revisions/1/convergence', 'viewer'],
    ['GET', '/api/v1/services', 'viewer'],
    ['GET', '/api/v1/session', 'viewer'],
    ['GET', '/api/v1/tokens', 'viewer'],
    ['GET', '/metrics', 'viewer'],
    ['GET', '/openapi.json', 'viewer'],
    ['POST', '/api/v1/plan', 'viewer'],
    ['POST', '/api/v1/analyze', 'viewer'],
    ['POST', '/api/v1/apply', 'editor'],
    ['POST', '/api/v1/rollback', 'editor'],
    ['GET', '/api/v1/audit', 'admin'],
  ] as const
  const ranks = ['nobody', 'viewer', 'editor', 'admin'] as const

  test.each(routes)('%s %s needs %s', async (method, url, needed) => {
    for (const who of ranks) {
      const headers: Headers = who === 'nobody' ? {} : (await login(who)).headers
      const { statusCode } = await call(method, url, headers, method === 'POST' ? {} : undefined)
      const allowed = ranks.indexOf(who) >= ranks.indexOf(needed)
      if (allowed) expect([401, 403], `${who}: ${statusCode}`).not.toContain(statusCode)
      else expect(statusCode, who).toBe(who === 'nobody' ? 401 : 403)
    }
  })

  test('health needs nobody', async () => {
    expect((await call('GET', '/healthz/live')).statusCode).toBe(200)
  })
})

describe('sessions', () => {
  test('the cookie is out of reach for scripts and other sites', async () => {
    const { setCookie, headers } = await login('editor')
    expect(setCookie).toMatch(/^meshgate_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
    expect((await call('GET', '/api/v1/session', headers)).json()).toMatchObject({ user: 'editor', role: 'editor' })
  })

  test('logging out ends them', async () => {
    const { headers } = await login('editor')
    expect((await call('POST', '/api/v1/logout', headers)).statusCode).toBe(200)
    expect((await call('GET', '/api/v1/documents', headers)).statusCode).toBe(401)
  })

  test('a secret is never taken over from a client (fixation), and the old session ends', async () => {
    const planted = 'meshgate_session=planted-by-somebody'
    const first = await login('editor', { cookie: planted })
    expect(first.cookie).not.toBe(planted)
    expect((await call('GET', '/api/v1/documents', { cookie: planted })).statusCode).toBe(401)
    const second = await login('admin', { cookie: first.cookie })
    expect(second.cookie).not.toBe(first.cookie)
    expect((await call('GET', '/api/v1/documents', { cookie: first.cookie })).statusCode).toBe(401)
  })

  test('end when the user goes or gets a new password', async () => {
    const { headers } = await login('editor')
    const other = await login('viewer')
    await api.editing.accounts.setPassword('editor', 'another password')
    api.editing.accounts.remove('viewer')
    expect((await call('GET', '/api/v1/documents', headers)).statusCode).toBe(401)
    expect((await call('GET', '/api/v1/documents', other.headers)).statusCode).toBe(401)
  })
})

describe('writes of a session', () => {
  test('need its CSRF token', async () => {
    const { cookie, headers } = await login('editor')
    const hash = await plan(headers)
    const other = await login('admin')
    for (const wrong of [{}, { 'x-csrf-token': 'x' }, { 'x-csrf-token': other.headers['x-csrf-token'] }]) {
      const answer = await apply({ cookie, ...wrong } as Headers, hash)
      expect([answer.statusCode, answer.json().code]).toEqual([403, 'CSRF'])
    }
    expect((await apply(headers, hash)).statusCode).toBe(200)
  })

  test('do not come from another origin, whatever they carry', async () => {
    const { headers } = await login('editor')
    const hash = await plan(headers)
    for (const from of [{ origin: 'http://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }])
      expect((await apply({ ...headers, ...from } as Headers, hash)).json().code).toBe('WRONG_ORIGIN')
  })
})

describe('tokens', () => {
  test('write without a cookie, in the name of their user', async () => {
    const { headers } = await token('editor', 'editor')
    const answer = await apply(headers, await plan(headers))
    expect(answer.json()).toMatchObject({ who: 'editor/ci' })
  })

  test('revoked, wrong, or of a user that is gone: refused at once, a valid cookie beside or not', async () => {
    const one = await token('editor', 'editor')
    const { headers } = await login('editor')
    expect((await call('DELETE', `/api/v1/tokens/${one.id}`, headers)).statusCode).toBe(200)
    expect((await call('GET', '/api/v1/documents', one.headers)).statusCode).toBe(401)
    expect((await call('GET', '/api/v1/documents', { ...headers, ...one.headers })).statusCode).toBe(401)
    const two = await token('editor', 'viewer')
    api.editing.accounts.remove('editor')
    expect((await call('GET', '/api/v1/documents', two.headers)).statusCode).toBe(401)
    expect((await call('GET', '/api/v1/documents', { authorization: 'Basic YTpi' })).statusCode).toBe(401)
  })

  test('give no more than their user has, and make no further tokens', async () => {
    expect((await token('editor', 'admin')).answer.statusCode).toBe(403)
    const { headers } = await token('admin', 'admin')
    expect((await call('POST', '/api/v1/tokens', headers, { name: 'x', role: 'viewer' })).statusCode).toBe(403)
  })

  test('of others are not seen', async () => {
    const { id } = await token('admin', 'admin')
    const { headers } = await login('editor')
    expect((await call('GET', '/api/v1/tokens', headers)).json()).toEqual({ tokens: [] })
    expect((await call('DELETE', `/api/v1/tokens/${id}`, headers)).statusCode).toBe(404)
  })
})

test('guessing passwords is slowed down, for unknown users as well, and all at once as well', async () => {
  const guess = (user: string) => call('POST', '/api/v1/login', {}, { user, password: 'wrong guess' })
  for (const user of ['editor', 'nobody']) {
    const answers = await Promise.all(Array.from({ length: 9 }, () => guess(user)))
    const codes = answers.map(({ statusCode }) => statusCode)
    expect(codes.filter((code) => code === 401)).toHaveLength(5)
    expect(codes.filter((code) => code === 429)).toHaveLength(4)
    expect(Number(answers.at(-1)!.headers['retry-after'])).toBeGreaterThan(200)
  }
  // The right password has to wait, too; another user does not.
  expect((await login('editor')).answer.statusCode).toBe(429)
  expect((await login('viewer')).answer.statusCode).toBe(200)
})

test('every write and refusal is in the audit, equal refusals once with their number', async () => {
  const { headers } = await login('editor')
  await apply(headers, await plan(headers))
  for (let time = 0; time < 3; time++) await call('POST', '/api/v1/apply', {}, {})
  const admin = await login('admin')
  const { entries } = (await call('GET', '/api/v1/audit', admin.headers)).json()
  const facts = entries.map(({ who, action, outcome, times }: Record<string, unknown>) => [who, action, outcome, times])
  expect(facts).toContainEqual(['editor', 'POST /api/v1/apply', 'done', 1])
  expect(facts).toContainEqual(['', 'POST /api/v1/apply', 'refused', 3])
  expect(facts).toContainEqual(['editor', 'POST /api/v1/login', 'done', 1])
  expect(JSON.stringify(entries)).not.toContain(PASSWORD)
})

describe('without users', () => {
  beforeEach(() => {
    for (const { name } of api.editing.accounts.users()) api.editing.accounts.remove(name)
  })

  test('loopback is open for reading and writing, private keys and the audit excepted', async () => {
    expect((await apply({}, await plan({}))).json()).toMatchObject({ who: 'local' })
    expect((await call('GET', '/api/v1/audit')).statusCode).toBe(403)
    expect((await apply({ 'sec-fetch-site': 'cross-site' }, 'x')).statusCode).toBe(403)
  })

  test('any other address is closed', async () => {
    await api.stop()
    api = await testApi({ 'a.yaml': TEXT }, { loopback: false })
    const answer = await call('GET', '/api/v1/documents')
    expect([answer.statusCode, answer.json().message]).toEqual([401, expect.stringMatching(/meshgate user add/)])
  })
})

test('events arrive as they happen, and those missed are sent again', async () => {
  for (const { name } of api.editing.accounts.users()) api.editing.accounts.remove(name)
  await api.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = api.app.server.address() as AddressInfo
  /** Reads events until one of the given type has come. */
  const until = (type: string, headers: Headers = {}) =>
    new Promise<string>((resolve, reject) => {
      const request = httpRequest({ host: '127.0.0.1', port, path: '/api/v1/events', headers }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
          if (!text.includes(`event: ${type}\n`) || !text.endsWith('\n\n')) return
          request.destroy()
          resolve(text)
        })
      })
      request.on('error', reject)
      request.end()
    })
  const first = until('revision')
  while (api.editing.changes.events.clients === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await apply({}, await plan({}))
  const id = /id: (\S+)\nevent: revision\n/.exec(await first)![1]!
  await api.editing.changes.ledger.apply([{ file: 'c.yaml', bytes: Buffer.from('#') }], {
    ...{ who: 'x', why: '', source: 'api', expected: new Map() },
  })
  expect(await until('revision', { 'last-event-id': id })).toContain('"files":["c.yaml"]')
  expect(await until('resync', { 'last-event-id': 'other-17' })).toMatch(/event: resync/)
})
