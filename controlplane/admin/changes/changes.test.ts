import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { eventually } from '../../../test/helpers/eventually.ts'
import { type TestApi, testApi } from '../testing.ts'

const RULES = `# split of reviews
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
    - route:
        - {destination: {host: reviews, subset: v1}, weight: 90}
        - {destination: {host: reviews, subset: v2}, weight: 10}
`
const SERVICES = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews.default.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 10.1.0.1, labels: {version: v1}}, {address: 10.1.0.2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
`
const SHIFTED = RULES.replace('weight: 90', 'weight: 75').replace('weight: 10', 'weight: 25')

let api: TestApi
beforeEach(async () => {
  api = await testApi({ 'rules.yaml': RULES, 'services.yaml': SERVICES })
})
afterEach(() => api.stop())

const onDisk = (file: string) => readFileSync(join(api.root, file), 'utf8')
const get = (url: string) => api.app.inject({ url, headers: { host: 'localhost' } })
const post = (url: string, payload: object) =>
  api.app.inject({ method: 'POST', url, headers: { host: 'localhost' }, payload })
const shift = [{ file: 'rules.yaml', text: SHIFTED }]

async function planAndApply(changes: object[], base = 1) {
  const plan = (await post('/api/v1/plan', { base, changes })).json()
  return post('/api/v1/apply', { base, changes, plan: plan.plan, reason: 'test' })
}

describe('documents', () => {
  test('are listed with their revision and objects, and read', async () => {
    const { revision, files } = (await get('/api/v1/documents')).json()
    expect(revision).toBe(1)
    expect(files).toMatchObject([
      { file: 'rules.yaml', revision: 1, writable: true, objects: ['VirtualService/default/reviews'] },
      { file: 'services.yaml', objects: ['ServiceEntry/default/reviews', 'DestinationRule/default/reviews'] },
    ])
    expect((await get('/api/v1/documents/rules.yaml')).json()).toMatchObject({ text: RULES, revision: 1 })
  })

  test.each(['..%2Fsecret.yaml', '%2Fetc%2Fpasswd', '.meshgate%2Fledger.db', 'a%00.yaml'])(
    'outside of the folder are not: %s',
    async (file) => {
      expect((await get(`/api/v1/documents/${file}`)).statusCode).toBe(400)
    },
  )

  test.each([
    'kind: List\nitems:\n- {kind: Secret, apiVersion: v1, metadata: {name: s}, stringData: {tls.key: hush}}\n',
    'apiVersion: v1\nkind: SecretList\nitems:\n- {metadata: {name: s}, stringData: {tls.key: hush}}\n',
  ])('with private keys in a List are withheld: %j', async (text) => {
    writeFileSync(join(api.root, 's.yaml'), text)
    await api.editing.changes.ledger.sync()
    const answer = await get('/api/v1/documents/s.yaml')
    expect(answer.json().withheld).toBe('secret')
    expect(answer.body).not.toContain('hush')
    const differs = await post('/api/v1/plan', { changes: [{ file: 's.yaml', text: 'x: 1\n' }] })
    expect(differs.body).not.toContain('hush')
  })

  test('with private keys are withheld, their differences as well', async () => {
    const text = 'apiVersion: v1\n"kind": "\\x53ecret"\nmetadata: {name: s}\nstringData: {tls.key: hush}\n'
    const { plan } = (await post('/api/v1/plan', { changes: [{ file: 's.yaml', text }] })).json()
    expect(plan).toMatch(/^[0-9a-f]{32}$/)
    writeFileSync(join(api.root, 's.yaml'), text)
    await api.editing.changes.ledger.sync()
    const answers = [
      await get('/api/v1/documents/s.yaml'),
      await get('/api/v1/revisions/2/diff'),
      await post('/api/v1/plan', { changes: [{ file: 's.yaml', text: 'x: 1\n' }] }),
      await post('/api/v1/plan', { base: 1, changes: [{ file: 's.yaml', text: 'x: 1\n' }] }),
    ]
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 409])
    for (const { body } of answers) expect(body).not.toContain('hush')
    expect(answers[0]!.json().withheld).toBe('secret')
  })
})

describe('plan', () => {
  test('tells the difference, what it means and what it touches, and changes nothing', async () => {
    const answer = await post('/api/v1/plan', { base: 1, changes: shift })
    const plan = answer.json()
    expect(answer.statusCode).toBe(200)
    expect(plan.files[0].diff).toContain('-        - {destination: {host: reviews, subset: v2}, weight: 10}\n')
    expect(plan.meaning).toMatchObject([
      { topic: 'weight', text: { en: 'reviews v1 90 % → 75 %', zh: 'reviews v1 90 % → 75 %' } },
      { topic: 'weight', text: { en: 'reviews v2 10 % → 25 %' }, place: { line: 10 }, danger: false },
    ])
    expect(plan).toMatchObject({ newErrors: [], services: ['reviews.default.svc.cluster.local'], proxies: [] })
    expect([onDisk('rules.yaml'), api.editing.changes.ledger.head]).toEqual([RULES, 1])
  })

  test('of an item of a List tells what that item does, and of a broken one its place', async () => {
    const [, rule = ''] = SERVICES.split('---\n')
    const other = rule.replace('{name: reviews}', '{name: other}').replace('host: reviews', 'host: other')
    const item = (text: string) => `- ${text.trimEnd().replaceAll('\n', '\n  ')}\n`
    const list = (weight: string) =>
      `apiVersion: v1\nkind: List\nitems:\n${item(RULES.replace(/^#.*\n/, '').replace('weight: 90', `weight: ${weight}`))}${item(other)}`
    const change = (text: string) => [{ file: 'rules.yaml', text }]
    writeFileSync(join(api.root, 'rules.yaml'), list('90'))
    await api.editing.changes.ledger.sync()
    await eventually(async () => {
      const { meaning } = (await post('/api/v1/plan', { changes: change(list('30')) })).json()
      expect(meaning).toMatchObject([
        { topic: 'weight', text: { en: 'reviews v1 90 % → 75 %' }, place: { line: 11 } },
        { topic: 'weight' },
      ])
    })
    const { newErrors } = (await post('/api/v1/plan', { changes: change(list('much')) })).json()
    expect(newErrors).toMatchObject([{ line: 11, path: 'spec.http[0].route[0].weight' }])
    expect(newErrors).toHaveLength(1)
  })

  test('tells new errors; apply then refuses', async () => {
    const changes = [{ file: 'rules.yaml', text: RULES.replace('weight: 90', 'weight: much') }]
    const plan = (await post('/api/v1/plan', { changes })).json()
    expect(plan.newErrors).toMatchObject([{ line: 9, severity: 'error' }])
    const applied = await planAndApply(changes)
    expect([applied.statusCode, applied.json().code]).toEqual([422, 'INVALID'])
    expect(onDisk('rules.yaml')).toBe(RULES)
  })

  test.each([
    [{}, 400],
    [{ changes: [] }, 400],
    [{ changes: [{ file: 'a.yaml' }] }, 400],
    [{ changes: [{ file: 'a.yaml', text: 'x: 1', delete: true }] }, 400],
    [{ changes: [{ file: '../a.yaml', text: 'x: 1' }] }, 400],
    [{ changes: shift, to: 1 }, 400],
    [{ changes: [...shift, ...shift] }, 400],
    [{ changes: [{ file: 'rules.yaml', text: RULES }] }, 422],
    [{ base: 99, changes: shift }, 404],
    [{ undo: 99 }, 404],
  ])('refuses %j', async (body, status) => {
    expect((await post('/api/v1/plan', body)).statusCode).toBe(status)
  })

  test('refuses a body that is too large', async () => {
    const text = 'x'.repeat(17 * 1024 * 1024)
    expect((await post('/api/v1/plan', { changes: [{ file: 'a.yaml', text }] })).statusCode).toBe(413)
  })
})

