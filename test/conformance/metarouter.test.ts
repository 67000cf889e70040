import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromBinary } from '@bufbuild/protobuf'
import { describe, expect, it } from 'vitest'
import { createModel } from '../../controlplane/model/index.ts'
import { ClassView } from '../../controlplane/xds/class-view.ts'
import { classify, relevance } from '../../controlplane/xds/classify.ts'
import { readRouteTable } from '../../dataplane/config/route.ts'
import type { FieldMatch, MessageRoute, RouteTable } from '../../dataplane/configuration.ts'
import { MessageRouteTableSchema } from '../../proto/gen/meshgate/v1/message_route_pb.ts'
import { casesFolder } from '../helpers/cases.ts'
import { load } from '../helpers/config-documents.ts'

const folder = casesFolder('metarouter')
const read = (file: string) => readFileSync(join(folder!, file), 'utf8')

type Fields = Readonly<Record<string, string>>

/** A message proxy's view of YAML. `labels` make it a gateway. */
function viewOf(yaml: string, { namespace = 'default', labels = {}, type = 'message' } = {}) {
  const { objects, diagnostics } = load({ 'case.yaml': yaml })
  const errors = diagnostics.filter(({ severity }) => severity === 'error')
  expect(errors.map(({ code, path, message }) => `${code} ${path} ${message}`)).toEqual([])
  const model = createModel()
  const relevant = relevance(model)
  model.world.commit(objects)
  const node = {
    id: `${type}~10.0.0.1~client.${namespace}~${namespace}.svc.cluster.local`,
    cluster: 'client',
    metadata: { LABELS: labels },
    locality: { region: '', zone: '', subZone: '' },
    userAgent: '',
    protocol: 'delta',
    secretsAllowed: true,
  } as const
  const view = new ClassView(model, classify(node, relevant()), {
    onFailure: (what, name, error) => {
      throw new Error(`${what} ${name}`, { cause: error })
    },
  })
  const table = (name: string): RouteTable => {
    const resource = view.get('mrds', name)
    if (!resource) throw new Error(`no table ${name}, only ${view.names('mrds').join(', ')}`)
    return readRouteTable(fromBinary(MessageRouteTableSchema, resource.bytes))
  }
  return { view, table, diagnostics }
}

/** A host of the registry with workloads of two versions. */
function plainHost(name: string, port: number, protocol: string, namespace = 'default'): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name.replaceAll('.', '-')}, namespace: ${namespace}}
spec:
  hosts: [${name}]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: ${port}, name: ${protocol}, protocol: TCP}]
  endpoints:
    - {address: 10.0.0.1, labels: {version: v1}}
    - {address: 10.0.0.2, labels: {version: v2}}`
}

/** The same with the subsets the demos declare for it. */
function host(name: string, port: number, protocol: string): string {
  const names = ['v1', 'v2', 'sample', 'user', 'batchjob']
  return `${plainHost(name, port, protocol)}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: subsets-of-${name.replaceAll('.', '-')}}
