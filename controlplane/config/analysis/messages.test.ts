import { describe, expect, it } from 'vitest'
import { analyzeYaml } from '../../../test/helpers/config-documents.ts'

const entry = (host: string, ports: string) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${host.toLowerCase()}}
spec:
  hosts: [${host}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [${ports}]
  endpoints: [{address: 10.0.0.1}]
---
`
const router = (name: string, spec: string) => `
apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: ${name}}
spec: {${spec}}
---
`
const A = entry('test.serviceA', '{number: 12345, name: game-main, protocol: TCP}, {number: 80, name: http}')
const said = (yaml: string) =>
  analyzeYaml(yaml).map(({ code, path, line, message }) => `${line} ${code} ${path}: ${message}`)

describe('MsgRouters', () => {
  it('a right one is left alone, its port found by the protocol', () => {
    expect(said(A + router('one', 'msgid: 1, svrName: test.serviceA'))).toEqual([])
  })

  it('a hash whose key the router names, and ports that services share, are left alone', () => {
    const two = entry('a.b', '{number: 7, name: game, protocol: TCP}') + entry('c.d', '{number: 7, name: game-x}')
    const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: hash}
spec: {host: a.b, trafficPolicy: {loadBalancer: {consistentHash: {maglev: {}}}}}
---
`
    expect(said(two + rule + router('one', 'msgid: 1, svrName: a.b, hashKey: uid'))).toEqual([])
    const header = rule.replace('maglev: {}', 'maglev: {}, httpHeaderName: uid')
    expect(said(two + header + router('one', 'msgid: 1, svrName: a.b, hashKey: uid'))).toEqual([])
    expect(said(two + header + router('one', 'msgid: 1, svrName: a.b'))).toEqual([
      expect.stringMatching(/HASH_NO_EFFECT .*a.b has no HTTP port/),
    ])
    expect(said(two + rule + router('one', 'msgid: 1, svrName: a.b'))).toEqual([
      expect.stringMatching(/HASH_NO_EFFECT .*consistentHash: nothing says what to hash/),
    ])
  })

  it('a condition with the name of its field as a value is told how it is written', () => {
    const rule = router('one', 'match: [{field: cmd, exact: 7}], svrName: test.serviceA')
    const [complaint] = analyzeYaml(A + rule)
    expect(complaint).toMatchObject({
      code: 'PROTOCOL_FIELD_NOT_FOUND',
      hint: expect.stringContaining('{cmd: {exact: 7}}'),
    })
  })

  it('destinations that do not exist are named where they stand', () => {
    expect(said(A + router('one', 'msgid: 1, svrName: test.serviceB, subset: v1'))).toEqual([
      expect.stringMatching(/HOST_NOT_FOUND spec\.svrName: /),
      expect.stringMatching(/SUBSET_NOT_FOUND spec\.subset: /),
    ])
    expect(said(A + router('one', 'msgid: 1, svrName: test.serviceA, port: 1'))).toEqual([
      expect.stringMatching(/DESTINATION_PORT_NOT_FOUND spec\.port: /),
    ])
    expect(said(A + router('one', 'routes: [{msgid: 1, route: [{destination: {host: nobody}}]}]'))).toEqual([
      expect.stringMatching(/HOST_NOT_FOUND spec\.routes\[0\]\.route\[0\]\.destination\.host: /),
    ])
  })

  it('fields, protocols and gateways that do not exist', () => {
    expect(said(A + router('one', 'match: [{msgjd: 1}], svrName: test.serviceA'))).toEqual([
      expect.stringMatching(/PROTOCOL_FIELD_NOT_FOUND spec\.match\[0\]\.msgjd: no protocol has a field msgjd/),
    ])
    expect(said(A + router('one', 'protocol: gamee, msgid: 1, svrName: test.serviceA'))).toEqual([
      expect.stringMatching(/PROTOCOL_NOT_FOUND spec\.protocol: /),
    ])
    expect(said(A + router('one', 'gateways: [edge], msgid: 1, svrName: test.serviceA'))).toEqual([
      expect.stringMatching(/GATEWAY_NOT_FOUND spec\.gateways\[0\]: /),
    ])
  })

  it('services of one port that messages do not tell apart', () => {
    const two = entry('a.b', '{number: 7, name: thrift}') + entry('c.d', '{number: 7, name: thrift}')
    expect(said(two)).toEqual([
      expect.stringMatching(/TCP_PORT_CLASH spec\.ports\[0\]\.number: .* messages do not say which is meant/),
    ])
    expect(said(two.replace('hosts: [c.d]', 'hosts: [c.d]\n  addresses: [127.0.1.1]'))).toEqual([])
    const called = two.replace('{name: c.d}', '{name: c.d, annotations: {interface: C}}')
    expect(said(called.replace('{name: a.b}', '{name: a.b, annotations: {interface: A}}'))).toEqual([])
    const gateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec: {servers: [{port: {number: 9, name: thrift-edge, protocol: TCP}, hosts: ["*"]}]}
---
`
    expect(said(two + gateway)).toEqual([])
  })

  it('a mirror that no copy goes by, because connections belong to clients', () => {
    const duel = (connections: string) => `
apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: duel}
spec:
  frame: {length: {at: 0, type: u32, counts: all}}
  message: {kind: {at: 4, type: u8, is: {1: request, 2: response}}, id: {at: 5, type: u32}}
  fields: {msgid: {at: 9, type: u32}}
  connections: [${connections}]
---
`
    const to = entry('test.duel', '{number: 7, name: duel, protocol: TCP}')
    const rule = router('one', 'msgid: 1, svrName: test.duel, mirror: {host: test.duel}')
    const told = [expect.stringMatching(/FIELD_NO_EFFECT spec\.mirror: no copy is sent: connections .* bound/)]
    expect(said(duel('bound') + to + rule)).toEqual(told)
    expect(said(duel('bound') + to + rule.replace('spec: {', 'spec: {protocol: duel, '))).toEqual(told)
    expect(said(duel('shared, bound') + to + rule)).toEqual([])
    const meta = `
apiVersion: metaprotocol.aeraki.io/v1alpha1
kind: MetaRouter
metadata: {name: meta}
spec: {hosts: [test.duel], routes: [{mirror: {host: test.duel}, route: [{destination: {host: test.duel}}]}]}
---
`
    expect(said(duel('bound') + to + meta)).toEqual([
      expect.stringMatching(/FIELD_NO_EFFECT spec\.routes\[0\]\.mirror: /),
    ])
  })

  it('of two for one id the loser is told, with the reason', () => {
    const first = router('one', 'msgid: 7, svrName: test.serviceA')
    expect(said(A + first + router('two', 'msgid: "0x7", svrName: test.serviceA'))).toEqual([
      expect.stringMatching(
        /MSG_ROUTE_OVERLAP spec\.msgid: message id 7 goes by the rule at test\.yaml:\d+: it is named first/,
      ),
    ])
    const urgent = said(A + first + router('two', 'msgid: 7, priority: 1, svrName: test.serviceA'))
    expect(urgent).toEqual([expect.stringMatching(/MSG_ROUTE_OVERLAP .*its priority is greater/)])
    expect(urgent[0]!.split(' ')[0]).not.toBe('')
  })

  it('an exact id inside a range is an exception, and only noted', () => {
    expect(
      said(
        A + router('range', 'msgid: 1-9, svrName: test.serviceA') + router('one', 'msgid: 5, svrName: test.serviceA'),
      ),
    ).toEqual([expect.stringMatching(/MSG_ROUTE_NARROWED spec\.msgid: message id 5 goes by .*it is narrower/)])
  })

  it('rules for different gateways, protocols, proxies or with further conditions do not meet', () => {
    const one = router('one', 'msgid: 7, svrName: test.serviceA, protocol: game')
    for (const other of ['match: [{uid: 5}]', 'selector: {labels: {app: x}}'])
      expect(said(A + one + router('two', `msgid: 7, svrName: test.serviceA, ${other}`))).toEqual([])
  })

  it('thousands of rules side by side do not meet', () => {
    const routers = Array.from({ length: 2000 }, (_, n) =>
      router(`r${n}`, `msgid: ${n * 10}-${n * 10 + 9}, svrName: test.serviceA`),
    )
    expect(said(A + routers.join(''))).toEqual([])
  })
})

describe('names of protocols', () => {
  it('a port named for a protocol that does not exist', () => {
    expect(said(entry('x', '{number: 1, name: tcp-metaprotocol-qza, protocol: TCP}'))).toEqual([
      expect.stringMatching(/PROTOCOL_NOT_FOUND spec\.ports\[0\]\.name: .*"qza"/),
    ])
    const misspelt = entry('x', '{number: 1, name: gmae-main, protocol: TCP}')
    expect(said(misspelt + A + router('one', 'msgid: 1, svrName: test.serviceA'))).toEqual([
      expect.stringMatching(/PROTOCOL_NOT_FOUND spec\.ports\[0\]\.name: /),
    ])
    // Without any rule for messages a port may be called so.
    expect(said(misspelt)).toEqual([])
  })

  it('ordinary names are no protocols', () => {
    for (const name of ['tcp', 'main', 'http-api', 'grpc-web', 'redis', 'tcp-db', 'metrics'])
      expect(said(entry('x', `{number: 1, name: ${name}}`))).toEqual([])
  })
})
