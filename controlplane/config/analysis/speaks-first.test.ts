import { describe, expect, it } from 'vitest'
import { analyzeYaml } from '../../../test/helpers/config-documents.ts'

/** Protocols whose servers speak first need a route that asks for nothing. */

const document = (apiVersion: string, kind: string, name: string, spec: string) =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: {${spec}}\n---\n`
const istio = (kind: string, name: string, spec: string) => document('networking.istio.io/v1', kind, name, spec)
const own = (kind: string, name: string, spec: string) => document('meshgate.io/v1', kind, name, spec)

const layout = `frame: {until: "\\r\\n"}, message: {kind: push}, fields: {verb: {at: 0, type: until(\\s)}}, reply: {error: close}, connections: [bound]`
const hail = own('Protocol', 'hail', `speaksFirst: upstream, ${layout}`)
const service = istio(
  'ServiceEntry',
  'one',
  'hosts: [a.b], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: 7, name: hail-x, protocol: TCP}], endpoints: [{address: 10.0.0.1}]',
)
const gateway = (port = 'name: hail, protocol: TCP') =>
  istio('Gateway', 'edge', `servers: [{port: {number: 9, ${port}}, hosts: ["*"]}]`)
const said = (yaml: string) =>
  analyzeYaml(yaml)
    .filter(({ code }) => code === 'SPEAKS_FIRST_NO_ROUTE')
    .map(({ path, message }) => `${path}: ${message}`)
const atServer = [expect.stringMatching(/^spec\.servers\[0\]\.port\.name: servers of hail speak first, .*server/)]
const atPort = [expect.stringMatching(/^spec\.ports\[0\]\.name: servers of hail speak first, .*port/)]

describe("a gateway's server", () => {
  it.each([
    ['nobody routes', ''],
    ['a condition', own('MsgRouter', 'r', 'match: [{verb: GO}], svrName: a.b')],
    ['another gateway', own('MsgRouter', 'r', 'gateways: [mesh], svrName: a.b')],
    ['another protocol', own('MsgRouter', 'r', 'protocol: redis, svrName: a.b')],
    ['fields it has not', own('MsgRouter', 'r', 'routes: [{match: [{topic: a}], svrName: a.b}, {svrName: a.b}]')],
    [
      'a VirtualService for methods',
      istio(
        'VirtualService',
        'v',
        'hosts: [a.b], gateways: [edge], http: [{match: [{method: {exact: GO}}], route: [{destination: {host: a.b}}]}]',
      ),
    ],
  ])('is told of: %s', (_, route) => expect(said(hail + service + gateway() + route)).toEqual(atServer))

  it.each([
    ['a rule for all', own('MsgRouter', 'r', 'svrName: a.b')],
    ['one for it', own('MsgRouter', 'r', 'protocol: hail, gateways: [edge], svrName: a.b')],
    ['the last of several', own('MsgRouter', 'r', 'routes: [{match: [{verb: GO}], svrName: a.b}, {svrName: a.b}]')],
    [
      'a tcp rule',
      istio(
        'VirtualService',
        'v',
        'hosts: [a.b], gateways: [edge], tcp: [{route: [{destination: {host: a.b, port: {number: 7}}}]}]',
      ),
    ],
    [
      'a MetaRouter',
      document(
        'metaprotocol.aeraki.io/v1alpha1',
        'MetaRouter',
        'm',
        'hosts: [a.b], gateways: [edge], routes: [{route: [{destination: {host: a.b}}]}]',
      ),
    ],
  ])('is right with %s', (_, route) => expect(said(hail + service + gateway() + route)).toEqual([]))

  it('is none of messages, or of a protocol whose clients speak first', () => {
    expect(said(hail + service + gateway('name: hail, protocol: HTTP'))).toEqual([])
    expect(said(hail.replace('speaksFirst: upstream, ', '') + service + gateway())).toEqual([])
  })
})

describe("a service's port", () => {
  const meta = (match: string) =>
    document(
      'metaprotocol.aeraki.io/v1alpha1',
      'MetaRouter',
      'm',
      `hosts: [a.b], routes: [{${match}route: [{destination: {host: a.b}}]}]`,
    )
  const virtual = (match: string) =>
    istio('VirtualService', 'v', `hosts: [a.b], http: [{match: [{${match}}], route: [{destination: {host: a.b}}]}]`)

  it('leads to the service where no rule is for it', () => {
    expect(said(hail + service)).toEqual([])
    expect(said(hail + service + meta(''))).toEqual([])
    // Rules that only HTTP can meet are none of messages.
    expect(said(hail + service + virtual('uri: {prefix: /a}'))).toEqual([])
    expect(said(hail + service + virtual('headers: {verb: {exact: GO}}, port: 80'))).toEqual([])
  })

  it('is told of where rules take its place, and none is without a condition', () => {
    for (const rule of [meta('match: {attributes: {verb: {exact: GO}}}, '), virtual('headers: {verb: {exact: GO}}')]) {
      expect(said(hail + service + rule)).toEqual(atPort)
      expect(said(hail + service + rule + own('MsgRouter', 'r', 'protocol: hail, svrName: a.b'))).toEqual([])
    }
  })
})

describe("a Sidecar's listener", () => {
  const sidecar = (port: number, hosts: string) =>
    istio('Sidecar', 's', `egress: [{port: {number: ${port}, name: hail, protocol: TCP}, hosts: [${hosts}]}]`)
  const other = service.replaceAll('one', 'two').replace('a.b', 'c.d').replace('number: 7', 'number: 8')

  it('leads to the service of its port, or to the only one', () => {
    expect(said(hail + service + sidecar(7, './*'))).toEqual([])
    expect(said(hail + service + sidecar(20, 'default/a.b'))).toEqual([])
    expect(said(hail + service + other + sidecar(8, '"*/*"'))).toEqual([])
  })

  it('is told of where there is none, or one of several', () => {
    const told = [expect.stringMatching(/^spec\.egress\[0\]\.port\.name: .*listener/)]
    expect(said(hail + service + sidecar(7, 'elsewhere/*'))).toEqual(told)
    expect(said(hail + service + other + sidecar(20, './*'))).toEqual(told)
    expect(said(hail + service + other + sidecar(20, './*') + own('MsgRouter', 'r', 'svrName: a.b'))).toEqual([])
  })
})