spec:
  host: ${name}
  subsets: [${names.map((subset) => `{name: ${subset}, labels: {version: ${subset}}}`).join(', ')}]`
}

/** The conditions of a route as the proxy means them, on field values given as texts. */
function matches(match: readonly FieldMatch[], fields: Fields): boolean {
  return match.every((test) => {
    const value = fields[test.field]
    const holds =
      value === undefined
        ? test.present === false
        : test.exact !== undefined
          ? value === test.exact
          : test.prefix !== undefined
            ? value.startsWith(test.prefix)
            : test.regex !== undefined
              ? new RegExp(`^(?:${test.regex})$`).test(value)
              : test.present === true
    return holds !== (test.invert ?? false)
  })
}

function routeOf(table: RouteTable, fields: Fields): MessageRoute | undefined {
  return table.routes.find(({ match }) => matches(match, fields))
}

/** Shares by subset (`*` is the whole service), or `no route`. */
function goes(table: RouteTable, fields: Fields): Record<string, number> | 'no route' {
  const route = routeOf(table, fields)
  if (!route) return 'no route'
  return Object.fromEntries(
    route.action.destinations.map(({ cluster, weight }) => [cluster.split('|')[2] || '*', weight]),
  )
}

/** The limit that counts for a message. */
function limitOf({ rateLimits = [] }: RouteTable, fields: Fields) {
  const limit = rateLimits.find(({ match = [] }) => matches(match, fields))
  return limit && { max: limit.maxTokens, everyMs: limit.fillIntervalMs }
}

const DUBBO = 'org.apache.dubbo.samples.basic.api.demoservice'
const META_DUBBO = 'dubbo-sample-provider.meta-dubbo.svc.cluster.local'
const META_THRIFT = 'thrift-sample-server.meta-thrift.svc.cluster.local'
const META_TRPC = 'trpc-sample-server.meta-trpc.svc.cluster.local'

const dubbo = (yaml: string, name = DUBBO) =>
  viewOf(yaml + host(name, 20880, 'tcp-metaprotocol-dubbo')).table('dubbo.20880')
const thrift = (yaml: string, name = META_THRIFT) =>
  viewOf(yaml + host(name, 9090, 'tcp-metaprotocol-thrift')).table('thrift.9090')
const trpc = (yaml: string) => viewOf(yaml + host(META_TRPC, 8000, 'tcp-metaprotocol-trpc')).table('trpc.8000')

/** A protocol with the fields the demo's codec reads, so that its ApplicationProtocol has something to name. */
const layout = (name: string, fields: readonly string[]) => `
apiVersion: meshgate.io/v1
kind: Protocol
metadata: {name: ${name}}
spec:
  frame: {length: {at: 0, type: u32, counts: all}}
  message: {kind: request, id: {at: 4, type: u32}}
  fields: {${fields.map((field, index) => `${field}: {at: ${8 + 4 * index}, type: u32}`).join(', ')}}
---
`

const namespaceOf = (yaml: string) => /^\s+namespace: (\S+)/m.exec(yaml)?.[1] ?? 'default'

/** The subset clusters exist; the service is in the namespace of its rule, as in the demos. */
const subsets = (yaml: string, name: string, port: number, expected: readonly string[]) => {
  const service = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: of-the-rule, namespace: ${namespaceOf(yaml)}}
spec: {hosts: [${name}], location: MESH_INTERNAL, resolution: STATIC, ports: [{number: ${port}, name: tcp-x, protocol: TCP}], endpoints: [{address: 10.0.0.1}]}`
  const { view } = viewOf(yaml + service, { type: 'sidecar' })
  for (const subset of expected) expect(view.names('cds')).toContain(`outbound|${port}|${subset}|${name}`)
}

const SPLIT = { v1: 20, v2: 80 }
const DEMO_CALL = {
  service: 'org.apache.dubbo.samples.basic.api.DemoService',
  method: 'sayHello',
  'attachment.foo': 'bar',
}

const splitsDubbo = (yaml: string) => expect(goes(dubbo(yaml), { method: 'sayHello' })).toEqual(SPLIT)
const onlyV2 = (yaml: string) => expect(goes(dubbo(yaml), { method: 'sayHello' })).toEqual({ v2: 1 })
const notCompiled = (yaml: string) =>
  expect(viewOf(yaml).diagnostics.map(({ code }) => code)).toContain('KIND_NOT_COMPILED')

