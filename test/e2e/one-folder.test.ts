import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Accounts, openDatabase } from '../../controlplane/ledger/index.ts'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { serveChild } from '../helpers/serve.ts'

const PASSWORD = 'a long enough password'

const rule = (host: string) =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec: {hosts: [${host}], http: [{directResponse: {status: 200}}]}\n`

interface Answer {
  readonly status: number
  readonly body: {
    readonly code: string
    readonly message: string
    readonly plan: string
    readonly revision: number
    readonly readOnly?: { readonly api?: string }
    readonly files: readonly { readonly file: string }[]
    readonly revisions: readonly { readonly why: string }[]
    readonly rules: readonly { readonly hosts: readonly string[] }[]
  }
}

/** Somebody who asks one control plane. */
function clientOf(api: string, headers: Record<string, string> = {}) {
  const ask = async (path: string, body?: object): Promise<Answer> => {
    const answer = await fetch(`${api}/api/v1/${path}`, {
      headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: (await answer.json()) as Answer['body'] }
  }
  return {
    ask,
    hosts: async () => (await ask('rules')).body.rules.flatMap((one) => one.hosts),
    async rename(host: string): Promise<Answer> {
      const { body: documents } = await ask('documents')
      const change = { base: documents.revision, changes: [{ file: 'a.yaml', text: rule(host) }] }
      const plan = await ask('plan', change)
      expect(plan.status).toBe(200)
      return ask('apply', { ...change, plan: plan.body.plan, reason: `to ${host}` })
    },
  }
}

async function login(api: string) {
  const answer = await fetch(`${api}/api/v1/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'ann', password: PASSWORD }),
  })
  expect(answer.status).toBe(200)
  const { csrf } = (await answer.json()) as { csrf: string }
  const cookie = answer.headers.get('set-cookie')!.split(';')[0]!
  return { cookie, ...clientOf(api, { cookie, 'x-csrf-token': csrf, origin: api }) }
}

test('of two control planes on one folder one changes it; at the other the users log in, read, plan and follow, are told where to change it, and it takes over when the first is killed', async () => {
  const folder = testFolder('one')
  writeFileSync(join(folder, 'a.yaml'), rule('one'))
  const first = await serveChild(folder)
  const second = await serveChild(folder)
  expect(await clientOf(second.apiUrl).hosts()).toEqual(['one'])
  const db = openDatabase(folder)
  await new Accounts(db).add('ann', 'editor', PASSWORD)
  db.close()

  expect(await clientOf(second.apiUrl).ask('documents')).toMatchObject({ status: 401, body: { code: 'LOGIN_NEEDED' } })
  const here = await login(first.apiUrl)
  const there = await login(second.apiUrl)
  expect((await here.ask('session')).body.readOnly).toBeUndefined()
  expect((await there.ask('session')).body.readOnly?.api).toBe(first.apiUrl)
  expect((await there.ask('documents')).body.files.map(({ file }) => file)).toEqual(['a.yaml'])

  const refused = await there.rename('two')
  expect(refused).toMatchObject({ status: 503, body: { code: 'READ_ONLY' } })
  expect(refused.body.message).toContain(first.apiUrl)

  const events = new AbortController()
  const stream = await fetch(`${second.apiUrl}/api/v1/events`, {
    headers: { cookie: there.cookie },
    signal: events.signal,
  })
  let told = ''
  const listening = (async () => {
    for await (const chunk of stream.body!) told += Buffer.from(chunk).toString()
  })().catch(() => {}) // ended by the takeover, or here
  expect((await here.rename('two')).status).toBe(200)
  await until(there.hosts, (found) => found.includes('two'), { what: 'the second follows' })
  await until(
    () => told,
    (text) => text.includes('event: revision') && text.includes('to two'),
    { what: 'who listens at the second hears of the revision' },
  )
  expect((await there.ask('revisions')).body.revisions[0]).toMatchObject({ who: 'ann', why: 'to two' })

  await first.kill()
  await until(
    () => there.ask('session'),
    ({ body }) => body.readOnly === undefined,
    { what: 'the second takes over' },
  )
  expect((await there.rename('three')).status).toBe(200)
  await until(there.hosts, (found) => found.includes('three'), { what: 'it is in force' })
  events.abort()
  await listening
})
