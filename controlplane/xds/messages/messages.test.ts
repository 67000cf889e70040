import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JsonObject } from '@bufbuild/protobuf'
import { describe, expect, it, onTestFinished } from 'vitest'
import { gameService, messageView } from './fixture.ts'

const router = (name: string, spec: string) => `
apiVersion: meshgate.io/v1
kind: MsgRouter
metadata: {name: ${name}}
spec: {${spec}}
---`
const A = gameService('test.serviceA')
const B = gameService('test.serviceB', 12346)

const routesOf = (table: JsonObject) => table['routes'] as readonly JsonObject[]
const namesOf = (yaml: string, table = 'game.12345', node = {}) =>
  routesOf(messageView(yaml, node).json('mrds', table)).map(({ name }) => name)
const first = (yaml: string) => routesOf(messageView(yaml).json('mrds', 'game.12345'))[0]

describe('what a class of message proxies gets', () => {
  it('nothing of Envoy, and of the clusters only those its tables name', () => {
    const web = `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: web}
spec: {hosts: [web.example], resolution: STATIC, ports: [{number: 80, name: http}], endpoints: [{address: 10.0.0.9}]}
---`
    const view = messageView(A + web)
    expect(view.names('lds')).toEqual([])
    expect(view.names('rds')).toEqual([])
    expect(view.names('cds')).toEqual(['outbound|12345||test.servicea'])
    expect(view.names('eds')).toEqual(['outbound|12345||test.servicea'])
    expect(view.names('pds')).toEqual(['game'])
    expect(view.names('mlds')).toEqual(['127.0.0.1_12345'])
  })

  it('Envoy gets the port as TCP and none of the types of the message proxy', () => {
    const view = messageView(A, { id: 'sidecar~10.0.0.1~client.default~default.svc.cluster.local' })
    expect(view.names('lds')).toContain('127.0.0.1_12345')
    for (const type of ['pds', 'mrds', 'mlds'] as const) expect(view.names(type)).toEqual([])
  })

  it('TYPE message-proxy says what it is as well as the node id', () => {
    expect(messageView(A, { id: 'x', metadata: { TYPE: 'message-proxy' } }).names('mlds')).toEqual(['127.0.0.1_12345'])
  })

  it('a Gateway that selects it replaces the ports of services', () => {
    const gateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  selector: {app: edge}
  servers: [{port: {number: 7000, name: game-edge, protocol: TCP}, hosts: ["*"]}]
---`
    const node = { metadata: { LABELS: { app: 'edge' } } }
    expect(messageView(A + gateway, node).names('mlds')).toEqual(['0.0.0.0_7000'])
    expect(messageView(A + gateway).names('mlds')).toEqual(['127.0.0.1_12345'])
    expect(namesOf(A + gateway + router('one', 'msgid: 1, svrName: test.serviceA'), 'game.7000', node)).toEqual(['one'])
  })

  it('a Sidecar lists what is opened: ingress to the workload, egress by port', () => {
    const sidecar = `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: all}
spec:
  ingress: [{port: {number: 9000, name: game, protocol: TCP}, defaultEndpoint: 127.0.0.1:9001}]
  egress: [{port: {number: 7001, name: game-out, protocol: TCP}, hosts: ["*/test.servicea"]}]
---`
    const view = messageView(A + B + sidecar)
    expect(view.names('mlds')).toEqual(['0.0.0.0_9000', '127.0.0.1_7001'])
    expect(view.json('mrds', 'inbound|9000||')['routes']).toEqual([
      { name: 'inbound', clusters: [{ name: 'inbound|9000||', weight: 1 }] },
    ])
    expect(view.json('mrds', 'game.7001')['routes']).toEqual([
      { name: 'default', clusters: [{ name: 'outbound|12345||test.servicea', weight: 1 }] },
    ])
    expect(view.names('cds')).toEqual(['inbound|9000||', 'outbound|12345||test.servicea'])
  })

  it('an ingress port of a Sidecar that would lead to itself is not opened', () => {
    const listeners = (endpoint: string) =>
      messageView(`
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: s}
spec: {ingress: [{port: {number: 7001, name: game-in, protocol: TCP}, defaultEndpoint: "127.0.0.1:${endpoint}"}]}
---${A}`).names('mlds')
    expect(listeners('7001')).not.toContain('0.0.0.0_7001')
    expect(listeners('12345')).toContain('0.0.0.0_7001')
  })

  it('opens one port at several addresses, unless one of them is every address; a Sidecar takes a port in and out', () => {
    const sidecar = (ingress: string, egress: string) => `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: scope}
spec:
  ingress: [{port: {number: 12345, name: game, protocol: TCP}, defaultEndpoint: 127.0.0.1:9001${ingress}}]
  egress: [{port: {number: 12345, name: game, protocol: TCP}, hosts: ["*/test.servicea"]${egress}}, {hosts: ["*/*"]}]
---`
    const opened = (ingress: string, egress: string) => messageView(A + B + sidecar(ingress, egress)).names('mlds')
    expect(opened(', bind: 10.0.0.1', '')).toEqual(['10.0.0.1_12345', '127.0.0.1_12345', '127.0.0.1_12346'])
    expect(opened(', bind: 10.0.0.1', ', bind: 127.0.0.3')).toEqual([
      '10.0.0.1_12345',
      '127.0.0.3_12345',
      '127.0.0.1_12346',
    ])
    expect(opened(', bind: 10.0.0.1', ', bind: 10.0.0.1')).toEqual(['10.0.0.1_12345', '127.0.0.1_12346'])
    expect(opened('', '')).toEqual(['0.0.0.0_12345', '127.0.0.1_12346'])
    expect(opened('', ', bind: "::1"')).toEqual(['0.0.0.0_12345', '::1_12345', '127.0.0.1_12346'])
    expect(opened(', bind: "::"', ', bind: "::1"')).toEqual(['::_12345', '127.0.0.1_12346'])
    const gateways = ['10.0.0.1', '10.0.0.2', '10.0.0.1'].map(
      (bind, i) => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge${i}}
spec: {servers: [{port: {number: 7000, name: game-edge, protocol: TCP}, bind: ${bind}, hosts: ["*"]}]}
---`,
    )
    expect(messageView(A + gateways.join('')).names('mlds')).toEqual(['10.0.0.1_7000', '10.0.0.2_7000'])
  })

  it('listens for a service at the address of loopback that is its own; a Sidecar may open one port at several', () => {
    const C = gameService('test.serviceC')
    expect(messageView(A + C).names('mlds')).toEqual(['127.0.0.1_12345'])
    const view = messageView(A + C.replace('  resolution:', '  addresses: [127.0.1.1]\n  resolution:'))
    expect(view.names('mlds')).toEqual(['127.0.0.1_12345', '127.0.1.1_12345'])
    const goesTo = (table: string) => JSON.stringify(view.json('mrds', table)).match(/test\.service\w/g)
    expect([goesTo('game.12345'), goesTo('game.12345.127.0.1.1')]).toEqual([['test.servicea'], ['test.servicec']])
    const sidecar = `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: two}
spec:
  egress:
  - {port: {number: 12345, name: game, protocol: TCP}, bind: 127.0.0.3, hosts: ["*/test.servicea"]}
  - {port: {number: 12345, name: game, protocol: TCP}, bind: 127.0.0.4, hosts: ["*/test.servicec"]}
---`
    expect(messageView(A + C + sidecar).names('mlds')).toEqual(['127.0.0.3_12345', '127.0.0.4_12345'])
  })

  it('what MsgRouters send to is reached past the hosts of a Sidecar, as what VirtualServices send to', () => {
    const sidecar = `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: few}
spec: {egress: [{hosts: ["*/test.servicea"]}]}
---`
    const rule = router('far', 'msgid: 1, svrName: test.serviceB')
    expect(messageView(A + B + sidecar + rule).names('cds')).toContain('outbound|12346||test.serviceb')
    expect(messageView(A + B + sidecar).names('cds')).not.toContain('outbound|12346||test.serviceb')
  })

  it('a Protocol document is sent as data, before one of that name that comes with the package', () => {
    const protocol = `
apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: game}
spec: {frame: {length: {at: 0, type: u32, counts: all}}, message: {kind: request}, fields: {msgid: {at: 4, type: u32}}}
---`
    expect(messageView(A).json('pds', 'game')).toEqual({ name: 'game', shipped: 'game' })
    expect(messageView(A + protocol).json('pds', 'game')).toMatchObject({
      name: 'game',
      layout: { fields: { msgid: { at: 4, type: 'u32' } } },
    })
  })
})

