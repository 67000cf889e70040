import { RESOURCE_TYPES } from '../../proto/types.ts'
import {
  counts,
  envoyMessage,
  figures,
  flag,
  listOf,
  moment,
  NO_LATENCY,
  number,
  object,
  one,
  part,
  parts,
  ref,
  text,
  texts,
  whole,
} from './schema-parts.ts'

/** JSON schemas of what the API tells of proxies: who they are, what they have, what they report. */

const STATES = ['SYNCED', 'STALE', 'NACK', 'NOT SENT'] as const
const exchange = (description: string) => ({
  ...part({ nonce: text('Its nonce, which also numbers the state of the class.'), at: moment('When.') }),
  description,
})
const type = one(RESOURCE_TYPES, 'Type of resources, by the letters of its discovery service.')

/** Sums of requests. */
const sums = {
  issued: whole('Requests that were sent, each try for itself, and those that found no connection.'),
  succeeded: whole('Of them, those that were answered without an error.'),
  failed: whole('Of them, those that were answered with a server error, or not at all.'),
  inProgress: whole('Unfinished at the last report.'),
} as const
const dropped = whole('Requests the proxy threw away by a circuit breaker or by the drop rules of its load assignment.')
const cluster = text('Name of the cluster, `outbound|<port>|<subset>|<host>`.')

export const proxySchemas = [
  object(
    'ProxyType',
    'One type of resources of a proxy.',
    {
      type,
      state: one(
        STATES,
        'SYNCED: it accepted all there is. STALE: something is on its way. NACK: it refuses something. NOT SENT: nothing was there to send.',
      ),
      subscribed: text('`*` for everything, else the number of names asked for.'),
      sent: exchange('The newest response.'),
      acked: exchange('The newest response the proxy accepted.'),
      unansweredSince: moment('Since when a response waits for its answer.'),
      rejected: {
        ...part({
          message: text("The proxy's own words."),
          at: moment('When it said so.'),
          resources: texts('Names of what it refuses; empty where that is not known.'),
          places: listOf('Place', 'Where in the documents that comes from.'),
        }),
        description: 'What the proxy refuses, in its own words, and where that comes from.',
      },
    },
    ['sent', 'acked', 'unansweredSince', 'rejected'],
  ),
  object(
    'Proxy',
    'A stream of a proxy.',
    {
      node: text('Node id.'),
      cluster: text('Node cluster, as the proxy says it.'),
      locality: text('`region/zone/subzone`; empty when none is set.'),
      userAgent: text('Program and version, such as `envoy/1.39.3`.'),
      mode: one(['delta', 'sotw'], 'Form of xDS: what differs, or the state of the world.'),
      peer: text('Address it is connected from.'),
      identities: texts('Names its certificate proves; absent when it showed none.'),
      connected: flag('False for one that left in the last minutes.'),
      connectedAt: moment('When it connected.'),
      disconnectedAt: moment('When it left.'),
      state: one(STATES, 'The worst of its types.'),
      types: listOf('ProxyType', 'What it asks for, by type.'),
      notices: texts('What is not as it should be; absent when nothing is.'),
      onDemand: ref('ProxyOnDemand'),
      replica: text('Replica of the control plane it is connected to; absent for the one that answers.'),
      load: ref('ProxyLoad'),
    },
    ['identities', 'replica', 'disconnectedAt', 'notices', 'onDemand', 'load'],
  ),
  object('ProxyOnDemand', 'What a proxy has that gets clusters when a request needs them.', {
    workload: text('The workload it is a replica of.'),
    clusters: whole('Clusters it has by name.'),
    learned: whole('Clusters a new replica of the workload gets at once.'),
    evicted: whole('Clusters its class has let go of so far.'),
    notices: texts('What is not as it should be.'),
  }),
  object(
    'ProxyExchange',
    'A response to a proxy, or its answer to one.',
    {
      type,
      event: one(['sent', 'ack', 'nack'], 'Whether it was sent, accepted or refused.'),
      at: moment('When.'),
      nonce: text('Of the response; an answer to it also answers those before it.'),
      resources: whole('Resources in the response.'),
      removed: whole('Names it takes away.'),
      message: text("The proxy's own words about why it refuses."),
    },
    ['message'],
  ),
  object('HeldConfig', 'A resource as a proxy has it.', {
    name: text('Name on the wire.'),
    version: text('Hash of its bytes.'),
    acknowledged: flag('False while its newest version is on its way.'),
    places: listOf('Place', 'Where in the documents it comes from.'),
    config: envoyMessage,
  }),
  object('ProxyLoad', 'What a proxy sent, from its load reports; sums since it began to report.', {
    reporting: flag('False when it stopped.'),
    reportedAt: moment('When the last report came.'),
    intervalMs: whole('Length of the last interval.'),
    clusters: whole('Clusters it has.'),
    used: whole('Clusters with requests in the last interval.'),
    ...sums,
    dropped,
  }),
  object('ClusterLoad', 'What a proxy sent to one cluster.', {
    cluster,
    firstReportedAt: moment('When it was first listed.'),
    lastUsedAt: moment('End of the last interval with requests; a new cluster counts as used.'),
    ...sums,
    dropped,
    localities: parts('The same by where the endpoints are; `issued` are those that were sent.', {
      locality: text('`region/zone/subzone`; empty when endpoints have none.'),
      ...sums,
    }),
  }),
  object('ClusterTotals', 'What all proxies sent to one cluster.', { cluster, ...sums, dropped }),
  object(
    'ServiceFigures',
    'Traffic of one service in a window of time.',
    { hostname: text('Full name of the service.'), ...figures },
    NO_LATENCY,
  ),
  object(
    'Edge',
    'What one workload sent to one cluster, counted from access logs since the control plane began to take them.',
    {
      caller: {
        ...part({ workload: text('Its name.'), namespace: text('Its namespace.') }),
        description: 'The workload that called.',
      },
      cluster: text('Empty when none was chosen.'),
      host: text('Of an outbound cluster.'),
      port: whole('Of an outbound cluster.'),
      subset: text('Of an outbound cluster; absent when it has none.'),
      requests: whole('HTTP requests.'),
      connections: whole('TCP connections.'),
      statuses: counts('Requests by `1xx` … `5xx`, `none`.'),
      flags: counts("By Envoy's response flags."),
      durationMs: number('Sum.'),
      received: whole('Bytes of TCP connections from the client.'),
      sent: whole('Bytes of TCP connections to the client.'),
      lastSeenAt: moment('When the last one was reported.'),
      recent: {
        ...part({
          requests: whole('Requests and connections.'),
          errors: whole('Of these: server errors and no answers.'),
          durationMs: number('Sum.'),
        }),
        description: 'Of the asked window.',
      },
    },
    ['host', 'port', 'subset'],
  ),
] as const
