import { RESOURCE_TYPES } from '../../proto/types.ts'

/** JSON schemas of what the API answers, by name; they stand under components in the OpenAPI document. */

const string = { type: 'string' } as const
const integer = { type: 'integer' } as const
const strings = { type: 'array', items: string } as const
const time = { type: 'string', format: 'date-time' } as const
const state = { type: 'string', enum: ['SYNCED', 'STALE', 'NACK', 'NOT SENT'] } as const
const exchange = { type: 'object', properties: { nonce: string, at: time }, required: ['nonce', 'at'] } as const

/** A message of the Envoy API in canonical protobuf JSON. */
export const envoyMessage = {
  type: 'object',
  description: 'A message of the Envoy API in canonical protobuf JSON; secrets are redacted.',
  additionalProperties: true,
} as const

export const ref = (name: string) => ({ $ref: `${name}#` }) as const
export const listOf = (name: string) => ({ type: 'array', items: ref(name) }) as const

/** A schema of an object of exactly these properties, all required but the optional ones. */
export const object = (
  $id: string,
  description: string,
  properties: Record<string, object>,
  optional: readonly string[] = [],
) => ({
  $id,
  description,
  type: 'object',
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  additionalProperties: false,
})

/** Sums of requests. */
const requests = { issued: integer, succeeded: integer, failed: integer, inProgress: integer } as const

/** Traffic in some time. */
export const figures = {
  requests: integer,
  failed: { ...integer, description: 'Server errors and no answers, of these requests.' },
  p50Ms: { type: 'number', description: 'Absent where no proxy tells how long requests take.' },
  p99Ms: { type: 'number' },
} as const
export const NO_LATENCY = ['p50Ms', 'p99Ms'] as const

const counts = { type: 'object', additionalProperties: integer } as const

const reportSchemas = [
  object('ProxyLoad', 'What a proxy sent, from its load reports; sums since it began to report.', {
    reporting: { type: 'boolean', description: 'False when it stopped.' },
    reportedAt: time,
    intervalMs: { ...integer, description: 'Length of the last interval.' },
    clusters: { ...integer, description: 'Clusters it has.' },
    used: { ...integer, description: 'Clusters with requests in the last interval.' },
    ...requests,
    dropped: integer,
  }),
  object('ClusterLoad', 'What a proxy sent to one cluster.', {
    cluster: string,
    firstReportedAt: time,
    lastUsedAt: { ...time, description: 'End of the last interval with requests; a new cluster counts as used.' },
    ...requests,
    dropped: integer,
    localities: {
      type: 'array',
      items: {
        type: 'object',
        properties: { locality: string, ...requests },
        required: ['locality', ...Object.keys(requests)],
      },
    },
  }),
  object(
    'Edge',
    'What one workload sent to one cluster, counted from access logs since the control plane began to take them.',
    {
      caller: {
        type: 'object',
        properties: { workload: string, namespace: string },
        required: ['workload', 'namespace'],
      },
      cluster: { ...string, description: 'Empty when none was chosen.' },
      host: { ...string, description: 'Of an outbound cluster.' },
      port: integer,
      subset: string,
      requests: integer,
      connections: { ...integer, description: 'TCP connections.' },
      statuses: { ...counts, description: 'Requests by `1xx` … `5xx`, `none`.' },
      flags: { ...counts, description: "By Envoy's response flags." },
      durationMs: { type: 'number', description: 'Sum.' },
      received: { ...integer, description: 'Bytes of TCP connections from the client.' },
      sent: integer,
      lastSeenAt: time,
      recent: {
        type: 'object',
        description: 'Of the asked window.',
        properties: { requests: integer, errors: integer, durationMs: { type: 'number' } },
        required: ['requests', 'errors', 'durationMs'],
      },
    },
    ['host', 'port', 'subset'],
  ),
  object('ServiceFigures', 'Traffic of one service in a window of time.', { hostname: string, ...figures }, NO_LATENCY),
  object('ClusterTotals', 'What all proxies sent to one cluster.', { cluster: string, ...requests, dropped: integer }),
] as const

