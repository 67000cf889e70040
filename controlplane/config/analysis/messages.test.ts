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

  it('values that no message has', () => {
    const values = (spec: string) => said(A + router('one', `${spec}, svrName: test.serviceA`))
    expect(values('msgid: 4294967295, match: [{kind: request, uid: "18446744073709551615"}]')).toEqual([])
    expect(values('msgid: ["4294967290-4294967400"]')).toEqual([])
    expect(values('msgid: 4294967296')).toEqual([
      expect.stringMatching(
        /^16 PROTOCOL_VALUE_IMPOSSIBLE spec\.msgid: no message has msgid 4294967296: the field holds 0 to 4294967295$/,
      ),
    ])
    expect(values('msgid: [7, "-9--3"]')).toEqual([expect.stringContaining('no message has msgid -9--3')])
    expect(values('match: [{cmd: 1, kind: {in: [request, reqest]}}]').join()).toContain('no protocol has a field cmd')
    expect(values('match: [{kind: {in: [request, reqest]}}]')).toEqual([
      expect.stringMatching(
        /spec\.match\[0\]\.kind\.in\[1\]: no message has kind "reqest": that is no integer, and none of its names: request,/,
      ),
    ])
    // One byte wide: the document says so, not the type of 32 bits that holds it.
    expect(values('msgid: 1, match: [{flags: {range: {first: 256}}}]')).toEqual([
      expect.stringContaining('no message has flags 256-18446744073709551615: the field holds 0 to 255'),
    ])
    expect(values('msgid: 1, requestMutation: [{field: flags, value: 256}, {field: flags, value: 255}]')).toEqual([
      expect.stringMatching(/spec\.requestMutation\[0\]\.value: /),
    ])
    expect(
      values('msgid: 1, localRateLimit: [{match: {uid: -1}, tokenBucket: {maxTokens: 1, fillInterval: 1s}}]'),
    ).toEqual([expect.stringMatching(/spec\.localRateLimit\[0\]\.match\.uid: /)])
    const thrift = entry('t', '{number: 7, name: thrift}')
    expect(said(thrift + router('two', 'match: [{method: {range: {first: 1}}}], svrName: t'))).toEqual([
      expect.stringContaining('method is a text: it is in no range of numbers'),
    ])
    expect(said(thrift + router('two', 'match: [{method: 7}], svrName: t'))).toEqual([])
  })

  it('limits and changes of fields that are not there, or cannot be changed', () => {
    const beside = (spec: string) => said(A + router('one', `msgid: 1, svrName: test.serviceA, ${spec}`))
    expect(beside('requestMutation: [{field: uid, value: 7}], responseMutation: [{field: body, value: x}]')).toEqual([])
    expect(beside('requestMutation: [{field: uit, value: 7}]')).toEqual([
      expect.stringMatching(/PROTOCOL_FIELD_NOT_FOUND spec\.requestMutation\[0\]\.field: no protocol has a field uit/),
    ])
    expect(beside('localRateLimit: [{match: {user: 1}, tokenBucket: {maxTokens: 1, fillInterval: 1s}}]')).toEqual([
      expect.stringMatching(/PROTOCOL_FIELD_NOT_FOUND spec\.localRateLimit\[0\]\.match\.user: /),
    ])
    expect(beside('requestMutation: [{field: id, value: 7}]')).toEqual([
      expect.stringMatching(
        /FIELD_NO_EFFECT spec\.requestMutation\[0\]\.field: field id of a message cannot be changed/,
      ),
    ])
  })

  it('replies have fields of their own where a protocol says so', () => {
    const sides = `
apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: sided}
spec:
  frame: {length: {at: 0, type: u16, counts: all}}
  message: {kind: oneway}
  fields: {cmd: {at: 2, type: u8}}
  variants:
    - {name: ask, from: client, fields: {name: {at: 3, type: u8}}}
    - {name: answer, from: upstream, fields: {state: {at: 3, type: u8}}}
---
`
    const beside = (spec: string) =>
      said(
        sides + A + router('one', `protocol: sided, match: [{cmd: 1}], svrName: test.serviceA, port: 12345, ${spec}`),
      )
    expect(
      beside('responseMutation: [{field: state, value: 255}], requestMutation: [{field: name, value: 1}]'),
    ).toEqual([])
    expect(beside('responseMutation: [{field: state, value: 256}]')).toEqual([
      expect.stringContaining('no message has state 256'),
    ])
    expect(beside('requestMutation: [{field: state, value: 1}]')).toEqual([
      expect.stringContaining('no protocol has a field state'),
    ])
  })

  it('a value that one of several protocols can have is left alone', () => {
    const protocol = (name: string, type: string) => `
apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: ${name}}
spec: {maxFrame: 1000, frame: {length: {at: 0, type: u16, counts: all}}, message: {kind: oneway}, fields: {msgid: {at: 2, type: ${type}}}}
---
`
    const wide = router('one', 'msgid: 70000, svrName: s')
    const services = entry('s', '{number: 7, name: narrow}')
    expect(said(protocol('narrow', 'u16') + services + wide)).toEqual([expect.stringContaining('0 to 65535')])
    expect(said(protocol('narrow', 'u16') + protocol('other', 'u24') + services + wide)).toEqual([])
    expect(
      said(
        protocol('narrow', 'u16') +
          protocol('other', 'u24') +
          services +
          router('one', 'protocol: narrow, msgid: 70000, svrName: s'),
      ),
    ).toEqual([expect.stringContaining('0 to 65535')])
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
