import { expect, it } from 'vitest'
import { configObjects } from '../../test/helpers/objects.ts'
import { createModel, createScope } from './index.ts'

const REVIEWS = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews.shop.svc.cluster.local]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
`

const rule = (name: string, namespace: string, host: string, extra = '') => `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${name}, namespace: ${namespace}}
spec: {host: '${host}'${extra}}`

const exported = (to: string) => `, exportTo: ['${to}']`
const selecting = (app: string) => `, workloadSelector: {matchLabels: {app: ${app}}}`

interface Caller {
  readonly namespace: string
  readonly labels?: Readonly<Record<string, string>>
}

/** Names of the rules a caller has for `reviews` of namespace shop, in order of precedence; the rules are given from old to young. */
function found({ namespace, labels = {} }: Caller, ...documents: readonly string[]): readonly string[] {
  const model = createModel()
  model.world.commit(configObjects([REVIEWS, ...documents].join('\n---\n')))
  const scope = createScope(model, {
    key: namespace,
    type: 'sidecar',
    namespace,
    labels,
    locality: undefined,
    httpPort: 15080,
    secretsAllowed: true,
  })
  const [service] = scope.services()
  // Those who look at thousands get what one who looks at one gets.
  expect(scope.destinationRulesAtOnce()(service!)).toEqual(scope.destinationRules(service!))
  return scope.destinationRules(service!).map(({ name }) => name)
}

const web: Caller = { namespace: 'web' }
const shop: Caller = { namespace: 'shop' }
const root: Caller = { namespace: 'istio-system' }
const WILD = '*.shop.svc.cluster.local'
const REVIEWS_HOST = 'reviews.shop.svc.cluster.local'

it('the client namespace goes before the service namespace, that before the root namespace', () => {
  const client = rule('client', 'web', REVIEWS_HOST)
  const server = rule('server', 'shop', 'reviews')
  const all = rule('root', 'istio-system', WILD)
  expect(found(web, client, server, all)).toEqual(['client'])
  expect(found(web, server, all)).toEqual(['server'])
  expect(found(web, all)).toEqual(['root'])
})

it("a caller in the root namespace has the service owner's rule before those the root namespace has for all, and what is private there first", () => {
  const server = rule('server', 'shop', 'reviews')
  const all = rule('root', 'istio-system', WILD)
  expect(found(root, all, server)).toEqual(['server'])
  expect(found(root, all)).toEqual(['root'])
  expect(found(root, all, server, rule('private', 'istio-system', WILD, exported('.')))).toEqual(['private'])
})

it('the most specific host goes first', () => {
  expect(found(shop, rule('wild', 'shop', '*.cluster.local'), rule('exact', 'shop', 'reviews'))).toEqual(['exact'])
})

it('a rule that is not exported does not count elsewhere', () => {
  expect(found(web, rule('private', 'shop', 'reviews', exported('.')))).toEqual([])
  expect(found(shop, rule('private', 'shop', 'reviews', exported('.')))).toEqual(['private'])
})

it('a rule that is exported to others only does not count at home', () => {
  expect(found(shop, rule('foreign', 'shop', 'reviews', exported('web')))).toEqual([])
  expect(found(web, rule('foreign', 'shop', 'reviews', exported('web')))).toEqual(['foreign'])
})

it('a more specific rule that others may see hides a less specific one also from those who may not', () => {
  const wild = rule('wild', 'shop', WILD)
  expect(found(web, wild, rule('exact', 'shop', 'reviews', exported('else')))).toEqual([])
  expect(found(web, wild, rule('exact', 'shop', 'reviews', exported('.')))).toEqual(['wild'])
})

it('without exportTo a rule holds at home, whatever the default of the mesh', () => {
  const mesh = (to: string) =>
    `apiVersion: meshgate.io/v1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {defaultDestinationRuleExportTo: ['${to}']}`
  const plain = rule('plain', 'shop', 'reviews')
  expect([found(shop, plain, mesh('.')), found(web, plain, mesh('.'))]).toEqual([['plain'], []])
  expect([found(shop, plain, mesh('web')), found(web, plain, mesh('web'))]).toEqual([['plain'], ['plain']])
})

it('a rule with a selector is for those workloads only, and wins there', () => {
  const rules = [rule('all', 'shop', 'reviews'), rule('some', 'shop', 'reviews', selecting('a'))]
  expect(found({ ...shop, labels: { app: 'a' } }, ...rules)).toEqual(['some'])
  expect(found({ ...shop, labels: { app: 'b' } }, ...rules)).toEqual(['all'])
})

it('a rule with a selector is for workloads of its own namespace only', () => {
  const some = rule('some', 'shop', 'reviews', selecting('a'))
  expect(found({ ...web, labels: { app: 'a' } }, some)).toEqual([])
})

it('who has rules of its own for some of its workloads has none of others for the rest', () => {
  const rules = [rule('server', 'shop', 'reviews'), rule('some', 'web', REVIEWS_HOST, selecting('a'))]
  expect(found({ ...web, labels: { app: 'a' } }, ...rules)).toEqual(['some'])
  expect(found(web, ...rules)).toEqual([])
})

it('rules that are exported alike are merged, the oldest first', () => {
  expect(found(web, rule('b', 'shop', 'reviews'), rule('a', 'shop', 'reviews'))).toEqual(['b', 'a'])
  const one = (name: string) => rule(name, 'shop', 'reviews', exported('web'))
  expect(found(web, one('b'), one('a'))).toEqual(['b', 'a'])
})

it('rules with the same selector are merged, those with another are not', () => {
  const rules = ['b', 'a', 'c'].map((name) => rule(name, 'shop', 'reviews', selecting(name === 'c' ? 'other' : 'a')))
  expect(found({ ...shop, labels: { app: 'a' } }, ...rules)).toEqual(['b', 'a'])
})

it('of rules that are exported differently a caller who sees both has the younger alone', () => {
  const rules = [rule('all', 'shop', 'reviews'), rule('private', 'shop', 'reviews', exported('.'))]
  expect(found(shop, ...rules)).toEqual(['private'])
  expect(found(shop, ...rules.toReversed())).toEqual(['all'])
  expect(found(web, ...rules)).toEqual(['all'])
})

it('a rule with a wider exportTo adds to an older one, and stands for itself elsewhere', () => {
  const narrow = rule('narrow', 'shop', 'reviews', exported('web'))
  const wide = rule('wide', 'shop', 'reviews', ", exportTo: ['web', 'else']")
  expect(found({ namespace: 'else' }, narrow, wide)).toEqual(['wide'])
  expect(found(web, narrow, wide)).toEqual(['narrow', 'wide'])
})

it('what is private to a namespace adds to what is for some of its workloads, and still holds for the others', () => {
  const rules = [rule('some', 'shop', 'reviews', selecting('a')), rule('all', 'shop', 'reviews', exported('.'))]
  expect(found({ ...shop, labels: { app: 'a' } }, ...rules)).toEqual(['some', 'all'])
  expect(found(shop, ...rules)).toEqual(['all'])
})
