import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MemorySource } from '../../sources/index.ts'
import { type TestApi, testApi } from '../testing.ts'

const TEXT = '# nothing yet\n'
const HEAD = 'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: bomb}\nspec:\n'
/** Each row stands for several of the row before: a power of values from some hundred bytes. */
const rows = (count: number, row: (before: string) => string) =>
  Array.from({ length: count }, (_, i) => `  a${i}: &a${i} ${i === 0 ? row('x') : row(`*a${i - 1}`)}\n`).join('')
const list = (wide: number) => (before: string) => `[${Array(wide).fill(before).join(', ')}]`
const mapping = (wide: number) => (before: string) =>
  `{${Array.from({ length: wide }, (_, i) => `k${i}: ${before}`).join(', ')}}`

const BOMBS: readonly (readonly [name: string, text: string, code: string])[] = [
  ['lists of lists', HEAD + rows(12, list(9)), 'SOURCE_ALIAS_LIMIT'],
  ['mappings of mappings', HEAD + rows(12, mapping(9)), 'SOURCE_ALIAS_LIMIT'],
  ['as the hosts of a rule', `${HEAD}${rows(12, list(9))}  hosts: *a11\n`, 'SOURCE_ALIAS_LIMIT'],
  [
    'merge keys',
    `${HEAD}  base: &b {${Array.from({ length: 1_000 }, (_, i) => `k${i}: 1`).join(', ')}}\n${Array.from({ length: 1_000 }, (_, i) => `  m${i}: {<<: *b}\n`).join('')}`,
    'SOURCE_ALIAS_LIMIT',
  ],
  ['an alias inside itself', `${HEAD}  a: &a [*a, *a]\n`, 'SOURCE_ANCHOR'],
  ['lists inside each other', `${HEAD}  hosts: ${'['.repeat(50_000)}\n`, 'SOURCE_TOO_DEEP'],
  ['in a document named Secret', `apiVersion: v1\nkind: Secret\ndata:\n${rows(12, list(9))}`, 'SOURCE_ALIAS_LIMIT'],
]
/** Far less than the values of a bomb would take, far more than reading a file does. */
const MEMORY_BYTES = 300 * 1024 * 1024

describe('a YAML bomb', () => {
  let api: TestApi
  beforeAll(async () => {
    api = await testApi({ 'a.yaml': TEXT })
  })
  afterAll(() => api.stop())
  const post = (url: string, payload: object) =>
    api.app.inject({ method: 'POST', url, headers: { host: 'localhost' }, payload })

  test.each(BOMBS)('%s: the plan tells it at its place, apply refuses, memory stays', async (_, text, code) => {
    const before = process.resourceUsage().maxRSS
    const changes = [{ file: 'bomb.yaml', text }]
    const planned = await post('/api/v1/plan', { base: 1, changes })
    expect(planned.statusCode).toBe(200)
    expect(planned.json().newErrors).toMatchObject([{ code, severity: 'error', line: expect.any(Number) }])
    const { plan } = planned.json()
    const applied = await post('/api/v1/apply', { base: 1, changes, plan, reason: 'test' })
    expect([applied.statusCode, applied.json().code]).toEqual([422, 'INVALID'])
    expect(planned.body.length + applied.body.length).toBeLessThan(20_000 + 3 * text.length)
    expect((process.resourceUsage().maxRSS - before) * 1024).toBeLessThan(MEMORY_BYTES)
    expect(api.editing.changes.ledger.head).toBe(1)
  })

  test('many documents that each stay under the limit share what their aliases stand for', async () => {
    const before = process.resourceUsage().maxRSS
    const one = (i: number) => HEAD.replace('bomb', `b${i}`) + rows(5, list(9))
    const text = Array.from({ length: 30 }, (_, i) => one(i)).join('---\n')
    const changes = [{ file: 'bomb.yaml', text }]
    const planned = await post('/api/v1/plan', { base: 1, changes })
    expect(planned.json().newErrors.length).toBeGreaterThan(0)
    const applied = await post('/api/v1/apply', { base: 1, changes, plan: planned.json().plan, reason: 'test' })
    expect(applied.statusCode).toBe(422)
    expect((process.resourceUsage().maxRSS - before) * 1024).toBeLessThan(MEMORY_BYTES)
  })

  test('many files that each stay under the limit share it, too, and a folder of them at its start', async () => {
    const bomb = (i: number) => `${HEAD.replace('bomb', `b${i}`)}${rows(5, list(9))}`
    const files = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`bomb-${i}.yaml`, bomb(i)]))
    const changes = Object.entries(files).map(([file, text]) => ({ file, text }))
    const planned = await post('/api/v1/plan', { base: 1, changes })
    const told = (code: string) => planned.json().newErrors.filter((one: { code: string }) => one.code === code).length
    expect(told('SOURCE_ALIAS_LIMIT')).toBeGreaterThan(50)
    const { snapshot } = MemorySource.of(files)
    expect(snapshot.diagnostics.filter(({ code }) => code === 'SOURCE_ALIAS_LIMIT').length).toBeGreaterThan(50)
    expect(snapshot.documents.length).toBeGreaterThan(50)
  })
})
