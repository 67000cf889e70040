import { describe, expect, it } from 'vitest'
import { configObjects } from '../../test/helpers/objects.ts'
import { SIDECAR } from '../../test/helpers/proxy-class.ts'
import type { VirtualServiceSpec } from '../config/kinds/virtual-service.ts'
import type { ConfigObject } from '../config/object.ts'
import { formatPath } from '../diagnostics/diagnostic.ts'
import { createModel, createScope } from './index.ts'
import { effectiveHttpRoutes, fieldOrigin } from './virtual-service.ts'

function effective(root: string, delegate = '', more = '') {
  const document = (name: string, hosts: string, http: string) =>
    `---\nkind: VirtualService\nmetadata: {name: ${name}}\nspec:\n  ${hosts}\n  http:\n${http.trim().replace(/^/gm, '  ')}\n`
  const objects = configObjects(
    document('root', 'hosts: [shop.test]', root) +
      (delegate && document('delegate', more || 'exportTo: ["*"]', delegate)),
  )
  const model = createModel()
  model.world.commit(objects)
  const scope = createScope(model, SIDECAR)
  return effectiveHttpRoutes(scope, objects.get('VirtualService/default/root') as ConfigObject<VirtualServiceSpec>)
}

const delegating = (match: string, more = '') => `- match: [${match}]\n  delegate: {name: delegate}\n${more}`
const matches = (root: string, delegate: string) =>
  effective(delegating(root), `- match: [${delegate}]\n  route: [{destination: {host: a}}]`).map((route) =>
    route.matches.map((match) => match.spec),
  )

describe('a rule that delegates', () => {
  it('becomes the rules of the delegate', () => {
    const routes = effective(
      `${delegating('{uri: {prefix: /}}')}\n- name: last\n  route: [{destination: {host: z}}]`,
      '- name: one\n  route: [{destination: {host: a}}]\n- name: two\n  route: [{destination: {host: b}}]',
    )
    expect(routes.map((route) => route.spec.name)).toEqual(['one', 'two', 'last'])
    expect(routes[1]!.origin.object.name).toBe('delegate')
    expect(formatPath(routes[1]!.origin.path)).toBe('spec.http[1]')
    expect(routes[1]!.matches[0]!.spec).toEqual({ uri: { prefix: '/' } })
  })

  it('joins names with a dash', () => {
    const [route] = effective(
      '- name: root\n  match: [{name: r, uri: {prefix: /}}]\n  delegate: {name: delegate}',
      '- name: leaf\n  match: [{name: l, uri: {prefix: /a}}]\n  route: [{destination: {host: a}}]',
    )
    expect([route!.spec.name, route!.matches[0]!.spec.name]).toEqual(['root-leaf', 'r-l'])
  })

  it('gives what the delegate leaves open, and knows where it came from', () => {
    const [route] = effective(
      delegating('{uri: {prefix: /}}', '  timeout: 3s\n  retries: {attempts: 1}'),
      '- timeout: 1s\n  route: [{destination: {host: a}}]',
    )
    expect([route!.spec.timeout, route!.spec.retries]).toEqual(['1s', { attempts: 1 }])
    expect(fieldOrigin(route!, 'timeout').object.name).toBe('delegate')
    expect(fieldOrigin(route!, 'retries').object.name).toBe('root')
    expect(formatPath(fieldOrigin(route!, 'retries').path)).toBe('spec.http[0].retries')
  })

  it.each([
    ['is not there', '', ''],
    ['has hosts of its own', '- route: [{destination: {host: a}}]', 'hosts: [x.test]'],
    ['is not exported to the rule', '- route: [{destination: {host: a}}]', 'exportTo: [other]'],
    ['delegates further', '- delegate: {name: root}', ''],
  ])('is left out when the delegate %s', (_what, delegate, more) => {
    expect(effective(`${delegating('{uri: {prefix: /}}')}`, delegate, more)).toEqual([])
  })
})

