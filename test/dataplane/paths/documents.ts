import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { FieldSchema } from '../../../admin-ui/src/forms/schema.ts'
import type { Random } from '../../../codecs/mutated.ts'
import { testCa } from '../../helpers/certificates.ts'
import { kindSchema } from '../../helpers/kind-schemas.ts'

/** A document of the mesh. */
export interface Document {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> }
  readonly spec: Tree
}
export type Tree = { [key: string]: unknown }

export const GAME_PORT = 17_000
const ARENA_PORT = 17_001
/** Ids that requests are sent with; rules are for some of them. */
export const MESSAGE_IDS = [100, 101, 102, 103, 104, 105]
const SERVICES = ['battle.test', 'chat.test', 'shop.test']

const arena = parse(
  readFileSync(new URL('../../../examples/messages/arena.protocol.yaml', import.meta.url), 'utf8'),
) as Document

const meshgate = (kind: string, name: string, spec: Tree): Document => ({
  apiVersion: 'meshgate.io/v1',
  kind,
  metadata: { name },
  spec,
})
const istio = (kind: string, name: string, spec: Tree): Document => ({
  apiVersion: 'networking.istio.io/v1',
  kind,
  metadata: { name },
  spec,
})

function service(host: string, index: number): readonly Document[] {
  const endpoints = [1, 2, 3].map((n) => ({
    address: `10.1.${index}.${n}`,
    labels: { version: n === 3 ? 'v2' : 'v1' },
  }))
  return [
    istio('ServiceEntry', host.replace('.', '-'), {
      hosts: [host],
      location: 'MESH_INTERNAL',
      resolution: 'STATIC',
      ports: [
        { number: 12_345, name: 'game', protocol: 'TCP' },
        { number: 12_346, name: 'arena', protocol: 'TCP' },
      ],
      endpoints,
    }),
    istio('DestinationRule', host.replace('.', '-'), {
      host,
      trafficPolicy: {
        loadBalancer: { simple: 'ROUND_ROBIN' },
        connectionPool: { tcp: { maxConnections: 20 }, http: { http1MaxPendingRequests: 20, maxRetries: 2 } },
        outlierDetection: { consecutive5xxErrors: 5 },
      },
      subsets: ['v1', 'v2'].map((version) => ({ name: version, labels: { version } })),
    }),
  ]
}

const authority = await testCa()
const certificates = await Promise.all(['a', 'b', 'c'].map((name) => authority.issue(name, { dns: [name] })))

function secret(index: number) {
  const { cert, key } = certificates[index]!
  return { 'tls.crt': cert, 'tls.key': key, 'ca.crt': index === 0 ? authority.cert : cert }
}

/** Two listeners of two protocols, three services with two versions each, and some rules. */
export function firstDocuments(): readonly Document[] {
  const server = (number: number, protocol: string) => ({
    port: { number, name: `${protocol}-${number}`, protocol: 'TCP' },
    bind: '127.0.0.1',
    hosts: ['*'],
  })
  return [
    arena,
    ...SERVICES.flatMap(service),
    istio('Gateway', 'edge', { servers: [server(GAME_PORT, 'game'), server(ARENA_PORT, 'arena')] }),
    meshgate('Mesh', 'mesh', {
      messages: { requestTimeout: '320ms', accessLog: {}, upstream: { minConnections: 1 } },
    }),
    ...['edge', 'other'].map((name, index) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name },
      spec: {},
      stringData: secret(index),
    })),
    meshgate('MsgRouter', 'one', {
      msgid: 100,
      svrName: 'battle.test',
      port: 12_345,
      localRateLimit: [{ tokenBucket: { maxTokens: 3, fillInterval: '500h' } }],
      retries: { attempts: 1, idempotent: true, retryOn: ['error-reply', 'reset'] },
    }),
    meshgate('MsgRouter', 'two', {
      msgid: 101,
      fault: { delay: { percentage: { value: 100 }, fixedDelay: '20ms' } },
      responseMutation: [{ field: 'uid', value: '9' }],
      route: [
        { destination: { host: 'chat.test', subset: 'v1', port: { number: 12_345 } }, weight: 1 },
        { destination: { host: 'chat.test', subset: 'v2', port: { number: 12_345 } }, weight: 1 },
      ],
    }),
    meshgate('MsgRouter', 'three', {
      msgid: [102, '103-104'],
      svrName: 'shop.test',
      port: 12_346,
      hashKey: ['uid'],
      mirror: { host: 'chat.test', port: { number: 12_345 } },
      requestMutation: [{ field: 'player', value: '5' }],
    }),
    meshgate('MsgRouter', 'four', { svrName: 'shop.test', port: 12_345, timeout: '160ms' }),
  ]
}