/** What each document must result in, in the words of expect.json, as checks on the tables that are served. */
const CASES: Readonly<Record<string, (yaml: string) => void>> = {
  'demo__dubbo__destinationrule.yaml': (yaml) => subsets(yaml, DUBBO, 20880, ['v1', 'v2']),
  'demo__dubbo__virtualservice-traffic-splitting.yaml': splitsDubbo,
  'demo__dubbo__virtualservice-v2.yaml': onlyV2,
  'demo__metaprotocol-brpc__brpc-protocol.yaml': (yaml) =>
    expect(viewOf(yaml + host('echo.brpc', 8000, 'tcp-metaprotocol-brpc')).view.names('pds')).toEqual(['brpc']),
  'demo__metaprotocol-brpc__serviceentry.yaml': (yaml) => {
    const workload = `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: echo, labels: {app: brpc-echo-server}}
spec: {address: 10.9.9.9, labels: {app: brpc-echo-server}}`
    const { view } = viewOf(yaml + workload)
    expect(view.names('mlds')).toEqual(['127.0.0.1_8000'])
    expect(view.names('pds')).toEqual(['brpc'])
    const [assignment] = view.names('eds')
    expect(Buffer.from(view.get('eds', assignment!)!.bytes).toString('latin1')).toContain('10.9.9.9')
  },
  'demo__metaprotocol-dubbo-app-level__destinationrule.yaml': (yaml) => subsets(yaml, META_DUBBO, 20880, ['v1', 'v2']),
  'demo__metaprotocol-dubbo-app-level__metarouter-local-ratelimit.yaml': (yaml) => {
    const table = dubbo(yaml, META_DUBBO)
    expect(limitOf(table, { method: 'sayHello' })).toEqual({ max: 2, everyMs: 10_000 })
    expect(limitOf(table, { method: 'other' })).toEqual({ max: 10, everyMs: 60_000 })
    expect(goes(table, { method: 'sayHello' })).toEqual({ v1: 1 })
  },
  'demo__metaprotocol-dubbo-app-level__metarouter-v2.yaml': (yaml) =>
    allThreeOrNone(dubbo(yaml, META_DUBBO), { v2: 1 }),
  'demo__metaprotocol-dubbo-app-level__traffic-split.yaml': (yaml) => allThreeOrNone(dubbo(yaml, META_DUBBO), SPLIT),
  'demo__metaprotocol-dubbo__destinationrule.yaml': (yaml) => subsets(yaml, DUBBO, 20880, ['v1', 'v2']),
  'demo__metaprotocol-dubbo__metarouter-header-mutation.yaml': (yaml) => mutatesAttachments(dubbo(yaml), { '*': 1 }),
  'demo__metaprotocol-dubbo__metarouter-v1.yaml': (yaml) => allThreeOrNone(dubbo(yaml), { v1: 1 }),
  'demo__metaprotocol-dubbo__serviceentry-2.yaml': (yaml) => {
    const first = read('test__e2e__metaprotocol__serviceentry.yaml').replace(/^#.*$/gm, '')
    const table = viewOf(`${yaml}\n---\n${first}`).table('dubbo.20880')
    const clusterOf = (service: string) => routeOf(table, { service })?.action.destinations[0]?.cluster
    expect(clusterOf('org.apache.dubbo.samples.basic.api.SecondService')).toContain('secondservice')
    expect(clusterOf('org.apache.dubbo.samples.basic.api.DemoService')).toContain('demoservice')
    expect(clusterOf('org.example.Third')).toBeUndefined()
  },
  'demo__metaprotocol-dubbo__traffic-mirroring.yaml': (yaml) => {
    const route = routeOf(dubbo(yaml), {})!
    expect(goes(dubbo(yaml), {})).toEqual({ v1: 1 })
    expect(route.action.mirrors).toEqual([{ cluster: `outbound|20880|v2|${DUBBO}`, percent: 100 }])
  },
  'demo__metaprotocol-qza__destinationrule.yaml': (yaml) =>
    subsets(yaml, 'qza-sample-server.meta-qza.svc.cluster.local', 9090, ['v1', 'v2']),
  'demo__metaprotocol-qza__metarouter-v1.yaml': (yaml) => {
    const qza = layout('qza', ['cmd', 'sub_cmd']) + yaml
    const table = viewOf(
      qza + host('qza-sample-server.meta-qza.svc.cluster.local', 9090, 'tcp-metaprotocol-qza'),
    ).table('qza.9090')
    expect(goes(table, { cmd: '153', sub_cmd: '1' })).toEqual({ v1: 1 })
    expect(goes(table, { cmd: '153', sub_cmd: '2' })).toEqual({ v1: 1 })
    expect(goes(table, { cmd: '153', sub_cmd: '12' })).toBe('no route')
    expect(goes(table, { cmd: '15', sub_cmd: '1' })).toBe('no route')
  },
  'demo__metaprotocol-qza__qza-protocol.yaml': (yaml) => registers(yaml, 'qza'),
  'demo__metaprotocol-thrift__consistent-hash-lb__destinationrule.yaml': (yaml) => {
    const { table, view } = viewOf(yaml + plainHost(META_THRIFT, 9090, 'tcp-metaprotocol-thrift', namespaceOf(yaml)))
    expect(routeOf(table('thrift.9090'), { method: 'x' })?.action.hashKeys).toEqual([{ field: 'method' }])
    const cluster = view.get('cds', `outbound|9090||${META_THRIFT}`)!
    expect(Buffer.from(cluster.bytes).toString('latin1')).toContain('maglev')
  },
  'demo__metaprotocol-thrift__metarouter-global-ratelimit.yaml': (yaml) => {
    const table = viewOf(yaml + host(META_THRIFT, 9090, 'tcp-metaprotocol-thrift')).table('thrift.9090')
    expect(goes(table, { method: 'sayHello' })).toEqual({ '*': 1 })
    expect(routeOf(table, { method: 'sayHello' })?.action.globalRateLimits).toEqual([
      {
        domain: 'production',
        cluster: 'outbound|8081||rate-limit-server.meta-thrift.svc.cluster.local',
        timeoutMs: 100,
        sets: [
          [
            {
              match: [{ field: 'method', exact: 'sayHello' }],
              entries: [{ key: 'method', field: 'method' }],
              denyOnFailure: true,
            },
          ],
        ],
      },
    ])
  },
  'demo__metaprotocol-thrift__metarouter-local-ratelimit.yaml': (yaml) => {
    const table = thrift(yaml)
    expect(limitOf(table, { method: 'sayHello' })).toEqual({ max: 2, everyMs: 30_000 })
    expect(limitOf(table, { method: 'other' })).toEqual({ max: 5, everyMs: 60_000 })
    expect(goes(table, { method: 'sayHello' })).toEqual({ v1: 1 })
    expect(goes(table, { method: 'other' })).toBe('no route')
  },
  'demo__metaprotocol-thrift__metarouter-v2.yaml': (yaml) =>
    expect(goes(thrift(yaml), { method: 'sayHello' })).toEqual({ v2: 1 }),
  'demo__metaprotocol-thrift__traffic-split.yaml': (yaml) =>
    expect(goes(thrift(yaml), { method: 'sayHello' })).toEqual(SPLIT),
  'demo__metaprotocol-trpc__metarouter-header-mutation.yaml': (yaml) => {
    const route = routeOf(trpc(yaml), {})!
    expect(route.action.requestMutation).toEqual([
      { field: 'transInfo.foo', value: 'bar' },
      { field: 'transInfo.foo1', value: 'bar1' },
    ])
  },
  'demo__metaprotocol-trpc__metarouter-v1.yaml': (yaml) => {
    const table = trpc(yaml)
    const callee = 'trpc.test.helloworld'
    expect(goes(table, { callee, method: '/trpc.test.helloworld.Greeter/SayHello' })).toEqual({ v1: 1 })
    expect(goes(table, { callee, method: '/trpc.test.helloworld.Greeter/SayHelloAgain' })).toEqual({ v1: 1 })
    expect(goes(table, { callee, method: '/trpc.test.helloworld.Greeter/Bye' })).toBe('no route')
    expect(goes(table, { callee: 'x', method: '/trpc.test.helloworld.Greeter/SayHello' })).toBe('no route')
  },
  'demo__metaprotocol-trpc__traffic-split.yaml': (yaml) => {
    const call = {
      callee: 'trpc.test.helloworld',
      caller: 'trpc.app.trpc-client.service',
      method: '/trpc.test.helloworld.Greeter/SayHello',
    }
    expect(goes(trpc(yaml), call)).toEqual(SPLIT)
    for (const field of Object.keys(call)) expect(goes(trpc(yaml), { ...call, [field]: 'x' })).toBe('no route')
  },
  'demo__metaprotocol-videopacket__destinationrule.yaml': (yaml) =>
    subsets(yaml, 'videopacket-sample-server.meta-videopacket.svc.cluster.local', 9090, ['v1', 'v2']),
  'demo__metaprotocol-videopacket__metarouter-v2.yaml': (yaml) => {
    const name = 'videopacket-sample-server.meta-videopacket.svc.cluster.local'
    const all = layout('videopacket', ['command']) + yaml + host(name, 9090, 'tcp-metaprotocol-videopacket')
    const table = viewOf(all).table('videopacket.9090')
    expect(goes(table, { command: '1' })).toEqual({ v2: 1 })
    expect(goes(table, { command: '2' })).toBe('no route')
  },
  'demo__metaprotocol-videopacket__videopacket-protocol.yaml': (yaml) => registers(yaml, 'videopacket'),
  'demo__redis__cluster.yaml': notCompiled,
  'demo__redis__read-policy.yaml': notCompiled,
  'demo__redis__server-side-password.yaml': notCompiled,
  'demo__thrift__destinationrule.yaml': (yaml) =>
    subsets(yaml, 'thrift-sample-server.thrift.svc.cluster.local', 9090, ['v1', 'v2']),
  'demo__thrift__virtualservice-v1.yaml': (yaml) =>
    expect(goes(thrift(yaml, 'thrift-sample-server.thrift.svc.cluster.local'), { method: 'x' })).toEqual({ v1: 1 }),
  'test__e2e__dubbo__destinationrule.yaml': (yaml) => subsets(yaml, DUBBO, 20880, ['v1', 'v2', 'user', 'batchjob']),
  'test__e2e__dubbo__virtualservice-header-exact.yaml': (yaml) => {
    const table = dubbo(yaml)
    expect(goes(table, { 'attachment.batchJob': 'true' })).toEqual({ batchjob: 1 })
    expect(goes(table, { 'attachment.batchJob': 'false' })).toEqual({ user: 1 })
    expect(goes(table, {})).toBe('no route')
  },
  'test__e2e__dubbo__virtualservice-method-prefix.yaml': onlyV2,
  'test__e2e__dubbo__virtualservice-traffic-splitting.yaml': splitsDubbo,
  'test__e2e__dubbo__virtualservice-v2.yaml': onlyV2,
  'test__e2e__metaprotocol__consistent-hash-lb__metarouter-sample.yaml': (yaml) => {
    const hash = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a-hash}
spec:
  host: ${DUBBO}
  trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: method}}}
  subsets: [{name: sample, labels: {}}]`
    const table = viewOf(yaml + hash + plainHost(DUBBO, 20880, 'tcp-metaprotocol-dubbo')).table('dubbo.20880')
    expect(goes(table, { method: 'sayHello' })).toEqual({ sample: 1 })
    expect(routeOf(table, {})?.action.hashKeys).toEqual([{ field: 'method' }])
  },
  'test__e2e__metaprotocol__metarouter-attribute-exact.yaml': onlyV2,
  'test__e2e__metaprotocol__metarouter-attribute-regex.yaml': onlyV2,
  'test__e2e__metaprotocol__metarouter-header-mutation.yaml': (yaml) => mutatesAttachments(dubbo(yaml), { v1: 1 }),
  'test__e2e__metaprotocol__metarouter-traffic-splitting.yaml': splitsDubbo,
  'test__e2e__metaprotocol__metarouter-v2.yaml': (yaml) => {
    onlyV2(yaml)
    expect(goes(dubbo(yaml), {})).toEqual({ v2: 1 })
  },
  'test__e2e__metaprotocol__serviceentry.yaml': (yaml) => {
    const { view } = viewOf(yaml)
    expect(view.names('mlds')).toEqual(['127.0.0.1_20880'])
    expect(view.names('pds')).toEqual(['dubbo'])
  },
  'test__e2e__metaprotocolgateway__destinationrule.yaml': (yaml) => subsets(yaml, META_THRIFT, 9090, ['v1', 'v2']),
  'test__e2e__metaprotocolgateway__metarouter-v2.yaml': (yaml) => {
    const gateway = `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: istio-ingressgateway, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 9090, name: tcp-metaprotocol-thrift, protocol: TCP}, hosts: ["*"]}]`
    const all = yaml + host(META_THRIFT, 9090, 'tcp-metaprotocol-thrift') + gateway
    const edge = viewOf(all, { namespace: 'istio-system', labels: { istio: 'ingressgateway' } })
    expect(edge.view.names('mlds')).toEqual(['0.0.0.0_9090'])
    for (const method of ['sayHello', '']) expect(goes(edge.table('thrift.9090'), { method })).toEqual({ v2: 1 })
    // Bound to the gateway, so it does not hold beside workloads.
    expect(goes(viewOf(all).table('thrift.9090'), { method: 'sayHello' })).toEqual({ '*': 1 })
  },
  'test__e2e__redis__redisdestination-2.yaml': notCompiled,
  'test__e2e__redis__redisservice-2.yaml': notCompiled,
  'test__e2e__thrift__destinationrule.yaml': (yaml) => {
    subsets(yaml, `thrift-sample-server.${namespaceOf(yaml)}.svc.cluster.local`, 9090, ['v1', 'v2'])
  },
  'test__e2e__thrift__virtualservice-v1.yaml': (yaml) => {
    const name = /hosts:\s*\n\s*- (\S+)/.exec(yaml)![1]!
    const full = name.includes('.') ? name : `${name}.default.svc.cluster.local`
    expect(goes(thrift(yaml, full), { method: 'x' })).toEqual({ v1: 1 })
  },
}

function allThreeOrNone(table: RouteTable, to: Record<string, number>): void {
  expect(goes(table, DEMO_CALL)).toEqual(to)
  for (const field of Object.keys(DEMO_CALL)) {
    expect(goes(table, { ...DEMO_CALL, [field]: 'other' })).toBe('no route')
    const { [field as keyof typeof DEMO_CALL]: _, ...rest } = DEMO_CALL
    expect(goes(table, rest)).toBe('no route')
  }
}

function mutatesAttachments(table: RouteTable, to: Record<string, number>): void {
  expect(goes(table, {})).toEqual(to)
  expect(routeOf(table, {})?.action.requestMutation).toEqual([
    { field: 'attachment.foo', value: 'bar' },
    { field: 'attachment.foo1', value: 'bar1' },
  ])
}

/** Aeraki's codec names end in the protocol; here a Protocol document of that name is the codec. */
function registers(yaml: string, protocol: string): void {
  const service = host('server.example', 9000, `tcp-metaprotocol-${protocol}`)
  expect(viewOf(layout(protocol, ['command']) + yaml + service).view.names('pds')).toEqual([protocol])
  expect(viewOf(yaml + service).view.names('mlds')).toEqual([])
}

/** What holds of any document: no error, and tables a proxy can read, beside workloads and at the edge. */
function compiles(text: string): void {
  // Some are templates, filled in by a script of theirs.
  const yaml = text.replace(/\$\{\w+\}/g, 'default')
  for (const labels of [{}, { istio: 'ingressgateway' }]) {
    const { view, table } = viewOf(yaml, { namespace: namespaceOf(yaml), labels })
    for (const name of view.names('mrds')) expect(table(name).routes).toBeDefined()
    for (const name of view.names('mlds')) expect(view.get('mlds', name)).toBeDefined()
  }
}

describe.skipIf(!folder)('documents of Aeraki', () => {
  const listed = folder ? (JSON.parse(read('expect.json')) as { readonly file: string; readonly expect: string }[]) : []

  it.each(listed)('$file: $expect', ({ file }) => {
    const check = CASES[file] ?? compiles
    check(read(file))
  })

  const known = listed.some(({ file }) => CASES[file])
  it.skipIf(!known)('every expectation has its document', () => {
    expect(Object.keys(CASES).filter((file) => !existsSync(join(folder!, file)))).toEqual([])
  })
})