describe('apply', () => {
  test('writes what was planned as a revision, and it comes into force', async () => {
    const answer = await planAndApply(shift)
    expect(answer.json()).toMatchObject({
      id: 2,
      who: 'local',
      why: 'test',
      source: 'api',
      files: [{ change: 'changed' }],
    })
    expect(onDisk('rules.yaml')).toBe(SHIFTED)
    await eventually(async () => expect((await get('/api/v1/revisions/2/convergence')).json().inForce).toBe(true))
    // What the API wrote is not taken for an edit by hand.
    await api.editing.changes.ledger.sync()
    expect((await get('/api/v1/revisions')).json().revisions.map(({ id }: { id: number }) => id)).toEqual([2, 1])
  })

  test('is watched for what traffic does, as an edit by hand is; the first reading is not', async () => {
    await planAndApply(shift)
    const figures = async (revision: number) => (await get(`/api/v1/revisions/${revision}/figures`)).json()
    const reviews = { services: [{ hostname: 'reviews.default.svc.cluster.local', after: { requests: 0 } }] }
    expect(await figures(2)).toMatchObject({ revision: 2, ...reviews })
    await eventually(() =>
      expect(api.config.objects.get('VirtualService/default/reviews')?.spec).toMatchObject({
        http: [{ route: [{ weight: 75 }, {}] }],
      }),
    )
    writeFileSync(join(api.root, 'rules.yaml'), RULES)
    await eventually(async () => expect(await figures(3)).toMatchObject({ revision: 3, ...reviews }))
    expect(await figures(1)).toMatchObject({ code: 'NOT_FOUND' })
  })

  test('an edit by hand that is recorded before it is read is watched when it is', async () => {
    writeFileSync(join(api.root, 'rules.yaml'), SHIFTED)
    await api.editing.changes.ledger.sync()
    const figures = async () => (await get('/api/v1/revisions/2/figures')).json()
    await eventually(async () =>
      expect(await figures()).toMatchObject({ services: [{ hostname: 'reviews.default.svc.cluster.local' }] }),
    )
  })

  test('needs the plan of these very changes', async () => {
    const { plan } = (await post('/api/v1/plan', { changes: shift })).json()
    const other = [{ file: 'rules.yaml', text: `${SHIFTED}# more\n` }]
    const answer = await post('/api/v1/apply', { base: 1, changes: other, plan, reason: 'x' })
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'PLAN_STALE'])
    expect((await post('/api/v1/apply', { base: 1, changes: shift, plan, reason: '  ' })).statusCode).toBe(400)
  })

  test('of two at the same time one wins, the other gets all three texts', async () => {
    const mine = RULES.replace('reviews\n', 'reviews, mine\n')
    const { plan: a } = (await post('/api/v1/plan', { changes: shift })).json()
    const changes = [{ file: 'rules.yaml', text: mine }]
    const { plan: b } = (await post('/api/v1/plan', { changes })).json()
    const answers = await Promise.all([
      post('/api/v1/apply', { base: 1, changes: shift, plan: a, reason: 'a' }),
      post('/api/v1/apply', { base: 1, changes, plan: b, reason: 'b' }),
    ])
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 409])
    expect(answers[1]!.json()).toMatchObject({
      code: 'CONFLICT',
      revision: 2,
      conflicts: [{ file: 'rules.yaml', base: RULES, theirs: SHIFTED, mine }],
    })
    expect(onDisk('rules.yaml')).toBe(SHIFTED)
  })

  test('an edit by hand in another file is no conflict', async () => {
    writeFileSync(join(api.root, 'services.yaml'), `${SERVICES}# by hand\n`)
    const answer = await planAndApply(shift)
    expect(answer.json()).toMatchObject({ id: 3, source: 'api' })
    expect((await get('/api/v1/revisions/2')).json()).toMatchObject({
      source: 'files',
      files: [{ file: 'services.yaml' }],
    })
  })
})