describe('a Protocol that names fields by a .proto file', () => {
  it('goes to proxies with numbers, and routes may name its fields', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mesh-proto-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    writeFileSync(
      join(folder, 'head.proto'),
      'syntax = "proto3";\nmessage Head { string method = 1; uint64 uid = 3; }\n',
    )
    const protocol = `
apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: game}
spec:
  frame: {length: {at: 0, type: u16, counts: all}}
  message: {kind: request}
  fields:
    size: {at: 2, type: u16, writable: false}
    head: {at: 4, type: bytes, size: size, proto: {file: head.proto, message: Head}}
    method: {in: head, pb: method}
    uid: {in: head, pb: uid}
  reply: {error: close}
  connections: [exclusive]
---`
    const view = messageView(
      protocol + A + router('r', 'match: [{method: move}], svrName: test.serviceA, hashKey: uid'),
      {
        file: join(folder, 'mesh.yaml'),
      },
    )
    expect(view.json('pds', 'game')).toMatchObject({
      layout: { fields: { method: { in: 'head', pb: [1], type: 'string' }, uid: { pb: [3], type: 'uint64' } } },
    })
    expect(JSON.stringify(view.json('pds', 'game'))).not.toContain('proto')
    expect(routesOf(view.json('mrds', 'game.12345'))[0]).toMatchObject({ hashKeys: [{ field: 'uid' }] })
  })
})

