import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { comesTrue } from '../../../test/helpers/eventually.ts'
import { checkTexts } from '../analyze.ts'
import { type TestApi, testApi } from '../testing.ts'

const SERVICE = `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews.default.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 10.1.0.1}]
`

const rules = (annotation: string) => `# Owned by the shop team.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  annotations:
    team: shop   # kept
    ${annotation}
spec:
  hosts: [reviews]
  http:
    - match: [{headers: {x-test: {exact: slow}}}]   # testers only
      fault:
        delay: {fixedDelay: 2s, percentage: {value: 100}}
      route: [{destination: {host: reviews}}]
    - route: [{destination: {host: reviews}}]
      mirror: {host: reviews}
      mirrorPercentage: {value: 10}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: other}
spec:
  hosts: [other]
  http:
    - fault: {abort: {httpStatus: 500, percentage: {value: 1}}}
      route: [{destination: {host: reviews}}]
`

const ENDED = `# Owned by the shop team.
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  annotations:
    team: shop   # kept
spec:
  hosts: [reviews]
  http:
    - match: [{headers: {x-test: {exact: slow}}}]   # testers only
      route: [{destination: {host: reviews}}]
    - route: [{destination: {host: reviews}}]
---
`

async function start(text: string): Promise<TestApi> {
  const api = await testApi({ 'services.yaml': SERVICE, 'rules.yaml': text })
  onTestFinished(() => api.stop())
  return api
}

/** So many changes were made for the time, which count when they are on disk. */
const changed = ({ editing }: TestApi, times = 1) =>
  comesTrue(() => editing.changes.ledger.revisions({ limit: 10, source: 'expiry' }).length >= times)
const textOf = ({ root }: TestApi) => readFileSync(join(root, 'rules.yaml'), 'utf8')

describe('faults and mirrors with an end', () => {
  it('of an item of a List end in that item alone', async () => {
    const item = (text: string) => `- ${text.replaceAll('\n', '\n  ').trimEnd()}\n`
    const [head, rest] = rules('meshgate.io/expires-at: "2020-01-01T00:00:00Z"').split('---\n') as [string, string]
    const list = (first: string) =>
      `apiVersion: v1\nitems:\n${item(rest)}# exported\n${item(first.replace(/^#.*\n/, ''))}kind: List\n`
    const api = await start(list(head))
    await changed(api)
    expect(textOf(api)).toBe(list(ENDED.replace('---\n', '')))
  })

  it('end as a revision when their time is up, and nothing else of the file changes', async () => {
    const before = rules('meshgate.io/expires-at: "2020-01-01T00:00:00Z"')
    const api = await start(before)
    await changed(api)
    expect(textOf(api)).toBe(ENDED + before.split('---\n')[1])
    const [newest] = api.editing.changes.ledger.revisions({ limit: 1 })
    expect(newest).toMatchObject({ source: 'expiry', who: 'expiry', files: [{ file: 'rules.yaml' }] })
    expect(newest!.why).toContain('VirtualService/default/reviews')
  })

  it('are in force until then', async () => {
    const before = rules('meshgate.io/expires-at: "2999-01-01T00:00:00Z"')
    const api = await start(before)
    await api.editing.changes.expiries.look()
    expect(textOf(api)).toBe(before)
  })

  it('count a duration from when it is first read, and write down the time', async () => {
    const before = rules('meshgate.io/expires-in: 1h')
    const api = await start(before)
    const from = Date.now()
    await changed(api)
    const written = /^ {4}meshgate\.io\/expires-at: (\S+)$/m.exec(textOf(api))![1]!.replaceAll('"', '')
    expect(Date.parse(written)).toBeGreaterThan(from)
    expect(textOf(api).replace(/expires-at: \S+/, 'expires-in: 1h')).toBe(before)
    expect(api.editing.changes.ledger.revisions({ limit: 1 })[0]).toMatchObject({ source: 'expiry' })
  })

  it('go by themselves after a duration, without anybody asking', async () => {
    const before = rules('meshgate.io/expires-in: 1s')
    const api = await start(before)
    await changed(api, 2)
    expect(textOf(api)).toBe(ENDED + before.split('---\n')[1])
    const sources = api.editing.changes.ledger.revisions({ limit: 3 }).map(({ source }) => source)
    expect(sources.slice(0, 2)).toEqual(['expiry', 'expiry'])
  })

  it('can be brought back by undo, as anything can', async () => {
    const before = rules('meshgate.io/expires-at: "2020-01-01T00:00:00Z"')
    const api = await start(before)
    await changed(api)
    const { ledger, stepBack } = {
      ...api.editing.changes,
      stepBack: (id: number) => api.editing.changes.stepBack({ undo: id }),
    }
    expect(Buffer.from(stepBack(ledger.head)[0]!.after!).toString()).toBe(before)
  })

  it.each([
    ['meshgate.io/expires-at: tomorrow', 'error', 'is no time such as'],
    ['meshgate.io/expires-in: "1 hour"', 'error', 'is no duration such as'],
    ['meshgate.io/expires-in: 0s', 'error', 'is no duration such as'],
  ])('a document with %s is refused: its fault would never end', (annotation, severity, words) => {
    const { diagnostics } = checkTexts({ 'services.yaml': SERVICE, 'rules.yaml': rules(annotation) })
    const found = diagnostics.filter(({ path }) => path.startsWith('metadata.annotations'))
    expect(found).toMatchObject([
      { code: 'METADATA_INVALID', severity, line: 8, message: expect.stringContaining(words) },
    ])
  })

  it('kinds without faults are told that an end means nothing to them', () => {
    const text = SERVICE.replace('{name: reviews}', '{name: reviews, annotations: {meshgate.io/expires-in: 1h}}')
    expect(checkTexts({ 'a.yaml': text }).diagnostics).toMatchObject([
      { code: 'METADATA_UNUSUAL', severity: 'warning' },
    ])
  })
})