describe('going back', () => {
  test('to a revision restores every byte, files that came and went included', async () => {
    await planAndApply([
      ...shift,
      { file: 'new.yaml', text: '# new\n' },
      { file: 'services.yaml', text: `${SERVICES}#\n` },
    ])
    const plan = (await post('/api/v1/plan', { to: 1 })).json()
    expect(plan.files.map(({ file, change }: { file: string; change: string }) => [file, change]).sort()).toEqual([
      ['new.yaml', 'deleted'],
      ['rules.yaml', 'changed'],
      ['services.yaml', 'changed'],
    ])
    const answer = await post('/api/v1/rollback', { to: 1, plan: plan.plan, reason: 'worse' })
    expect(answer.json()).toMatchObject({ id: 3, source: 'rollback', refers: 1, why: 'worse' })
    expect([onDisk('rules.yaml'), onDisk('services.yaml')]).toEqual([RULES, SERVICES])
    expect(() => onDisk('new.yaml')).toThrow(/ENOENT/)
  })

  test('taking back one revision leaves later ones alone, unless they changed the same file', async () => {
    await planAndApply(shift)
    await planAndApply([{ file: 'new.yaml', text: '# new\n' }], 2)
    expect((await post('/api/v1/rollback', { undo: 2, reason: 'x' })).statusCode).toBe(200)
    expect([onDisk('rules.yaml'), onDisk('new.yaml')]).toEqual([RULES, '# new\n'])
    const again = await post('/api/v1/rollback', { undo: 2, reason: 'x' })
    expect([again.statusCode, again.json().conflicts[0].file]).toEqual([409, 'rules.yaml'])
  })

  test('any two revisions can be compared', async () => {
    await planAndApply(shift)
    await planAndApply([{ file: 'new.yaml', text: '# new\n' }], 2)
    const files = async (url: string) =>
      (await get(url)).json().files.map(({ file, change }: { file: string; change: string }) => `${change} ${file}`)
    expect(await files('/api/v1/revisions/3/diff')).toEqual(['added new.yaml'])
    expect(await files('/api/v1/revisions/3/diff?from=1')).toEqual(['added new.yaml', 'changed rules.yaml'])
    expect(await files('/api/v1/revisions/1/diff?from=3')).toEqual(['deleted new.yaml', 'changed rules.yaml'])
    expect((await get('/api/v1/revisions/9/diff')).statusCode).toBe(404)
  })
})