export const schemas = [
  object(
    'About',
    'A control plane.',
    {
      version: { ...string, description: 'Of meshgate.' },
      node: { ...string, description: 'Version of Node.js.' },
      objects: { ...integer, description: 'Objects in force.' },
      defaultNamespace: { ...string, description: 'Of documents that name none.' },
      xds: { ...string, description: 'Where proxies connect, `host:port`.' },
      folder: { ...string, description: 'Of configuration, as it was named at the start.' },
    },
    ['xds', 'folder'],
  ),
  object('Error', 'Every answer that is not 2xx.', {
    code: { ...string, description: 'Stable, for programs.' },
    message: { ...string, description: 'For people.' },
  }),
  object(
    'Drain',
    'How long a backend should go on serving after it left its registry, ms; measured from changes until proxies accepted them.',
    { samples: integer, p50Ms: integer, p99Ms: integer, waitMs: integer },
    ['p50Ms', 'p99Ms'],
  ),
  object('Held', 'A list of a registry that lost so much at once that it waits to be confirmed.', {
    what: string,
    since: time,
    before: integer,
    now: integer,
    why: { ...string, enum: ['shrank', 'went back', 'empty', 'filtered'] },
  }),
  object(
    'Source',
    'A registry the mesh reads beside its configuration.',
    {
      name: string,
      state: {
        ...string,
        enum: ['syncing', 'ok', 'degraded', 'lost'],
        description: 'lost: it does not answer, and the last good services are served.',
      },
      services: integer,
      followed: { ...integer, description: 'Services somebody is served.' },
      instances: { ...integer, description: 'Instances of those.' },
      waiting: { ...integer, description: 'Followed services not read yet.' },
      lastContact: time,
      ageMs: { ...integer, description: 'How old what is served may be; 0 while it answers.' },
      error: string,
      requests: integer,
      held: { type: 'array', items: ref('Held') },
    },
    ['lastContact', 'error'],
  ),
  object('Place', 'A place in a document. Lines and columns count from 1.', {
    document: { ...string, description: '`<kind>/<namespace>/<name>`' },
    file: string,
    line: integer,
    column: integer,
  }),
  object(
    'Diagnostic',
    'A complaint about configuration.',
    {
      code: string,
      severity: { ...string, enum: ['error', 'warning', 'info'] },
      message: string,
      file: string,
      line: integer,
      column: integer,
      path: { ...string, description: '`spec.http[0].route[1].weight`; empty for a whole document or file.' },
      hint: string,
    },
    ['hint'],
  ),
  object('Diagnostics', 'Complaints, worst first.', {
    diagnostics: listOf('Diagnostic'),
    summary: { type: 'object', properties: { errors: integer, warnings: integer }, required: ['errors', 'warnings'] },
  }),
  object(
    'Step',
    "One step of a request's way through a proxy.",
    {
      step: string,
      name: string,
      detail: { ...string, description: 'What happens here; the English of `text`.' },
      text: { type: 'object', properties: { en: string, zh: string }, required: ['en', 'zh'] },
      share: { type: 'number', description: 'Share of requests that take this way, 0 to 1.' },
      places: listOf('Place'),
    },
    ['share'],
  ),
  object('Explanation', 'The way of a request through a proxy.', {
    steps: listOf('Step'),
    outcome: { ...string, enum: ['endpoints', 'answer', 'none'] },
  }),
  object(
    'ProxyType',
    'One type of resources of a proxy.',
    {
      type: { ...string, enum: [...RESOURCE_TYPES] },
      state,
      subscribed: { ...string, description: '`*` for everything, else the number of names asked for.' },
      sent: { ...exchange, description: 'The newest response.' },
      acked: { ...exchange, description: 'The newest response the proxy accepted.' },
      unansweredSince: { ...time, description: 'Since when a response waits for its answer.' },
      rejected: {
        type: 'object',
        description: 'What the proxy refuses, in its own words, and where that comes from.',
        properties: { message: string, at: time, resources: strings, places: listOf('Place') },
        required: ['message', 'at', 'resources', 'places'],
      },
    },
    ['sent', 'acked', 'unansweredSince', 'rejected'],
  ),
  object(
    'Proxy',
    'A stream of a proxy.',
    {
      node: string,
      cluster: string,
      locality: string,
      userAgent: string,
      mode: { ...string, enum: ['delta', 'sotw'] },
      peer: string,
      identities: { ...strings, description: 'Names its certificate proves; absent when it showed none.' },
      connected: { type: 'boolean' },
      connectedAt: time,
      disconnectedAt: time,
      state: { ...state, description: 'The worst of its types.' },
      types: listOf('ProxyType'),
      notices: { ...strings, description: 'What is not as it should be; absent when nothing is.' },
      onDemand: ref('ProxyOnDemand'),
      replica: {
        ...string,
        description: 'Replica of the control plane it is connected to; absent for the one that answers.',
      },
      load: ref('ProxyLoad'),
    },
    ['identities', 'replica', 'disconnectedAt', 'notices', 'onDemand', 'load'],
  ),
  object('ProxyOnDemand', 'What a proxy has that gets clusters when a request needs them.', {
    workload: { ...string, description: 'The workload it is a replica of.' },
    clusters: { ...integer, description: 'Clusters it has by name.' },
    learned: { ...integer, description: 'Clusters a new replica of the workload gets at once.' },
    evicted: { ...integer, description: 'Clusters its class has let go of so far.' },
    notices: { type: 'array', items: string, description: 'What is not as it should be.' },
  }),
  ...reportSchemas,
  object(
    'ProxyExchange',
    'A response to a proxy, or its answer to one.',
    {
      type: { ...string, enum: [...RESOURCE_TYPES] },
      event: { ...string, enum: ['sent', 'ack', 'nack'] },
      at: time,
      nonce: { ...string, description: 'Of the response; an answer to it also answers those before it.' },
      resources: { ...integer, description: 'Resources in the response.' },
      removed: { ...integer, description: 'Names it takes away.' },
      message: { ...string, description: "The proxy's own words about why it refuses." },
    },
    ['message'],
  ),
  object('HeldConfig', 'A resource as a proxy has it.', {
    name: string,
    version: string,
    acknowledged: { type: 'boolean', description: 'False while its newest version is on its way.' },
    places: listOf('Place'),
    config: envoyMessage,
  }),
  object('ServicePort', 'A port of a service.', {
    number: integer,
    name: string,
    protocol: string,
    endpoints: { type: 'array', items: ref('Endpoint') },
  }),
  object('Endpoint', 'Where a service runs.', {
    address: string,
    port: integer,
    weight: integer,
    health: { ...string, enum: ['healthy', 'unhealthy', 'draining'] },
    labels: { type: 'object', additionalProperties: string },
    locality: { ...string, description: '`region/zone/subzone`; empty when none is set.' },
    place: ref('Place'),
  }),
  object('Kind', 'A kind of documents.', {
    kind: string,
    group: { ...string, description: 'API group; empty is the core group of Kubernetes.' },
    versions: { ...strings, description: 'The preferred one first.' },
    doc: string,
    compiled: { type: 'boolean', description: 'Whether documents of the kind change what proxies get.' },
  }),
  object('Service', 'A host of the registry.', {
    hostname: string,
    namespace: string,
    resolution: { ...string, enum: ['STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'NONE'] },
    meshExternal: { type: 'boolean' },
    addresses: strings,
    exportTo: strings,
    endpointsKnown: {
      type: 'boolean',
      description: 'False while a registry has not been asked for its endpoints: nobody is served them.',
    },
    ports: listOf('ServicePort'),
    place: ref('Place'),
  }),
  object(
    'Policy',
    'One thing one rule does to services.',
    {
      topic: {
        ...string,
        enum: ['split', 'circuitBreaking', 'fault', 'timeoutRetry', 'mirror', 'loadBalancing', 'messageRoutes'],
      },
      document: { ...string, description: '`<kind>/<namespace>/<name>`' },
      path: { ...string, description: '`spec.http[0].fault`' },
      place: ref('Place'),
      services: { ...strings, description: 'Full names of the services it is for.' },
      match: { ...string, description: 'The condition it stands under, in short; empty for every request.' },
      values: {
        type: 'array',
        description: 'Fields and their values; for splits and message routes, destinations and their weights.',
        items: { type: 'object', properties: { name: string, value: string }, required: ['name', 'value'] },
      },
      expiresAt: { ...time, description: 'When it ends by itself.' },
    },
    ['expiresAt'],
  ),
  object('TopologyNode', 'A service, a way in, or a caller.', {
    id: string,
    kind: { ...string, enum: ['service', 'gateway', 'host', 'workload'] },
    name: string,
    namespace: string,
    endpoints: integer,
    policies: { ...strings, description: 'Topics of policies that rules have for it.' },
  }),
  object(
    'TopologyEdge',
    'A call, as a rule says or as proxies report.',
    {
      from: string,
      to: string,
      configured: { type: 'boolean', description: 'Whether a rule says so.' },
      issued: { ...integer, description: 'Requests that proxies reported; absent when nothing is known.' },
      failed: integer,
      document: { ...string, description: 'The rule.' },
    },
    ['issued', 'failed', 'document'],
  ),
  object('Topology', 'Who calls whom.', { nodes: listOf('TopologyNode'), edges: listOf('TopologyEdge') }),
  object('MaglevPreview', 'A Maglev table as Envoy builds it.', {
    tableSize: integer,
    endpoints: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          address: { ...string, description: '`address:port`' },
          weight: integer,
          share: { type: 'number', description: 'Share of keys, 0 to 1.' },
          moved: { type: 'number', description: 'Share of keys that go elsewhere when it leaves, its own included.' },
        },
        required: ['address', 'weight', 'share', 'moved'],
      },
    },
    keys: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          key: string,
          address: { ...string, description: 'Where it goes.' },
          without: { ...string, description: 'Where it goes when that endpoint leaves.' },
        },
        required: ['key'],
      },
    },
  }),
] as const

/** The answers of a route: its own, and the error every route may give. */
export function answers(schema: object, description: string) {
  return { 200: { description, ...schema }, default: { ...ref('Error'), description: 'What went wrong.' } }
}