describe('MsgRouter', () => {
  it('one message id to a service', () => {
    expect(first(A + router('one', 'msgid: 100000, svrName: test.serviceA, port: 12345'))).toEqual({
      name: 'one',
      match: { fields: [{ field: 'msgid', exact: '100000' }] },
      clusters: [{ name: 'outbound|12345||test.servicea', weight: 1 }],
    })
  })

  it('a host that is not in the registry as it stands is a short name of the namespace', () => {
    const short = gameService('arena.default.svc.cluster.local')
    expect(first(short + router('one', 'msgid: 1, svrName: arena'))).toMatchObject({
      clusters: [{ name: 'outbound|12345||arena.default.svc.cluster.local' }],
    })
  })

  it('lists are one set, ranges are ranges; entries of match are alternatives', () => {
    const routes = routesOf(
      messageView(
        A +
          router('r', 'msgid: [1, "0x10"], match: [{uid: 5}, {uid: {not: true, prefix: "9"}}], svrName: test.serviceA'),
      ).json('mrds', 'game.12345'),
    )
    const id = { field: 'msgid', oneOf: { values: ['1', '16'] } }
    expect(routes.slice(0, 2).map(({ match }) => match)).toEqual([
      { fields: [id, { field: 'uid', exact: '5' }] },
      { fields: [id, { field: 'uid', prefix: '9', invert: true }] },
    ])
    expect(first(A + router('r', 'msgid: ["1-5", 9], svrName: test.serviceA'))).toMatchObject({
      match: {
        fields: [
          {
            ranges: {
              ranges: [
                { first: '1', last: '5' },
                { first: '9', last: '9' },
              ],
            },
          },
        ],
      },
    })
  })

  it('ids of 64 bits without a sign are on the wire in two lists, as far as they need both', () => {
    const rangesOf = (ids: string) =>
      (first(A + router('r', `msgid: ${ids}, svrName: test.serviceA`)) as JsonObject)['match']
    const range = (begin: bigint, end: bigint) => ({ first: String(begin), last: String(end) })
    expect(rangesOf('["1-5", "18446744073709551615"]')).toEqual({
      fields: [{ field: 'msgid', ranges: { ranges: [range(1n, 5n)], above: [range(2n ** 64n - 1n, 2n ** 64n - 1n)] } }],
    })
    expect(rangesOf('"7-9223372036854775809"')).toEqual({
      fields: [
        {
          field: 'msgid',
          ranges: { ranges: [range(7n, 2n ** 63n - 1n)], above: [range(2n ** 63n, 2n ** 63n + 1n)] },
        },
      ],
    })
  })

  it('shift, subsets, hash, timeout, retry, fault, mirror, mutation and limit', () => {
    const rule = `msgid: 1,
      route: [{destination: {host: test.serviceA, subset: v1}, weight: 50}, {destination: {host: test.serviceA, subset: v2}, weight: 50}],
      hashKey: [uid, sourceIp], timeout: 300ms, idleTimeout: 30s, retries: {attempts: 2, idempotent: true, retryOn: [reset]},
      fault: {delay: {percentage: {value: 0.5}, fixedDelay: 2s}, abort: {percentage: {value: 10}, code: 7, message: no}},
      mirror: {host: test.serviceB}, mirrorPercentage: {value: 25}, requestMutation: [{field: uid, value: 9}],
      localRateLimit: [{per: [uid], tokenBucket: {maxTokens: 3, fillInterval: 1s}}], connection: bound`
    expect(first(A + B + router('all', rule))).toEqual({
      name: 'all',
      match: { fields: [{ field: 'msgid', exact: '1' }] },
      clusters: [
        { name: 'outbound|12345|v1|test.servicea', weight: 50 },
        { name: 'outbound|12345|v2|test.servicea', weight: 50 },
      ],
      hashKeys: [{ field: 'uid' }, { sourceIp: true }],
      timeout: '0.300s',
      idleTimeout: '30s',
      retry: { numRetries: 2, idempotent: true, retryOn: ['reset'] },
      fault: {
        delay: { fixedDelay: '2s', millionths: 5000 },
        abort: { millionths: 100000, reply: { code: 7, message: 'no' } },
      },
      mirrors: [{ cluster: 'outbound|12346||test.serviceb', millionths: 250000 }],
      requestMutations: [{ field: 'uid', set: '9' }],
      rateLimits: [{ tokenBucket: { maxTokens: 3, tokensPerFill: 1, fillInterval: '1s' }, per: ['uid'] }],
      connectionMode: 'BOUND',
    })
  })

  it('a hash key gives the cluster a Maglev table unless a DestinationRule chose otherwise', () => {
    const hashed = A + router('h', 'msgid: 1, svrName: test.serviceA, hashKey: uid')
    const policy = (yaml: string) =>
      JSON.stringify(messageView(yaml).json('cds', 'outbound|12345||test.servicea')['loadBalancingPolicy'])
    expect(policy(hashed)).toContain('maglev')
    expect(policy(A)).toContain('least_request')
    const random = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a-random}
spec: {host: test.serviceA, trafficPolicy: {loadBalancer: {simple: RANDOM}}}
---`
    expect(policy(random + hashed)).toContain('random')
  })

  it('the greater priority first, then exact ids, more conditions, ranges, fields, everything; the service itself last', () => {
    const yaml = [
      router('everything', 'svrName: test.serviceB'),
      router('fields', 'match: [{uid: 1}], svrName: test.serviceB'),
      router('range', 'msgid: 1-9, svrName: test.serviceB'),
      router('exact', 'msgid: 5, svrName: test.serviceB'),
      router('exactwithfield', 'msgid: 5, match: [{uid: 1}], svrName: test.serviceB'),
      router('urgent', 'msgid: 1-100, priority: 1, svrName: test.serviceB'),
      router('later', 'priority: -1, msgid: 6, svrName: test.serviceB'),
    ]
    expect(namesOf(A + B + yaml.join(''))).toEqual([
      'urgent',
      'exactwithfield',
      'exact',
      'range',
      'fields',
      'everything',
      'later',
      'default',
    ])
  })

  it('without a protocol named it is for protocols that have the fields; gateways and selector narrow it', () => {
    const rule = 'svrName: test.serviceA, msgid: 1'
    expect(namesOf(A + router('r', `${rule}, match: [{nothing: 1}]`))).toEqual(['default'])
    expect(namesOf(A + router('r', `${rule}, gateways: [mesh]`))).toEqual(['r', 'default'])
    expect(namesOf(A + router('r', `${rule}, gateways: [edge]`))).toEqual(['default'])
    const selected = A + router('r', `${rule}, selector: {labels: {app: lobby}}`)
    expect(namesOf(selected)).toEqual(['default'])
    expect(namesOf(selected, 'game.12345', { metadata: { LABELS: { app: 'lobby' } } })).toEqual(['r', 'default'])
  })

  it('a destination that does not exist keeps its name and has no cluster', () => {
    const view = messageView(A + router('r', 'msgid: 1, svrName: nowhere.example, port: 9'))
    expect(routesOf(view.json('mrds', 'game.12345'))[0]).toMatchObject({
      clusters: [{ name: 'outbound|9||nowhere.example' }],
    })
    expect(view.names('cds')).toEqual(['outbound|12345||test.servicea'])
  })
})