/** Fields that say what no proxy without a network can do, or that are another's matter. */
const LEFT_ALONE = new Set([
  ...['tracing', 'protocol', 'gateways', 'selector', 'exportTo', 'host', 'rateLimitService', 'workloadSelector'],
  ...['portLevelSettings', 'tunnel', 'proxyProtocol', 'retryBudget', 'subjectAltNames', 'caCrl', 'httpCookie'],
  ...['backendUtilization', 'zoneAwareLbSetting', 'localityLbSetting', 'httpHeaderName', 'httpQueryParameterName'],
  ...['clientCertificate', 'privateKey', 'caCertificates', 'warmupDurationSecs', 'warmup'],
])

const of = <T>(any: Random, list: readonly T[]): T => list[any(list.length)]!
const oneIn = (any: Random, n: number) => any(n) === 0

/** Values by the name of the field; others by its type. */
const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  host: SERVICES,
  svrName: SERVICES,
  subset: ['v1', 'v2', 'v2', 'none'],
  port: [12_345, 12_346],
  number: [12_345, 12_346],
  msgid: [...MESSAGE_IDS, '101-103', [100, 104]],
  hashKey: ['uid', 'player', ['uid', 'player', 'sourceIp'], 'sourceIp'],
  field: ['uid', 'player', 'none'],
  per: [['uid'], ['player'], ['msgid', 'uid']],
  fields: [['uid'], ['msgid', 'player'], []],
  weight: [0, 1, 1, 2],
  path: ['/dev/stdout', '/dev/stderr'],
  match: [
    { uid: 1 },
    { uid: { in: [1, 2] } },
    { player: { range: { first: 1, last: 2 } } },
    { uid: { not: true, exact: 77 } },
  ],
  attempts: [0, 1, 2],
  statuses: [[1], [0]],
  simple: ['ROUND_ROBIN', 'RANDOM', 'LEAST_REQUEST'],
  mode: ['DISABLE', 'SIMPLE', 'MUTUAL'],
  credentialName: ['edge', 'other', 'missing'],
  sni: ['one.test', 'two.test'],
  tls: [
    { mode: 'SIMPLE', sni: 'one.test', insecureSkipVerify: true },
    { mode: 'SIMPLE', credentialName: 'edge' },
    { mode: 'MUTUAL', credentialName: 'other' },
    { mode: 'DISABLE' },
  ],
  tableSize: [101, 503],
  minimumRingSize: [64, 128],
  maxEjectionPercent: [0, 50, 100],
  maxTokens: [1, 3, 100],
  // No bucket is filled while the same requests are tried with both proxies.
  fillInterval: ['500h'],
  minConnections: [1, 2],
  connectionsPerHost: [1, 3],
  maxConnections: [2, 20],
  maxRequestsPerConnection: [3, 20],
  idleTimeout: ['20s', '40s'],
  reply: [{ code: 7 }, { message: 'no' }],
}
const DURATIONS = ['20ms', '100ms', '320ms', '480ms']

