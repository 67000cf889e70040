import { expect, test } from 'vitest'
import { loadConfig } from '../../../config/load.ts'
import { MemorySource } from '../../../sources/index.ts'
import { meaningOf } from './meaning.ts'

const objects = (text: string) => loadConfig(MemorySource.of({ 'a.yaml': text }).snapshot).objects
const rule = (http: string) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews }
spec:
  hosts: [reviews]
  http: [${http}]
`
const ROUTE = 'route: [{ destination: { host: reviews } }]'
const abort = (percentage: number) =>
  `fault: { abort: { httpStatus: 503, percentage: { value: ${percentage} } } }, ${ROUTE}`
const messages = (percentage: number) => `apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: { name: chat }
spec: { routes: [{ svrName: chat, fault: { abort: { percentage: { value: ${percentage} } } } }] }
`

test('a new route is told by its requests and its way, an expiry by what it means', () => {
  const marked = 'match: [{ headers: { x-test: { exact: a } } }]'
  const after = rule(`{ ${marked}, ${abort(100)} }, { ${ROUTE} }`).replace(
    'name: reviews }',
    'name: reviews, annotations: { meshgate.io/expires-in: 5m } }',
  )
  const texts = meaningOf(objects(rule(`{ ${ROUTE} }`)), objects(after)).map(({ text }) => text)
  expect(texts.map(({ en }) => en)).toEqual([
    'faults and mirrors end after: set to 5m',
    expect.stringMatching(/^route 1 is new: .*x-test.* a → reviews 100 %$/),
    'route 1, fault abort: set to 503 × 100 %',
  ])
  expect(texts[0]!.zh).toBe('故障与镜像的持续时间：设为 5m')
})

test.each([
  ['a fault for every request of a new rule', '', rule(`{ ${abort(100)} }`), true],
  [
    'a fault for every request on a new route',
    rule(`{ ${ROUTE} }`),
    rule(`{ name: a, match: [{ uri: { prefix: /a } }], ${abort(100)} }, { ${ROUTE} }`),
    true,
  ],
  ['a fault that grows to every request', rule(`{ ${abort(5)} }`), rule(`{ ${abort(100)} }`), true],
  ['a fault for some requests', rule(`{ ${ROUTE} }`), rule(`{ ${abort(50)} }`), false],
  [
    'a fault for requests somebody marks for a test',
    rule(`{ ${ROUTE} }`),
    rule(`{ match: [{ headers: { x-test: { exact: a } } }], ${abort(100)} }, { ${ROUTE} }`),
    false,
  ],
  ['a fault for every message of a new rule', '', messages(100), true],
  ['a fault that grows to every message', messages(5), messages(100), true],
  [
    'a fault that stays for every message',
    messages(100),
    messages(100).replace('svrName: chat', 'svrName: talk'),
    false,
  ],
  ['a rule that goes', rule(`{ ${ROUTE} }`), '', true],
])('%s: danger is told', (_, before, after, danger) => {
  const meaning = meaningOf(objects(before), objects(after))
  expect(meaning.length).toBeGreaterThan(0)
  expect(meaning.some((one) => one.danger)).toBe(danger)
  for (const { text } of meaning) expect([text.en, text.zh].every((words) => words.length > 3)).toBe(true)
})