test('without a place to write, everything about changes says so and the rest works', async () => {
  const { createAdminServer } = await import('../server.ts')
  const { createMesh } = await import('../../mesh.ts')
  const { StatusBook } = await import('../../status/book.ts')
  const { Registry } = await import('prom-client')
  const app = await createAdminServer({
    ...{ version: '1', config: api.config, mesh: createMesh(), status: new StatusBook(), metrics: new Registry() },
  })
  const answer = await app.inject({ url: '/api/v1/documents', headers: { host: 'localhost' } })
  expect([answer.statusCode, answer.json().code]).toEqual([503, 'READ_ONLY'])
  expect((await app.inject({ url: '/api/v1/services', headers: { host: 'localhost' } })).statusCode).toBe(200)
  await app.close()
})

test('where users may be defined who cannot be known, nobody is let in, and health answers', async () => {
  const { createAdminServer } = await import('../server.ts')
  const { createMesh } = await import('../../mesh.ts')
  const { StatusBook } = await import('../../status/book.ts')
  const { Registry } = await import('prom-client')
  const app = await createAdminServer({
    ...{ version: '1', config: api.config, mesh: createMesh(), status: new StatusBook(), metrics: new Registry() },
    noEditing: { reason: 'the ledger is damaged', closed: true },
  })
  const status = async (url: string) => (await app.inject({ url, headers: { host: 'localhost' } })).statusCode
  expect([await status('/api/v1/services'), await status('/metrics'), await status('/healthz/ready')]).toEqual([
    503, 503, 200,
  ])
  const session = await app.inject({ url: '/api/v1/session', headers: { host: 'localhost' } })
  expect(session.json()).toEqual({ code: 'USERS_UNKNOWN', message: 'the ledger is damaged' })
  await app.close()
})