/** A value that fits a schema. */
function made(schema: FieldSchema, name: string, any: Random): unknown {
  const known = VALUES[name]
  if (known && name !== 'match') return of(any, known)
  if (name === 'match') return schema.type === 'array' ? [of(any, VALUES['match']!)] : of(any, VALUES['match']!)
  if (schema.anyOf) return made(of(any, schema.anyOf), name, any)
  if (schema.enum) return of(any, schema.enum)
  switch (schema.type) {
    case 'object': {
      const tree: Tree = {}
      for (const field of fieldsOf(schema))
        if (schema.required?.includes(field) || oneIn(any, 3))
          tree[field] = made(schema.properties![field]!, field, any)
      return alone(schema, tree)
    }
    case 'array':
      return Array.from({ length: 1 + any(2) }, () => made(schema.items ?? {}, name, any))
    case 'boolean':
      return any(2) === 0
    case 'integer':
      return of(any, [1, 2, 5, 20])
    case 'number':
      return of(any, [0, 100, 100, 30])
    default:
      return schema.format === 'duration' ? of(any, DURATIONS) : of(any, ['1', '2', '77'])
  }
}

function fieldsOf(schema: FieldSchema): readonly string[] {
  return Object.keys(schema.properties ?? {}).filter(
    (name) => !LEFT_ALONE.has(name) && !schema.properties![name]!['x-unsupported'],
  )
}

/** Of fields that exclude each other the first stays. */
function alone(schema: FieldSchema, tree: Tree): Tree {
  for (const group of schema['x-oneofs'] ?? [])
    for (const name of group.filter((field) => field in tree).slice(1)) delete tree[name]
  return tree
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value)

/** A value with one thing changed, somewhere in it. */
function changed(schema: FieldSchema, name: string, value: unknown, any: Random): unknown {
  if (Array.isArray(value)) {
    const list = [...value]
    const at = any(list.length)
    const draw = any(6)
    if (draw === 0 && list.length > 1) list.splice(at, 1)
    else if (draw === 1) list.splice(at, 0, made(schema.items ?? {}, name, any))
    else if (draw === 2) list.reverse()
    else list[at] = changed(schema.items ?? {}, name, list[at], any)
    return list
  }
  if (!isTree(value) || !schema.properties) return made(schema, name, any)
  const tree = { ...value }
  const there = fieldsOf(schema).filter((field) => field in tree)
  const draw = any(10)
  if (draw < 6 && there.length > 0) {
    const field = of(any, there)
    tree[field] = changed(schema.properties[field]!, field, tree[field], any)
  } else if (draw < 7 && there.length > 0) delete tree[of(any, there)]
  else {
    const absent = fieldsOf(schema).filter((field) => !(field in tree))
    if (absent.length === 0) return tree
    const field = of(any, absent)
    tree[field] = made(schema.properties[field]!, field, any)
    for (const group of schema['x-oneofs'] ?? [])
      if (group.includes(field)) for (const other of group) if (other !== field) delete tree[other]
  }
  return tree
}

function schemaOf(kind: string, ...path: readonly string[]): FieldSchema {
  return ['spec', ...path].reduce((schema, field) => schema.properties![field]!, kindSchema(kind)!)
}

/** Kinds as often as they are edited: rules say most of what is done with a message. */
const EDITED = [
  ...['MsgRouter', 'MsgRouter', 'MsgRouter', 'MsgRouter', 'DestinationRule', 'DestinationRule', 'DestinationRule'],
  ...['ServiceEntry', 'ServiceEntry', 'Mesh', 'Mesh', 'Gateway', 'Protocol', 'Secret'],
]