it('what a delegate sends requests to is visible through the Sidecar that lets the root in', () => {
  const entry = (name: string) =>
    `---\nkind: ServiceEntry\nmetadata: {name: ${name}, namespace: far}\nspec: {hosts: [${name}.far.svc.cluster.local], ports: [{number: 80, name: http}]}\n`
  const model = createModel()
  model.world.commit(
    configObjects(
      `${entry('used')}${entry('unused')}
---
kind: Sidecar
metadata: {name: default}
spec: {egress: [{hosts: ["./*"]}]}
---
kind: VirtualService
metadata: {name: root}
spec: {hosts: [shop.test], http: [{delegate: {name: leaf, namespace: far}}]}
---
kind: VirtualService
metadata: {name: leaf, namespace: far}
spec: {http: [{route: [{destination: {host: used}}]}]}
`,
    ),
  )
  expect(
    createScope(model, SIDECAR)
      .services()
      .map((service) => service.hostname),
  ).toEqual(['used.far.svc.cluster.local'])
})

describe('matches of root and delegate', () => {
  it.each([
    ['{uri: {prefix: /a}}', '{uri: {prefix: /a/b}}', [{ uri: { prefix: '/a/b' } }]],
    ['{uri: {prefix: /a}}', '{uri: {exact: /a/b}}', [{ uri: { exact: '/a/b' } }]],
    ['{uri: {exact: /a}}', '{uri: {exact: /a}}', [{ uri: { exact: '/a' } }]],
    ['{uri: {prefix: /a}}', '{method: {exact: GET}}', [{ uri: { prefix: '/a' }, method: { exact: 'GET' } }]],
    ['{port: 80}', '{uri: {prefix: /a}}', [{ port: 80, uri: { prefix: '/a' } }]],
    [
      '{headers: {a: {exact: x}}, sourceLabels: {l: "1"}}',
      '{headers: {b: {exact: y}}, sourceLabels: {m: "2"}}',
      [{ headers: { a: { exact: 'x' }, b: { exact: 'y' } }, sourceLabels: { l: '1', m: '2' } }],
    ],
    ['{gateways: [a, b]}', '{gateways: [default/a]}', [{ gateways: ['default/a'] }]],
    ['{gateways: [a]}', '{uri: {prefix: /}}', [{ gateways: ['default/a'], uri: { prefix: '/' } }]],
  ])('%s holds %s', (root, delegate, expected) => {
    expect(matches(root, delegate)).toEqual([expected])
  })

  it.each([
    ['{uri: {prefix: /a/b}}', '{uri: {prefix: /a}}'],
    ['{uri: {exact: /a}}', '{uri: {prefix: /a}}'],
    ['{uri: {exact: /a}}', '{uri: {exact: /b}}'],
    ["{uri: {regex: '/a.*'}}", '{uri: {exact: /ab}}'],
    ['{uri: {prefix: /a}}', "{uri: {regex: '/a.*'}}"],
    ['{headers: {a: {exact: x}}}', '{headers: {a: {exact: y}}}'],
    ['{withoutHeaders: {a: {exact: x}}}', '{withoutHeaders: {a: {exact: y}}}'],
    ['{queryParams: {a: {exact: x}}}', '{queryParams: {a: {exact: y}}}'],
    ['{port: 80}', '{port: 81}'],
    ['{sourceNamespace: a}', '{sourceNamespace: b}'],
    ['{sourceNamespace: a}', '{uri: {prefix: /}}'],
    ['{sourceLabels: {l: "1"}}', '{sourceLabels: {l: "2"}}'],
    ['{ignoreUriCase: true}', '{uri: {prefix: /}}'],
    ['{gateways: [a]}', '{gateways: [a, b]}'],
  ])('%s does not hold %s: the rule is left out', (root, delegate) => {
    expect(matches(root, delegate)).toEqual([])
  })

  it('each match of the delegate is joined with each of the root that holds it; one that none holds drops the rule', () => {
    const roots = '{uri: {prefix: /a}}, {uri: {prefix: /b}}'
    expect(matches(roots, '{uri: {exact: /a}}, {method: {exact: GET}}')).toEqual([
      [
        { uri: { exact: '/a' } },
        { uri: { prefix: '/a' }, method: { exact: 'GET' } },
        { uri: { prefix: '/b' }, method: { exact: 'GET' } },
      ],
    ])
    expect(matches(roots, '{uri: {exact: /a}}, {uri: {exact: /c}}')).toEqual([])
  })
})