describe('when the database fails', () => {
  const breakDatabase = (code: string) => {
    const prepare = () => {
      throw Object.assign(new Error('as SQLite says'), { code })
    }
    const { db } = api.editing.changes.ledger as unknown as { db: { prepare(): never } }
    return vi.spyOn(db, 'prepare').mockImplementation(prepare)
  }

  test.each([
    ['SQLITE_FULL', 507, 'DISK_FULL', /make room/],
    ['SQLITE_BUSY', 503, 'STORAGE_LOCKED', /another process/],
    ['SQLITE_CORRUPT', 503, 'STORAGE_DAMAGED', /put back a copy/],
    ['SQLITE_IOERR_WRITE', 503, 'STORAGE_FAILED', /as SQLite says/],
  ])('%s is told as what it is, and health does not ask it', async (code, status, own, words) => {
    const broken = breakDatabase(code)
    const answer = await get('/api/v1/revisions')
    expect([answer.statusCode, answer.json()]).toEqual([status, { code: own, message: expect.stringMatching(words) }])
    expect([(await get('/healthz/live')).statusCode, (await get('/healthz/ready')).statusCode]).toEqual([200, 200])
    broken.mockRestore()
    expect((await get('/api/v1/revisions')).statusCode).toBe(200)
  })
})

test('plans that wait are limited in number, and one nobody waits for any more is not made', async () => {
  const { planner } = api.editing.changes
  const files = [{ file: 'rules.yaml', before: Buffer.from(RULES), after: Buffer.from(SHIFTED) }]
  const all = await Promise.allSettled(Array.from({ length: 40 }, (_, index) => planner.plan(files, () => index !== 7)))
  const failed = all.flatMap((one, index) => (one.status === 'rejected' ? [[index, one.reason.code]] : []))
  expect(failed).toEqual([[7, 'GIVEN_UP'], ...Array.from({ length: 8 }, (_, index) => [index + 32, 'BUSY'])])
  expect((await planner.plan(files)).meaning).not.toEqual([])
})

test('a document that would be broken is told as broken, not as deleted: its last good version stays', async () => {
  const broken = SERVICES.replace('hosts: [reviews', 'hosts: [[reviews')
  const plan = (await post('/api/v1/plan', { base: 1, changes: [{ file: 'services.yaml', text: broken }] })).json()
  expect(plan.newErrors).toMatchObject([{ code: 'SOURCE_YAML_SYNTAX', hint: expect.stringMatching(/stays? in force/) }])
  expect([plan.meaning, plan.services]).toEqual([[], []])
})

test('a document that cannot be read as it is, and would not be after the change, is none that goes away: its last good version stays', async () => {
  writeFileSync(join(api.root, 'services.yaml'), SERVICES.replace('hosts: [reviews', 'hosts: [[reviews'))
  await eventually(async () => {
    const { diagnostics } = (await get('/api/v1/diagnostics')).json()
    expect(diagnostics).toMatchObject([{ code: 'SOURCE_YAML_SYNTAX' }])
  })
  const base = (await get('/api/v1/documents')).json().revision
  const text = SERVICES.replace('hosts: [reviews', 'hosts: [[[reviews').replace('name: v2,', 'name: v3,')
  const plan = (await post('/api/v1/plan', { base, changes: [{ file: 'services.yaml', text }] })).json()
  const objects = plan.meaning.map(({ object }: { object: string }) => object)
  expect(new Set(objects)).toEqual(new Set(['DestinationRule/default/reviews']))
  expect(JSON.stringify(plan.diagnostics)).toContain('stays in force')
})