/** Somebody edits the documents: one field of one of them, an endpoint, a port, a rule that comes or goes. The result may be wrong. */
export function edited(documents: readonly Document[], any: Random): readonly Document[] {
  const kinds = of(any, EDITED)
  const those = documents.flatMap(({ kind }, index) => (kind === kinds ? [index] : []))
  const at = those.length > 0 ? of(any, those) : any(documents.length)
  const document = documents[at]!
  const by = (spec: Tree) => documents.with(at, { ...document, spec })
  const { kind, spec } = document
  switch (kind) {
    case 'MsgRouter':
      if (oneIn(any, 8)) return documents.toSpliced(at, 1)
      if (oneIn(any, 4)) return [...documents, rule(`r${any(4)}`, any)].filter(onlyLast)
      // Limits remember: they are changed more often than a field deep in a rule would be.
      if (oneIn(any, 5)) {
        const tokenBucket = { maxTokens: 1 + any(4), fillInterval: '500h' }
        return by({ ...spec, localRateLimit: [{ tokenBucket, ...(oneIn(any, 2) && { per: ['uid'] }) }] })
      }
      return by(changed(schemaOf(kind), kind, spec, any) as Tree)
    case 'DestinationRule': {
      if (oneIn(any, 10)) return documents.toSpliced(at, 1)
      const policy = changed(schemaOf(kind, 'trafficPolicy'), 'trafficPolicy', spec['trafficPolicy'] ?? {}, any)
      if (oneIn(any, 2)) return by({ ...spec, trafficPolicy: policy })
      const subsets = spec['subsets'] as Tree[]
      const one = any(subsets.length)
      return by({ ...spec, subsets: subsets.with(one, { ...subsets[one], trafficPolicy: policy }) })
    }
    case 'ServiceEntry':
      return by({ ...spec, endpoints: endpoints(spec['endpoints'] as Tree[], any) })
    case 'Mesh':
      return by({ messages: changed(schemaOf(kind, 'messages'), 'messages', spec['messages'], any) })
    case 'Gateway':
      return documents.with(at, { ...gateway(document, any) })
    case 'Protocol': {
      const connections = of(any, [
        ['shared', 'bound'],
        ['bound', 'exclusive'],
        ['exclusive'],
        ['shared', 'bound', 'exclusive'],
      ])
      const more = oneIn(any, 2) ? { body: { at: 24, type: 'bytes', size: 'rest' } } : {}
      return by({ ...arena.spec, connections, fields: { ...(arena.spec['fields'] as Tree), ...more } })
    }
    default: {
      return documents.with(at, { ...document, stringData: secret(any(certificates.length)) } as Document)
    }
  }
}

function rule(name: string, any: Random): Document {
  const spec = alone(schemaOf('MsgRouter'), made(schemaOf('MsgRouter'), 'MsgRouter', any) as Tree)
  return meshgate('MsgRouter', name, { ...spec, msgid: of(any, VALUES['msgid']!), routes: undefined })
}

const onlyLast = ({ kind, metadata }: Document, at: number, all: readonly Document[]) =>
  all.findLastIndex((other) => other.kind === kind && other.metadata.name === metadata.name) === at

function endpoints(list: readonly Tree[], any: Random): readonly Tree[] {
  const at = any(list.length + 1)
  const address = `${String(list[0]?.['address'] ?? '10.1.0.1').replace(/\d+$/, '')}${1 + any(5)}`
  const own = { address, labels: { version: of(any, ['v1', 'v2']) }, ...(oneIn(any, 3) && { weight: 1 + any(3) }) }
  if (oneIn(any, 3) && list.length > 0) return list.filter((_, i) => i !== at)
  return [...list.filter((one) => one['address'] !== address), own]
}

function gateway(document: Document, any: Random): Document {
  const servers = structuredClone(document.spec['servers']) as Tree[]
  const server = servers[any(servers.length)]!
  const draw = any(6)
  if (draw === 0 && servers.length > 1) servers.splice(servers.indexOf(server), 1)
  else if (draw === 1) servers.reverse()
  else if (draw === 2) {
    // Another protocol on the same port.
    const { name, number } = server['port'] as { name: string; number: number }
    server['port'] = { ...(server['port'] as Tree), name: `${name.startsWith('game') ? 'arena' : 'game'}-${number}` }
  } else if (draw === 3)
    server['port'] = { ...(server['port'] as Tree), number: of(any, [GAME_PORT, ARENA_PORT, 17_002]) }
  else if (draw === 4) {
    const annotations = document.metadata.annotations ? {} : { 'meshgate.io/proxy-protocol': 'true' }
    return { ...document, metadata: { name: document.metadata.name, annotations } }
  } else if (server['tls']) {
    delete server['tls']
    ;(server['port'] as Tree)['protocol'] = 'TCP'
  } else {
    server['tls'] = { mode: of(any, ['SIMPLE', 'MUTUAL']), credentialName: of(any, ['edge', 'other', 'missing']) }
    ;(server['port'] as Tree)['protocol'] = 'TLS'
  }
  return { ...document, spec: { servers } }
}
