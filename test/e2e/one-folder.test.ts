import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { until } from '../helpers/eventually.ts'
import { testFolder } from '../helpers/folders.ts'
import { serveChild } from '../helpers/serve.ts'

const rule = (host: string) =>
  `apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec: {hosts: [${host}], http: [{directResponse: {status: 200}}]}\n`

test('of two control planes on one folder one changes it; the other follows, says who does, and takes over when that one is killed', async () => {
  const folder = testFolder('one')
  writeFileSync(join(folder, 'a.yaml'), rule('one'))
  const first = await serveChild(folder)
  const second = await serveChild(folder)
  const rename = async (api: string, host: string) => {
    const { revision } = await fetch(`${api}/api/v1/documents`).then(
      (answer) => answer.json() as Promise<{ revision: number }>,
    )
    const change = { base: revision, changes: [{ file: 'a.yaml', text: rule(host) }] }
    const post = async (path: string, body: object) => {
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${api}/api/v1/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
      return { status: answer.status, body: (await answer.json()) as { code: string; message: string; plan: string } }
    }
    const plan = await post('plan', change)
    return plan.status === 200 ? post('apply', { ...change, plan: plan.body.plan, reason: 'test' }) : plan
  }
  const hosts = async (api: string) => {
    const answer = await fetch(`${api}/api/v1/rules`)
    const { rules } = (await answer.json()) as { rules: { hosts: string[] }[] }
    return rules.flatMap((one) => one.hosts)
  }
  const refused = await rename(second.apiUrl, 'two')
  expect(refused).toMatchObject({ status: 503, body: { code: 'READ_ONLY' } })
  expect(refused.body.message).toContain(`another meshgate (process `)
  expect((await rename(first.apiUrl, 'two')).status).toBe(200)
  await until(
    () => hosts(second.apiUrl),
    (found) => found.includes('two'),
    { what: 'the second follows' },
  )
  await first.kill()
  const taken = await until(
    () => rename(second.apiUrl, 'three'),
    ({ status }) => status === 200,
    { what: 'the second takes over' },
  )
  expect(taken.status).toBe(200)
  await until(
    () => hosts(second.apiUrl),
    (found) => found.includes('three'),
    { what: 'it is in force' },
  )
})
